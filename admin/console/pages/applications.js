// Applications: what subscribes and is given keys.

import { at, call, count, get } from "../api.js";
import { ask } from "../dialog.js";
import { Form } from "../form.js";
import { h, replace } from "../h.js";
import { say, trouble } from "../notice.js";
import { again, go, to } from "../router.js";
import { may, seesAll, tenantForNew, tenantNow } from "../session.js";
import { allOf, listing, table } from "../table.js";
import { keys } from "./keys.js";
import { subscriptionList } from "./subscriptions.js";
import { many } from "./version.js";

const TOKENS = [["jwt", "JWT: signed statements"], ["opaque", "opaque: random strings"]];

/** All applications. */
export async function applications({ signal }) {
  const columns = [
    { name: "Application", cell: (one) => h("a", { href: to("applications", one.uuid) }, one.name) },
    { name: "Owner", cell: (one) => one.owner },
    seesAll() ? { name: "Tenant", cell: (one) => one.tenant } : null,
    { name: "Tier", cell: (one) => one.tier },
    { name: "Tokens", cell: (one) => one.token_type },
  ];
  return {
    title: "Applications",
    actions: may("tenant") ? h("a", { class: "button primary", href: to("new-application") }, "New application") : null,
    content: await listing({ caption: "Applications", path: at("applications", { tenant: tenantNow() }), columns: columns.filter(Boolean), empty: "There are no applications.", signal }),
  };
}

async function tiersOf(tenant) {
  const tiers = await allOf(at("tiers", { tenant }));
  return ["Unlimited", ...tiers.filter(({ level }) => level === "application").map(({ name }) => name)];
}

/** An application to be made. */
export async function newApplication() {
  const tenant = tenantForNew();
  const tiers = await tiersOf(tenant);
  const form = new Form({
    draft: { tier: "Unlimited", token_type: "jwt" },
    action: "Make the application",
    cancel: () => go("applications"),
    build: (form) => [
      form.text("/name", "Name"),
      form.text("/owner", "Owner", { hint: `A user of ${tenant}.`, autocapitalize: "none" }),
      form.select("/tier", "Tier", tiers, { hint: "What its users may do together with it." }),
      form.select("/token_type", "Access tokens", TOKENS),
    ],
    save: async (draft) => {
      const { data } = await call("POST", at("applications", { tenant }), { body: { name: "", owner: "", ...draft } });
      form.settle(draft);
      say(`${data.name} is made.`);
      go("applications", data.uuid);
    },
  });
  return { title: "New application", crumbs: [["Applications", to("applications")]], content: h("div", { class: "panel" }, form.element) };
}

/** One application. */
export async function applicationPage({ uuid, signal }) {
  const path = at("applications", uuid);
  const known = await call("GET", path, { signal });
  const { tenant, name, owner } = known.data;
  const mayChange = may("tenant", tenant);
  const subscriptions = await subscriptionList({
    path: at("subscriptions", { application: uuid }),
    columns: ["api", "tier", "state"],
    caption: `Subscriptions of ${name}`,
    empty: "It is subscribed to nothing.",
    search: null,
    signal,
  });
  return {
    title: name,
    crumbs: [["Applications", to("applications")]],
    content: [
      h("p", { class: "faint" }, `Owned by ${owner}, in ${tenant}. `, h("code", {}, uuid)),
      h("h2", {}, "Subscriptions"),
      subscriptions,
      mayChange ? h("details", {}, h("summary", {}, "Subscribe it to an API"), subscribe(known.data)) : null,
      await keys(uuid, mayChange, signal),
      await quotas(uuid, mayChange, signal),
      mayChange ? [h("h2", {}, "Terms"), await terms(known, path), h("h2", {}, "Delete"), remove(known, path)] : null,
    ],
  };
}

function subscribe({ uuid, tenant }) {
  const form = new Form({
    draft: {},
    action: "Subscribe",
    always: true,
    build: (form) => [
      form.text("/api", "API"),
      form.text("/version", "Version"),
      form.text("/tenant", "Tenant of the API", { placeholder: tenant }),
      form.text("/tier", "Tier", { placeholder: "the first that may be had" }),
    ],
    save: async (draft) => {
      await call("POST", at("subscriptions"), { body: { application: uuid, api: "", version: "", ...draft } });
      say("It is subscribed, and may call from now on.");
      await again();
    },
  });
  return h("div", { class: "panel" }, form.element);
}

async function quotas(uuid, mayChange, signal) {
  const place = h("div");
  const draw = (told) => {
    const lists = [["The application", told], ...(told.subscriptions ?? []).map((one) => [`${one.api} ${one.version}`, one])];
    const rows = lists.flatMap(([what, one]) => (one?.limits ?? []).map((limit) => ({ what, ...limit })));
    const columns = [
      { name: "Of", cell: ({ what }) => what },
      { name: "Tier", cell: ({ tier }) => tier },
      { name: "Quota", class: "number", cell: ({ quota }) => String(quota) },
      { name: "Left", class: "number", cell: ({ remaining }) => String(remaining) },
      { name: "Whole again in", class: "number", cell: ({ reset }) => `${reset} s` },
    ];
    replace(place, table({ caption: "Quotas", columns, rows, empty: "Nothing of it is counted." }));
  };
  draw(await get(at("applications", uuid, "quotas"), { signal }));
  const reset = async () => {
    const isSure = await ask({ title: "Begin its quotas anew?", text: "What was counted of it is forgotten.", action: "Begin anew", isDangerous: false });
    if (isSure) draw((await call("POST", at("applications", uuid, "quotas", "reset"))).data);
  };
  return [h("h2", {}, "Quotas"), place, mayChange ? h("div", { class: "buttons" }, h("button", { type: "button", onclick: reset }, "Begin anew")) : null];
}

async function terms(first, path) {
  let known = first;
  const tiers = await tiersOf(known.data.tenant);
  const form = new Form({
    draft: known.data,
    build: (form) => [form.select("/tier", "Tier", tiers), form.select("/token_type", "Access tokens", TOKENS)],
    reload: async () => (known = await call("GET", path)).data,
    save: async (draft) => {
      known = await call("PUT", path, { body: draft, etag: known.etag });
      form.settle(known.data);
      say("It is saved; the next request has it.");
    },
  });
  return h("div", { class: "panel" }, form.element);
}

function remove({ data }, path) {
  const problems = h("div");
  const act = async () => {
    const subscribed = await count(at("subscriptions", { application: data.uuid }));
    const isSure = await ask({
      title: `Delete ${data.name}?`,
      text: "It goes with its keys and subscriptions. Whoever calls with them is refused from the next request on.",
      lines: [subscribed ? `It has ${many(subscribed, "subscription")}.` : "It has no subscription."],
      action: "Delete the application",
    });
    if (!isSure) return;
    try {
      await call("DELETE", path);
      say(`${data.name} is deleted.`);
      go("applications");
    } catch (problem) {
      const box = trouble(problem);
      replace(problems, box);
      box.focus();
    }
  };
  return [problems, h("button", { type: "button", class: "danger", onclick: act }, "Delete the application")];
}
