// Who did what, when, and from where.

import { at } from "../api.js";
import { h } from "../h.js";
import { to } from "../router.js";
import { tenantNow } from "../session.js";
import { badge, filter, listing, moment } from "../table.js";
import { differences } from "../merge.js";

const ACTIONS = ["make", "put", "delete", "restore", "sign_in", "sign_in_refused", "sign_out", "set_password", "renew_secret"];

/** The records. */
export async function audit({ signal }) {
  const action = filter("action", "Action", [["", "Any action"], ...ACTIONS.map((name) => [name, name.replaceAll("_", " ")])]);
  const columns = [
    { name: "When", cell: (record) => moment(record.at) },
    { name: "Who", cell: (record) => [record.actor, record.address ? h("span", { class: "faint" }, ` from ${record.address}`) : null] },
    { name: "Did", cell: (record) => record.action.replaceAll("_", " ") },
    { name: "To", cell: what },
    { name: "Outcome", cell: (record) => badge(record.outcome, record.outcome === "done" ? "done" : "refused") },
    { name: "Revision", cell: (record) => (record.revision ? h("a", { href: to("revisions", record.revision) }, String(record.revision)) : "") },
  ];
  return {
    title: "Audit",
    content: await listing({ caption: "Audit records, the latest first", path: at("audit", { tenant: tenantNow() }), columns, filters: [action], empty: "Nothing was done yet.", search: "Search by thing", signal }),
  };
}

function what(record) {
  const changed = record.before || record.after ? differences(record.before ?? {}, record.after ?? {}) : [];
  if (!changed.length) return record.object;
  const value = (told) => (told === undefined || told === null ? "nothing" : typeof told === "string" ? told : JSON.stringify(told));
  const lines = changed.slice(0, 40).map(([pointer, before, after]) => h("li", {}, h("code", {}, pointer), `: ${value(before)} → ${value(after)}`));
  return h("details", {}, h("summary", {}, record.object), h("ul", { class: "schema" }, lines), changed.length > 40 ? h("p", { class: "faint" }, `and ${changed.length - 40} more`) : null);
}
