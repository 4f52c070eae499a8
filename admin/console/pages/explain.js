// Why a request is let through or refused: pasted as curl writes it, or as a token and a URL.

import { at, call, Problem } from "../api.js";
import { claims, parse } from "../curl.js";
import { Form } from "../form.js";
import { h, replace } from "../h.js";
import { badge, moment, table, words } from "../table.js";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** The question and its answer. */
export async function explain({ signal }) {
  const answer = h("div", { "aria-live": "polite" });
  const paste = h("textarea", { id: "pasted", rows: 4, class: "code", spellcheck: "false", autocomplete: "off", "aria-describedby": "pasted-hint", placeholder: "curl -X POST -H 'Authorization: Bearer …' https://…" });
  const form = new Form({
    draft: { method: "GET" },
    action: "Explain",
    always: true,
    build: fields,
    save: async (draft) => {
      replace(answer);
      const body = { method: draft.method ?? "GET", url: draft.url ?? "", headers: draft.headers ?? [] };
      if (draft.token) body.token = draft.token;
      if (draft.client_ip) body.client_ip = draft.client_ip;
      if (!body.url) throw new Problem(422, { detail: "a URL is wanted", violations: [{ pointer: "/url", message: "say which URL is called, or its path" }] });
      const { data } = await call("POST", at("explain"), { body, signal });
      show(answer, data, draft.token);
    },
  });
  paste.addEventListener("input", () => {
    const found = parse(paste.value);
    const { headers = [], ...rest } = found;
    if (!Object.keys(found).length) return;
    if (found.isCommand) form.draft = { headers };
    delete rest.isCommand;
    Object.assign(form.draft, rest);
    form.render();
  });
  return {
    title: "Explain",
    content: [
      h("p", {}, "What would come of a request, and why: nothing is sent to a backend, nothing is counted, and nothing that is shown is kept."),
      h(
        "section",
        { class: "panel" },
        h("div", { class: "field" }, h("label", { for: "pasted" }, "Paste a curl command, a token or a URL"), paste, h("p", { class: "hint", id: "pasted-hint" }, "It fills the fields below.")),
        form.element,
      ),
      answer,
      recall(),
    ],
  };
}

function fields(form) {
  return [
    h(
      "div",
      { class: "grid" },
      form.select("/method", "Method", METHODS.includes(form.draft.method ?? "GET") ? METHODS : [form.draft.method, ...METHODS]),
      form.text("/url", "URL, or its path", { class: "code", placeholder: "/demo/2.0/hello" }),
      form.text("/token", "Token", { class: "code", hint: "Shown where the API takes tokens from." }),
      form.text("/client_ip", "Address of the caller", { hint: "127.0.0.1 where nothing is said." }),
    ),
    form.area("/headers", "Header fields", { isList: true, rows: 3, class: "code", hint: "One a line, as Name: value." }),
  ];
}

function show(place, told, token) {
  const verdict = h(
    "p",
    { class: "verdict", tabindex: "-1" },
    badge(told.decision),
    told.status ? h("span", {}, `${told.status}${told.code ? `, code ${told.code}` : ""}${told.reason ? `, ${told.reason}` : ""}`) : null,
    h("code", {}, told.request),
    told.message ? h("span", {}, told.message) : null,
  );
  const rule = (text) => (text ? h("code", { class: "faint" }, text) : null);
  const steps = told.steps.map((step) =>
    h(
      "li",
      { class: step.outcome },
      h("span", {}, badge(step.outcome)),
      h("span", { class: "stage" }, step.stage.replaceAll("_", " ")),
      h("div", {}, step.says, " ", rule(step.rule), step.details.length ? h("ul", {}, step.details.map((line) => h("li", {}, line))) : null),
    ),
  );
  replace(
    place,
    h("h2", {}, "What comes of it"),
    verdict,
    h("ol", { class: "steps", "aria-label": "Decisions, stage by stage" }, steps),
    context(told, rule),
    told.limits.length ? [h("h2", {}, "Quotas"), limits(told.limits)] : null,
    told.notes.length || told.fetched.length ? h("ul", { class: "faint" }, [...told.notes, ...told.fetched.map((what) => `Fetched: ${what}`)].map((note) => h("li", {}, note))) : null,
    tokenSays(token),
    h("p", { class: "faint" }, `Told from revision ${told.revision}.`),
  );
  verdict.focus();
}

