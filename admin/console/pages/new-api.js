// An API to be made: from an OpenAPI document, or empty; and another version of one.

import { at, call, Problem } from "../api.js";
import { Form } from "../form.js";
import { h, replace } from "../h.js";
import { sayLive } from "../notice.js";
import { go, to } from "../router.js";
import { tenantForNew } from "../session.js";

/** The page. */
export async function newApi() {
  const tenant = tenantForNew();
  return {
    title: "New API",
    crumbs: [["APIs", to("apis")]],
    content: [
      h("p", { class: "faint" }, `In the tenant ${tenant}. It is made in the state created: nobody calls it before it is published.`),
      h("section", { class: "panel" }, h("h2", {}, "From an OpenAPI document or an apictl project"), imported(tenant)),
      h("section", { class: "panel" }, h("h2", {}, "Empty"), empty(tenant)),
    ],
  };
}

function imported(tenant) {
  const notes = h("div", { "aria-live": "polite" });
  const form = new Form({
    draft: {},
    action: "Import",
    build: (form) => [
      chooser(form),
      form.area("/document", "The document", { rows: 8, class: "code", hint: "Or paste it here: OpenAPI 3 or Swagger 2, as JSON or YAML." }),
      h(
        "div",
        { class: "grid" },
        form.text("/name", "Name", { placeholder: "as the document says" }),
        form.text("/context", "Context", { placeholder: "as the document says", class: "code" }),
        form.text("/version", "Version", { placeholder: "as the document says" }),
        form.area("/endpoints", "Production endpoints", { isList: true, rows: 1, class: "code", hint: "As the document says, where none is named." }),
      ),
    ],
    save: async ({ document, archive, ...stated }) => {
      if (!document && !archive) throw new Problem(422, { detail: "a document is wanted", violations: [{ pointer: "/document", message: "choose a file, or paste the document" }] });
      const source = archive ? { archive } : { document };
      const { data, revision } = await call("POST", at("import", archive ? "apictl" : "openapi"), { body: { ...stated, ...source, tenant } });
      form.settle({});
      done(notes, data, revision);
    },
  });
  return [form.element, notes];
}

function chooser(form) {
  const input = h("input", { type: "file", accept: ".json,.yaml,.yml,.zip,application/json,application/yaml,application/zip" });
  input.addEventListener("change", async () => {
    const [file] = input.files;
    if (!file) return;
    const isArchive = file.name.endsWith(".zip");
    form.set("/archive", isArchive ? await base64(file) : undefined);
    form.set("/document", isArchive ? undefined : await file.text());
    form.fields.get("/document").input.value = form.draft.document ?? "";
    form.touched();
  });
  return form.field("/file", "File", input, { hint: "An OpenAPI document, or an apictl project as a zip file." });
}

async function base64(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
}

/** Says what was made, and what of the document was not taken over. */
function done(place, { edited, notes }, revision) {
  const [api, tenant] = madeOf(edited);
  const address = to("apis", api, { tenant, version: versionOf(edited), tab: "lifecycle" });
  sayLive(`${api} is made.`, revision);
  if (!notes.length) return go(address);
  const text = ({ pointers, message }) => [pointers.length ? [h("code", {}, pointers.slice(0, 3).join(", ")), pointers.length > 3 ? " and more: " : ": "] : null, message];
  const box = h(
    "div",
    { class: "told", tabindex: "-1" },
    h("p", {}, h("strong", {}, api), " is made. Of the document, this is different:"),
    h("ul", {}, notes.map((note) => h("li", {}, text(note)))),
    h("a", { class: "button primary", href: address }, `Go to ${api}`),
  );
  replace(place, box);
  return box.focus();
}

/** Finds the API among what a change edited, and its tenant. */
function madeOf(edited) {
  for (const { location } of edited) {
    const url = new URL(location, "http://here");
    const found = /^\/admin\/v1\/apis\/([^/]+)/.exec(url.pathname);
    if (found) return [decodeURIComponent(found[1]), url.searchParams.get("tenant") ?? "carbon.super"];
  }
  return ["", ""];
}

function versionOf(edited) {
  for (const { location, after } of edited) {
    if (/\/apis\//.test(location) && after) return after.version ?? after.versions?.at(-1)?.version;
  }
  return undefined;
}

function empty(tenant) {
  const form = new Form({
    draft: { versions: [{ resources: [{ path: "/*", methods: ["GET"] }] }] },
    action: "Make the API",
    naming: "/name",
    build: (form) =>
      h(
        "div",
        { class: "grid" },
        form.text("/name", "Name"),
        form.text("/context", "Context", { class: "code", placeholder: "/orders" }),
        form.text("/versions/0/version", "Version", { placeholder: "1.0" }),
        form.area("/versions/0/endpoints/production", "Production endpoint", { isList: true, rows: 1, class: "code", placeholder: "http://backend:8080" }),
        form.text("/versions/0/resources/0/path", "First resource", { class: "code", hint: "/* is every path." }),
        form.words("/versions/0/resources/0/methods", "Its methods", { class: "code", upper: true, keepsEmpty: true }),
      ),
    save: async (draft) => {
      const { data, revision } = await call("POST", at("apis", { tenant }), { body: { name: "", context: "", ...draft } });
      form.settle(draft);
      sayLive(`${data.name} is made.`, revision);
      go("apis", data.name, { tenant });
    },
  });
  return form.element;
}

/** Another version. */
export async function newVersion({ api, query }) {
  const { tenant, from } = query;
  const form = new Form({
    draft: {},
    naming: "/version",
    action: "Make the version",
    cancel: () => go("apis", api, { tenant }),
    build: (form) => form.text("/version", "Version", { hint: from ? `A copy of ${from}, in the state created.` : "In the state created." }),
    save: async (draft) => {
      const { data, revision } = await call("POST", at("apis", api, "versions", { tenant, copy_of: from }), { body: { version: "", ...draft } });
      form.settle({});
      sayLive(`${api} ${data.version} is made.`, revision);
      go("apis", api, { tenant, version: data.version });
    },
  });
  return { title: `New version of ${api}`, crumbs: [["APIs", to("apis")], [api, to("apis", api, { tenant })]], content: h("div", { class: "panel" }, form.element) };
}
