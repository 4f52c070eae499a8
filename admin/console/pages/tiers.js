// Tiers: named sets of quotas, and who counts in them now.

import { all, at, count, get } from "../api.js";
import { ask } from "../dialog.js";
import { h, replace } from "../h.js";
import { go, to } from "../router.js";
import { may, seesAll, tenantForNew, tenantNow, tenantOf } from "../session.js";
import { listing, table } from "../table.js";
import { fresh, thing } from "./thing.js";
import { many } from "./version.js";

const LEVELS = [["subscription", "subscription: the calls of one"], ["application", "application: each user of one"], ["resource", "resource: the calls of one, or of a whole version"]];
const CALENDAR = [["", "–"], ...["minute", "hour", "day", "week", "month"].map((span) => [span, span])];

/** All tiers. */
export async function tiers({ signal }) {
  const columns = [
    { name: "Tier", cell: (tier) => h("a", { href: to("tiers", tier.level, tier.name, { tenant: tenantOf(tier) }) }, tier.name) },
    { name: "Level", cell: ({ level }) => level },
    seesAll() ? { name: "Tenant", cell: tenantOf } : null,
    { name: "Quotas", cell: quotas },
    { name: "Use", cell: (tier) => use(tier, signal) },
  ];
  return {
    title: "Tiers",
    actions: may("tenant") ? h("a", { class: "button primary", href: to("new-tier") }, "New tier") : null,
    content: await listing({ caption: "Tiers", path: at("tiers", { tenant: tenantNow() }), columns: columns.filter(Boolean), empty: "There are no tiers; Unlimited is always there.", signal }),
  };
}

function quotas(tier) {
  if (tier.unlimited) return "unlimited";
  return (tier.limits ?? []).map((limit) => limitText(limit)).join("; ") || h("span", { class: "faint" }, "none");
}

function limitText({ requests, bytes, concurrent, per, calendar, zone, burst }) {
  if (concurrent !== undefined) return `${concurrent} at the same time`;
  const window = per ? `in ${per}` : `a ${calendar}${zone ? ` (${zone})` : ""}`;
  return `${requests !== undefined ? many(requests, "request") : bytes} ${window}${burst ? `, ${burst} at once` : ""}`;
}

/** Says who counts in a tier, once it is known. */
function use(tier, signal) {
  const place = h("span", { class: "faint" }, "…");
  uses(tier, signal).then(
    (found) => replace(place, found.map(([number, noun]) => many(number, noun)).join(", ") || "not known"),
    () => replace(place, "not known"),
  );
  return place;
}

/** Returns `[number, noun]` for each kind of use; nothing where it would take too long to find out. */
async function uses({ name, level, ...rest }, signal) {
  const tenant = tenantOf(rest);
  if (level === "application") return named([[await count(at("applications", { tenant, tier: name })), "application"]]);
  const apis = await once(signal, `apis of ${tenant}`, () => all(at("apis", { tenant }), { signal }));
  if (level === "subscription") {
    const offers = apis.items.flatMap(({ versions }) => versions).filter(({ tiers }) => tiers.includes(name)).length;
    return named([[await count(at("subscriptions", { tenant, tier: name })), "subscription"], [offers, "version"]]);
  }
  if (apis.total > MOST_READ) return [];
  const read = (api) => get(at("apis", api.name, { tenant }), { signal });
  const documents = await once(signal, `documents of ${tenant}`, () => Promise.all(apis.items.map(read)));
  const versions = documents.flatMap((document) => document.versions ?? []);
  const resources = versions.flatMap((version) => version.resources ?? []);
  const those = (list) => list.filter(({ tier }) => tier === name).length;
  return named([[those(resources), "resource"], [those(versions), "whole version"]]);
}

/** Asks once for all rows of a page, which its signal stands for. */
function once(signal, key, ask) {
  if (!signal) return ask();
  if (!asked.has(signal)) asked.set(signal, new Map());
  const known = asked.get(signal);
  if (!known.has(key)) known.set(key, ask());
  return known.get(key);
}

const asked = new WeakMap();

/** Of a tenant with more APIs, nobody waits for each to be read. */
const MOST_READ = 200;

