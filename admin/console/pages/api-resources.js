// The resources of a version, in a table to be edited.

import { at, get } from "../api.js";
import { ask } from "../dialog.js";
import { h } from "../h.js";
import { same } from "../merge.js";
import { allOf, table, words } from "../table.js";
import { many, pathOf, subscriptions, versionForm } from "./version.js";

const AUTH = [["", "any"], ["application", "application"], ["application_user", "application user"], ["none", "none"]];

/** The table. */
export async function resources(place) {
  if (!place.mayPublish) {
    const { resources: list = [] } = await get(pathOf(place), { signal: place.signal });
    return table({ caption: "Resources", columns: readOnly(), rows: list, empty: "This version has no resources: nothing can be called." });
  }
  const [tiers, scopes] = await Promise.all([
    allOf(at("tiers", { tenant: place.tenant }), { signal: place.signal }),
    allOf(at("scopes", { tenant: place.tenant }), { signal: place.signal }),
  ]);
  const levels = tiers.filter(({ level }) => level === "resource").map(({ name }) => name);
  return versionForm(place, {
    build: (form) => build(form, [["", "Unlimited"], ...levels.map((name) => [name, name])], scopes.map(({ key }) => key)),
    check: (before, draft, tryOut) => check(place, before, draft, tryOut),
    saved: "The resources are saved.",
  });
}

function readOnly() {
  return [
    { name: "Path", cell: ({ path }) => h("code", {}, path) },
    { name: "Methods", cell: ({ methods }) => words(methods) },
    { name: "Auth", cell: ({ auth = "any" }) => auth.replaceAll("_", " ") },
    { name: "Scopes", cell: ({ scopes }) => words(scopes) },
    { name: "Tier", cell: ({ tier = "Unlimited" }) => tier },
  ];
}

function build(form, tiers, scopes) {
  const list = (form.draft.resources ??= []);
  if (!form.base.resources) form.base.resources = [];
  const replaced = form.draft.tier ? `All of them count in the tier ${form.draft.tier} of the version, whatever theirs is. ` : "";
  const columns = [
    { name: "Path", class: "path", cell: (at) => form.text(`${at}/path`, `Path ${number(at)}`, { isInline: true, class: "code", placeholder: "/items/{id}" }) },
    { name: "Methods", class: "methods", cell: (at) => form.words(`${at}/methods`, `Methods ${number(at)}`, { isInline: true, upper: true, keepsEmpty: true, class: "code", placeholder: "GET, POST" }) },
    { name: "Auth", cell: (at) => form.select(`${at}/auth`, `Auth ${number(at)}`, AUTH, { isInline: true }) },
    { name: "Scopes", cell: (at) => form.words(`${at}/scopes`, `Scopes ${number(at)}`, { isInline: true, class: "code" }) },
    { name: "Tier", cell: (at) => form.select(`${at}/tier`, `Tier ${number(at)}`, tiers, { isInline: true }) },
    { name: "", class: "acts", cell: (at) => h("button", { type: "button", class: "quiet danger", "aria-label": `Remove resource ${number(at)}`, onclick: () => drop(form, at) }, "Remove") },
  ];
  const add = () => {
    list.push({ path: "", methods: ["GET"] });
    form.render();
    form.fields.get(`/resources/${list.length - 1}/path`).input.focus();
  };
  return [
    h("p", { class: "faint" }, "Auth: any token or key of an application, one without a user, one on behalf of a user, or none at all. ", replaced, scopes.length ? ["Scopes of this tenant: ", words(scopes)] : "This tenant has no scopes."),
    table({ caption: "Resources", columns, rows: list.map((_, index) => `/resources/${index}`), empty: "This version has no resources: nothing can be called." }),
    h("div", { class: "buttons" }, h("button", { type: "button", onclick: add }, "Add a resource")),
  ];
}

function number(at) {
  return Number(at.split("/").pop()) + 1;
}

function drop(form, at) {
  form.draft.resources.splice(number(at) - 1, 1);
  form.render();
  form.button.focus();
}

/** Asks before what is called now is called no more. */
async function check(place, before, draft, tryOut) {
  const name = ({ methods = [], path }) => `${[...methods].sort().join(",")} ${path}`;
  const now = new Set((draft.resources ?? []).map(name));
  const gone = (before.resources ?? []).filter((one) => !now.has(name(one)));
  if (!gone.length || same(before, draft)) return true;
  await tryOut();
  const subscribed = await subscriptions(place, place.version);
  return ask({
    title: gone.length === 1 ? "A resource goes" : `${gone.length} resources go`,
    text: `Who calls them gets 404 or 405 from the next request on.${subscribed ? ` This version has ${many(subscribed, "subscription")}.` : ""}`,
    lines: gone.map(name),
    action: "Save",
  });
}
