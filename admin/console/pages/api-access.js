// Who may call a version: what proves callers, who subscribes with which tiers, what they count in.

import { at, get } from "../api.js";
import { h } from "../h.js";
import { allOf } from "../table.js";
import { pathOf, stated, versionForm } from "./version.js";

const SHOWN = ["transports", "security", "tiers", "subscribers", "tier", "anonymous_tier", "max_tps", "key_managers", "authorization_header", "api_key_header", "backend_jwt", "max_request_body", "paths"];

/** The form. */
export async function access(place) {
  if (!place.mayPublish) {
    const version = await get(pathOf(place), { signal: place.signal });
    return stated(Object.fromEntries(SHOWN.map((key) => [key, version[key]])), "Nothing is stated: the usual terms hold.");
  }
  const tiers = await allOf(at("tiers", { tenant: place.tenant }), { signal: place.signal });
  const named = (level) => tiers.filter((tier) => tier.level === level).map(({ name }) => [name, name]);
  return versionForm(place, { build: (form) => build(form, named), saved: "The terms are saved." });
}

function build(form, named) {
  const known = named("subscription").map(([name]) => name).join(", ");
  return [
    h(
      "div",
      { class: "grid" },
      form.words("/transports", "Transports", { placeholder: "http, https" }),
      form.words("/security", "What proves a caller", { placeholder: "oauth2", hint: "oauth2, api_key, basic, mutual_tls, mutual_tls_mandatory, oauth2_basic_api_key_mandatory" }),
      form.words("/tiers", "Subscription tiers", { placeholder: "Unlimited", hint: known ? `Of Unlimited, ${known}.` : undefined }),
      subscribers(form),
      form.select("/tier", "Resource tier of the whole version", [["", "none: each resource has its own"], ...named("resource")]),
      form.select("/anonymous_tier", "Tier of callers without an application", [["", "as the tenant says"], ["Unlimited", "Unlimited"], ...named("subscription")]),
      form.text("/max_tps/production", "Requests a second, production endpoints", { type: "digits", placeholder: "no limit" }),
      form.text("/max_tps/sandbox", "Requests a second, sandbox endpoints", { type: "digits", placeholder: "no limit" }),
      form.text("/max_request_body", "Largest request body", { placeholder: "the gateway's" }),
      form.words("/key_managers", "Whose tokens it takes", { placeholder: "all", hint: "Names of key managers; Resident is the gateway itself." }),
      form.text("/authorization_header", "Field of tokens and passwords", { placeholder: "as the tenant says" }),
      form.text("/api_key_header", "Field of API keys", { placeholder: "as the tenant says" }),
      form.words("/paths", "Unusual paths that it takes", { placeholder: "none", hint: "empty_segments, encoded_slashes, path_parameters" }),
    ),
    form.check("/backend_jwt", "The endpoints get a signed statement of who calls", { hint: "In X-JWT-Assertion." }),
  ];
}

/** One word, or a list of tenants. */
function subscribers(form) {
  const stated = form.draft.subscribers;
  const input = h("input", { type: "text", autocomplete: "off", spellcheck: "false", placeholder: "current_tenant", value: Array.isArray(stated) ? stated.join(", ") : stated ?? "" });
  input.addEventListener("input", () => {
    const typed = input.value.split(/[\s,]+/).filter(Boolean);
    const isWord = typed.length === 1 && !typed[0].includes(".");
    form.set("/subscribers", typed.length ? (isWord ? typed[0] : typed) : undefined);
  });
  return form.field("/subscribers", "Who may subscribe", input, { hint: "current_tenant, all_tenants, or domains of tenants." });
}