function named(pairs) {
  return pairs.filter(([number]) => number !== null);
}

function build(isNew) {
  return (form) => [
    isNew ? h("div", { class: "grid" }, form.text("/name", "Name"), form.select("/level", "What it counts", LEVELS)) : null,
    limits(form),
    form.check("/unlimited", "Nothing is counted"),
    h("div", { class: "grid" }, form.words("/roles", "For owners with one of the roles", { placeholder: "everybody" }), form.words("/denied_roles", "Not for owners with one of the roles", { placeholder: "nobody" })),
    over(form),
    form.draft.level === "resource" ? form.check("/per_user", "Each user has a count of its own") : null,
  ];
}

/** Whether what is beyond a quota is refused, which is what nothing stated means. */
function over(form) {
  const isSoft = form.draft.stop_on_quota === false;
  const input = h(
    "select",
    { onchange: () => form.set("/stop_on_quota", input.value === "passes" ? false : undefined) },
    h("option", { value: "refused" }, "is refused with 429"),
    h("option", { value: "passes", selected: isSoft }, "passes, and is said to be over"),
  );
  return form.field("/stop_on_quota", "What is beyond a quota", input);
}

function limits(form) {
  form.base.limits ??= [];
  const list = (form.draft.limits ??= []);
  const label = (at) => Number(at.split("/").pop()) + 1;
  const cell = (key, name, options) => ({ name, cell: (at) => form.text(`${at}/${key}`, `${name} ${label(at)}`, { isInline: true, ...options }) });
  const drop = (at) => {
    list.splice(label(at) - 1, 1);
    form.render();
    form.button.focus();
  };
  const columns = [
    cell("requests", "Requests", { type: "digits" }),
    cell("bytes", "or bytes", { placeholder: "10MiB" }),
    cell("concurrent", "or at the same time", { type: "digits" }),
    cell("per", "in", { placeholder: "1m" }),
    { name: "or a calendar", cell: (at) => form.select(`${at}/calendar`, `Calendar ${label(at)}`, CALENDAR, { isInline: true }) },
    cell("burst", "at once", { type: "digits" }),
    { name: "", class: "acts", cell: (at) => h("button", { type: "button", class: "quiet danger", "aria-label": `Remove quota ${label(at)}`, onclick: () => drop(at) }, "Remove") },
  ];
  const add = () => {
    list.push({ per: "1m" });
    form.render();
    form.fields.get(`/limits/${list.length - 1}/requests`).input.focus();
  };
  return [
    table({ caption: "Quotas, all of which must hold", columns, rows: list.map((_, index) => `/limits/${index}`), empty: "It has no quota yet." }),
    h("div", { class: "buttons" }, h("button", { type: "button", onclick: add }, "Add a quota")),
    h("br"),
  ];
}

/** One tier. */
export async function tierPage({ level, name, query, signal }) {
  const { tenant } = query;
  const path = at("tiers", level, name, { tenant });
  const told = async () => (await uses({ name, level, tenant })).map(([number, noun]) => `${many(number, noun)} ${number === 1 ? "counts" : "count"} in it or offer it.`);
  const mayChange = may("tenant", tenant);
  return {
    title: name,
    crumbs: [["Tiers", to("tiers")]],
    content: await thing({
      noun: "tier",
      path,
      build: build(false),
      mayChange,
      breaks: told,
      check: async () => ask({ title: "Change the tier?", text: "Its figures hold from the next request on, and for what is counted already.", lines: await told(), action: "Save", isDangerous: false }),
      list: "tiers",
      use: h("p", { class: "faint" }, `At level ${level}, in ${tenant ?? "carbon.super"}. Use: `, use({ name, level, tenant }, signal), "."),
      signal,
    }),
  };
}

/** A tier to be made. */
export async function newTier() {
  const tenant = tenantForNew();
  const content = fresh({
    noun: "tier",
    path: () => at("tiers", { tenant }),
    draft: { level: "subscription", limits: [{ requests: 1000, per: "1m" }] },
    build: build(true),
    naming: "/name",
    list: "tiers",
    done: ({ level, name }) => go("tiers", level, name, { tenant }),
  });
  return { title: "New tier", crumbs: [["Tiers", to("tiers")]], content };
}
