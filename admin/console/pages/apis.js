// All APIs: versions, states and the default at a glance.

import { at } from "../api.js";
import { h } from "../h.js";
import { to } from "../router.js";
import { may, seesAll, tenantNow } from "../session.js";
import { badge, filter, listing } from "../table.js";

/** The states of the lifecycle, in their order. */
const STATES = ["created", "prototyped", "published", "blocked", "deprecated", "retired"];

/** The list. */
export async function apis({ signal }) {
  const columns = [
    { name: "API", cell: (api) => h("a", { href: to("apis", api.name, { tenant: api.tenant }) }, api.name) },
    seesAll() ? { name: "Tenant", cell: (api) => api.tenant } : null,
    { name: "Context", cell: (api) => h("code", {}, api.context) },
    { name: "Versions", cell: versions },
  ];
  const state = filter("state", "State", [["", "Any state"], ...STATES.map((state) => [state, state])]);
  return {
    title: "APIs",
    actions: may("publish") ? h("a", { class: "button primary", href: to("new-api") }, "New API") : null,
    content: await listing({ caption: "APIs", path: at("apis", { tenant: tenantNow() }), columns: columns.filter(Boolean), filters: [state], empty: "There are no APIs yet.", signal }),
  };
}

function versions(api) {
  const item = ({ version, state, is_default: isDefault }) =>
    h(
      "li",
      {},
      h("a", { href: to("apis", api.name, { tenant: api.tenant, version }) }, version),
      " ",
      badge(state),
      isDefault ? h("span", { class: "default" }, " default") : null,
    );
  return h("ul", { class: "versions" }, api.versions.map(item));
}
