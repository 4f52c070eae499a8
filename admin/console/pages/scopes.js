// Scopes: permissions that roles grant.

import { at } from "../api.js";
import { h } from "../h.js";
import { go, to } from "../router.js";
import { may, seesAll, tenantForNew, tenantNow, tenantOf } from "../session.js";
import { listing, words } from "../table.js";
import { fresh, thing } from "./thing.js";

/** All scopes. */
export async function scopes({ signal }) {
  const columns = [
    { name: "Key", cell: (scope) => h("a", { href: to("scopes", scope.key, { tenant: tenantOf(scope) }) }, scope.key) },
    { name: "Name", cell: (scope) => scope.name ?? scope.key },
    seesAll() ? { name: "Tenant", cell: tenantOf } : null,
    { name: "Roles that grant it", cell: (scope) => words(scope.roles) },
  ];
  return {
    title: "Scopes",
    actions: may("publish") ? h("a", { class: "button primary", href: to("new-scope") }, "New scope") : null,
    content: await listing({ caption: "Scopes", path: at("scopes", { tenant: tenantNow() }), columns: columns.filter(Boolean), empty: "There are no scopes.", search: "Search by key", signal }),
  };
}

function build(isNew) {
  return (form) => [
    isNew ? form.text("/key", "Key", { class: "code", hint: "As tokens carry it." }) : null,
    form.text("/name", "Name", { hint: "What people call it." }),
    form.words("/roles", "Roles that grant it", { hint: "Where none is named, everybody has it." }),
    isNew ? form.text("/within", "Only for the API", { placeholder: "none: the tenant's APIs share it" }) : null,
  ];
}

/** One scope. */
export async function scopePage({ key, query, signal }) {
  const { tenant } = query;
  return {
    title: key,
    crumbs: [["Scopes", to("scopes")]],
    content: await thing({
      noun: "scope",
      path: at("scopes", key, { tenant }),
      build: build(false),
      mayChange: may("publish", tenant),
      breaks: async () => ["Tokens lose it. It is not deleted while a resource asks for it."],
      list: "scopes",
      signal,
    }),
  };
}

/** A scope to be made. */
export async function newScope() {
  const tenant = tenantForNew();
  const content = fresh({
    noun: "scope",
    draft: {},
    path: ({ within }) => at("scopes", { tenant, api: within }),
    build: build(true),
    naming: "/key",
    list: "scopes",
    done: ({ key }) => go("scopes", key, { tenant }),
  });
  return { title: "New scope", crumbs: [["Scopes", to("scopes")]], content };
}
