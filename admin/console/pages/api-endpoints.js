// Where a version's traffic goes, and how the endpoints are.

import { at, get, Problem } from "../api.js";
import { h } from "../h.js";
import { badge, table } from "../table.js";
import { trouble } from "../notice.js";
import { pathOf, stated, versionForm } from "./version.js";

const STATES = { healthy: "healthy", on_trial: "prototyped", suspended: "suspended", down: "broken", unresolved: "broken", inactive: "inactive" };
const BALANCE = [["", "round robin (by default)"], ["round_robin", "round robin"], ["least_connections", "least connections"], ["consistent_hash", "consistent hash"]];
const HOST = [["", "rewrite: its own (by default)"], ["rewrite", "rewrite: its own"], ["keep", "keep: the caller's"]];
const PROTOCOL = [["", "auto (by default)"], ["auto", "auto"], ["http1", "HTTP/1.1"], ["http2", "HTTP/2"]];

/** The health, and the form. */
export async function endpoints(place) {
  const shown = place.mayPublish
    ? await versionForm(place, { build, saved: "The endpoints are saved." })
    : stated((await get(pathOf(place), { signal: place.signal })).endpoints, "This version has no endpoints.");
  return [await health(place), h("h2", {}, "What is stated"), shown];
}

async function health({ name, version, tenant, signal }) {
  let list;
  try {
    const told = await get(at("apis", name, "versions", version, "endpoints", { tenant }), { signal });
    list = told.items ?? told.endpoints ?? told;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    return trouble(problem);
  }
  const columns = [
    { name: "Endpoint", cell: ({ url }) => h("code", {}, url) },
    { name: "Keys", cell: ({ environment }) => environment },
    { name: "State", cell: (one) => [badge(one.state, STATES[one.state] ?? one.state), one.suspended_for_ms ? ` for ${Math.ceil(one.suspended_for_ms / 1000)} s` : ""] },
    { name: "Probe", cell: ({ probe }) => (probe === "none" ? h("span", { class: "faint" }, "none") : probe) },
    { name: "Failures in a row", class: "number", cell: ({ failures }) => String(failures) },
    { name: "Under way", class: "number", cell: ({ under_way: calls }) => String(calls) },
    { name: "Addresses", cell: ({ addresses }) => h("code", {}, addresses.join(" ")) },
  ];
  return table({ caption: "Health of the endpoints, as this gateway sees them", columns, rows: list, empty: "This version has no endpoints." });
}

function build(form) {
  return [
    h(
      "div",
      { class: "grid" },
      form.area("/endpoints/production", "Production", { isList: true, class: "code", rows: 2, hint: "A URL a line, such as http://backend:8080/base." }),
      form.area("/endpoints/sandbox", "Sandbox", { isList: true, class: "code", rows: 2, hint: "For sandbox keys." }),
    ),
    h(
      "div",
      { class: "grid" },
      form.text("/endpoints/timeout", "A call may take", { placeholder: "60s" }),
      form.text("/endpoints/connect_timeout", "Connecting may take", { placeholder: "3s" }),
      form.text("/endpoints/read_timeout", "Longest silence", { placeholder: "30s" }),
      form.select("/endpoints/balance", "Balancing", BALANCE),
      form.text("/endpoints/hash_on", "Consistent hash of", { placeholder: "client_ip" }),
      form.select("/endpoints/host", "Host that they see", HOST),
      form.select("/endpoints/protocol", "Protocol", PROTOCOL),
    ),
    h(
      "fieldset",
      {},
      h("legend", {}, "When an endpoint counts as broken"),
      h(
        "div",
        { class: "grid" },
        form.text("/endpoints/health/max_failures", "Failed calls in a row", { type: "digits", placeholder: "5" }),
        form.text("/endpoints/health/suspend", "Set aside for", { placeholder: "10s" }),
        form.text("/endpoints/health/path", "Probe this path", { class: "code", placeholder: "none" }),
        form.text("/endpoints/health/interval", "Probe every", { placeholder: "10s" }),
        form.text("/endpoints/health/timeout", "A probe may take", { placeholder: "2s" }),
      ),
    ),
  ];
}
