// Tenants: owners of APIs, tiers and scopes, reached by /t/<domain>/ or by hostnames of their own.

import { at, count } from "../api.js";
import { h } from "../h.js";
import { go, to } from "../router.js";
import { may } from "../session.js";
import { badge, listing, words } from "../table.js";
import { fresh, thing } from "./thing.js";
import { many } from "./version.js";

const STATES = [["", "active (by default)"], ["active", "active"], ["inactive", "inactive: its APIs are not served"]];

/** All tenants. */
export async function tenants({ signal }) {
  const columns = [
    { name: "Tenant", cell: ({ domain }) => h("a", { href: to("tenants", domain) }, domain) },
    { name: "State", cell: ({ state = "active" }) => badge(state) },
    { name: "Hostnames", cell: ({ hostnames }) => words(hostnames) },
  ];
  return {
    title: "Tenants",
    actions: may("everything") ? h("a", { class: "button primary", href: to("new-tenant") }, "New tenant") : null,
    content: [
      h("p", { class: "faint" }, "carbon.super, the root tenant, is always there."),
      await listing({ caption: "Tenants", path: at("tenants"), columns, empty: "No tenant is stated beside the root tenant.", search: "Search by domain", signal }),
    ],
  };
}

function build(isNew) {
  return (form) => [
    isNew ? form.text("/domain", "Domain", { placeholder: "acme.example", hint: "Its name, in lower case; it cannot be changed." }) : null,
    form.words("/hostnames", "Hostnames that lead to it alone", { hint: "In lower case, without a port." }),
    form.select("/state", "State", STATES),
    form.text("/authorization_header", "Field of tokens and passwords", { placeholder: "the server's" }),
    form.text("/api_key_header", "Field of API keys", { placeholder: "the server's" }),
    form.text("/anonymous_tier", "Tier of callers without an application", { placeholder: "Unauthenticated, where it is stated" }),
  ];
}

/** One tenant. */
export async function tenantPage({ domain, signal }) {
  const breaks = async () => {
    const counts = await Promise.all([
      count(at("apis", { tenant: domain })),
      count(at("users", { tenant: domain })),
      count(at("applications", { tenant: domain })),
    ]);
    const nouns = ["API", "user", "application"];
    return [...counts.map((number, index) => many(number ?? 0, nouns[index])), "It is not deleted while anything belongs to it."];
  };
  return {
    title: domain,
    crumbs: [["Tenants", to("tenants")]],
    content: await thing({ noun: "tenant", path: at("tenants", domain), build: build(false), mayChange: may("everything"), breaks, list: "tenants", signal }),
  };
}

/** A tenant to be made. */
export async function newTenant() {
  const content = fresh({ noun: "tenant", path: () => at("tenants"), build: build(true), naming: "/domain", list: "tenants", done: ({ domain }) => go("tenants", domain) });
  return { title: "New tenant", crumbs: [["Tenants", to("tenants")]], content };
}