function context({ version, resource, caller, subscription, scopes }, rule) {
  const facts = [
    version ? ["Version", [`${version.api} ${version.version}, ${version.state}${version.by_default ? ", by default" : ""} `, rule(version.rule)]] : null,
    resource ? ["Resource", [h("code", {}, `${resource.methods} ${resource.path}`), `, auth ${resource.auth} `, rule(resource.rule)]] : null,
    caller ? ["Caller", `${caller.subject}${caller.application ? `, application ${caller.application}` : ""}, ${caller.key_type}, by ${caller.by}`] : null,
    caller?.roles.length ? ["Roles", words(caller.roles)] : null,
    caller?.scopes.length ? ["Scopes held", words(caller.scopes)] : null,
    subscription ? ["Subscription", `${subscription.need}${subscription.state ? `, ${subscription.state}` : ""}${subscription.tier ? `, tier ${subscription.tier}` : ""}`] : null,
    ...(scopes ?? []).map((scope) => ["Scope wanted", [h("code", {}, scope.key), scope.enough === null ? "" : scope.enough ? ", enough " : ", not enough ", rule(scope.rule)]]),
  ];
  const shown = facts.filter(Boolean).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]);
  return shown.length ? h("dl", { class: "facts panel" }, shown) : null;
}

function limits(list) {
  const columns = [
    { name: "Tier", cell: ({ tier }) => tier },
    { name: "Level", cell: ({ level }) => level },
    { name: "Quota", class: "number", cell: ({ quota }) => String(quota) },
    { name: "Left", class: "number", cell: ({ remaining, over }) => (over ? `${remaining}, over` : String(remaining)) },
    { name: "Whole again in", class: "number", cell: ({ reset }) => `${reset} s` },
    { name: "Stated", cell: ({ rule }) => h("code", {}, rule) },
  ];
  return table({ caption: "Quotas that the request is held against", columns, rows: list });
}

function tokenSays(token) {
  const said = token ? claims(token) : null;
  if (!said) return null;
  return h("details", {}, h("summary", {}, "What the token says (not verified here)"), h("pre", { class: "panel" }, JSON.stringify({ header: said[0], claims: said[1] }, null, 2)));
}

function recall() {
  const place = h("div", { "aria-live": "polite" });
  const form = new Form({
    draft: {},
    action: "Find it",
    always: true,
    build: (form) => form.text("/request", "Request id", { class: "code", hint: "The X-Request-Id of an answer." }),
    save: async ({ request }) => {
      replace(place);
      const { data } = await call("GET", at("explain", { request: request ?? " " }));
      replace(place, data.refused.map(refusal));
    },
  });
  return h("section", { class: "panel" }, h("h2", {}, "Why a real request was refused"), form.element, place);
}

function refusal(told) {
  const rows = [
    ["When", moment(told.time)],
    ["Request", h("code", {}, `${told.method} ${told.host}${told.path}`)],
    ["Answer", `${told.status}, code ${told.code}, ${told.reason}`],
    ["Why", told.says],
    told.stage ? ["Stage", told.stage] : null,
    told.rule ? ["Stated", h("code", {}, told.rule)] : null,
    told.version ? ["Version", told.version.join(" / ")] : null,
    told.application ? ["Application", told.application] : null,
    told.wanted_scopes.length ? ["Scopes wanted", words(told.wanted_scopes)] : null,
    told.held_scopes.length ? ["Scopes held", words(told.held_scopes)] : null,
  ];
  return h("dl", { class: "facts" }, rows.filter(Boolean).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}
