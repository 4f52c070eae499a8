// The admin API, as its own OpenAPI document tells it.

import { at, get } from "../api.js";
import { append, h, replace } from "../h.js";

const METHODS = ["get", "post", "put", "patch", "delete"];

/** The reference. */
export async function reference({ signal }) {
  const document = await get(at("openapi.json"), { signal });
  const tags = new Map();
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS.filter((method) => item[method])) {
      const operation = { method, path, ...item[method], parameters: [...(item.parameters ?? []), ...(item[method].parameters ?? [])] };
      const tag = operation.tags?.[0] ?? "other";
      tags.set(tag, [...(tags.get(tag) ?? []), operation]);
    }
  }
  const list = h("div");
  const input = h("input", { type: "search", "aria-label": "Search operations", placeholder: "Search operations" });
  const draw = () => {
    const wanted = input.value.trim().toLowerCase();
    const fits = ({ method, path, summary = "" }) => `${method} ${path} ${summary}`.toLowerCase().includes(wanted);
    const sections = [...tags].map(([tag, operations]) => [tag, operations.filter(fits)]).filter(([, operations]) => operations.length);
    replace(list, sections.map(([tag, operations]) => h("section", {}, h("h2", {}, tag), operations.map((operation) => draws(operation, document)))), sections.length ? null : h("p", { class: "empty" }, "Nothing fits."));
  };
  input.addEventListener("input", draw);
  draw();
  return {
    title: "API reference",
    actions: h("a", { class: "button", href: at("openapi.json") }, "openapi.json"),
    content: [h("p", {}, document.info.description?.split("\n\n")[0] ?? ""), h("search", { class: "bar" }, input), list],
  };
}

function draws(operation, document) {
  const box = h("details", { class: "operation" }, h("summary", {}, h("span", { class: "method" }, operation.method.toUpperCase()), h("code", {}, operation.path), h("span", {}, operation.summary ?? "")));
  box.addEventListener("toggle", () => {
    if (box.open && box.children.length === 1) append(box, details(operation, document));
  });
  return box;
}

function details(operation, document) {
  const parameters = operation.parameters.map((parameter) => resolve(parameter, document));
  const body = resolve(operation.requestBody, document);
  return h(
    "div",
    {},
    operation.description && operation.description !== operation.summary ? h("p", {}, operation.description) : null,
    parameters.length
      ? [h("h3", {}, "Parameters"), h("ul", { class: "schema" }, parameters.map((parameter) => h("li", {}, h("code", {}, parameter.name), ` in ${parameter.in}${parameter.required ? ", required" : ""}: ${kind(parameter.schema, document)}. `, h("span", { class: "faint" }, parameter.description ?? parameter.schema?.description ?? ""))))]
      : null,
    body ? [h("h3", {}, "Body"), content(body, document)] : null,
    h("h3", {}, "Answers"),
    Object.entries(operation.responses ?? {}).map(([status, answer]) => response(status, resolve(answer, document), document)),
  );
}

function response(status, answer, document) {
  const isProblem = Object.keys(answer.content ?? {}).includes("application/problem+json");
  const text = h("p", {}, h("strong", {}, status), ` ${answer.description ?? ""}`, isProblem ? h("span", { class: "faint" }, " (a problem)") : null);
  return isProblem ? text : [text, content(answer, document)];
}

function content(holder, document) {
  return Object.entries(holder.content ?? {}).map(([type, { schema }]) => [h("p", { class: "faint" }, h("code", {}, type)), tree(schema, document)]);
}

function resolve(value, document) {
  const reference = value?.$ref;
  if (!reference) return value;
  return reference.split("/").slice(1).reduce((inner, step) => inner?.[step.replaceAll("~1", "/").replaceAll("~0", "~")], document);
}

function kind(schema, document) {
  const whole = resolve(schema, document) ?? {};
  if (whole.enum) return whole.enum.map((value) => JSON.stringify(value)).join(" or ");
  if (whole.const !== undefined) return JSON.stringify(whole.const);
  const either = whole.anyOf ?? whole.oneOf;
  if (either) return either.map((one) => kind(one, document)).join(" or ");
  if (whole.type === "array") return `list of ${kind(whole.items, document)}`;
  return [whole.type ?? (whole.properties ? "object" : "anything")].flat().join(" or ");
}

function tree(schema, document, depth = 0) {
  const whole = resolve(schema, document) ?? {};
  const inner = whole.type === "array" || whole.items ? resolve(whole.items, document) : whole;
  const either = (inner?.anyOf ?? inner?.oneOf ?? []).map((one) => resolve(one, document)).find((one) => one?.properties);
  const { properties, required = [] } = inner?.properties ? inner : either ?? {};
  if (!properties) return depth ? null : h("p", {}, kind(schema, document));
  const items = Object.entries(properties).map(([name, property]) => {
    const told = resolve(property, document) ?? {};
    const line = [h("code", {}, name), required.includes(name) ? "" : "?", `: ${kind(property, document)}. `, h("span", { class: "faint" }, property.description ?? told.description ?? "")];
    return h("li", {}, line, depth < 4 ? tree(property, document, depth + 1) : null);
  });
  return h("ul", { class: "schema" }, items);
}
