// What is kept of a version's responses, and forgetting it.

import { at, call, get } from "../api.js";
import { ask } from "../dialog.js";
import { Form } from "../form.js";
import { h } from "../h.js";
import { say } from "../notice.js";
import { pathOf, stated, versionForm } from "./version.js";

const MODE = [["", "not stated: nothing is kept, or http once anything below is"], ["http", "http: the response says how long"], ["fixed", "fixed: each is kept for the time below"], ["off", "off"]];
const OBEYS = [["", "callers who have proven who they are (by default)"], ["callers", "callers who have proven who they are"], ["everybody", "everybody"], ["nobody", "nobody"]];
const COOKIES = [["", "are not kept (by default)"], ["refuse", "are not kept"], ["drop", "are kept without it"], ["keep", "are kept with it where they say how long: all who get them get the cookies"]];

/** The form, and the purge. */
export async function cache(place) {
  if (!place.mayPublish) return stated((await get(pathOf(place), { signal: place.signal })).cache, "Nothing is kept of this version's responses.");
  const form = await versionForm(place, { build, saved: "The cache is saved; what was kept under other terms is not used any more." });
  return [h("p", {}, "A resource may state a cache of its own in the definition."), form, h("h2", {}, "Forget"), purge(place)];
}

function build(form) {
  return [
    h(
      "div",
      { class: "grid" },
      form.select("/cache/mode", "Who decides how long", MODE),
      form.text("/cache/timeout", "Kept for", { placeholder: "300s", hint: "With http: where the response does not say." }),
      form.text("/cache/max_body", "Largest body", { placeholder: "1MiB" }),
      form.text("/cache/max_entries", "Most responses in memory", { type: "digits" }),
      form.words("/cache/methods", "Methods", { upper: true, placeholder: "GET, HEAD" }),
      form.words("/cache/query", "Query parameters that count", { hint: "All, where none is named." }),
      form.words("/cache/ignore_query", "Query parameters that do not"),
      form.words("/cache/headers", "Request fields that tell entries apart"),
      form.words("/cache/unkeyed_headers", "Request fields that do not"),
      form.select("/cache/obeys", "Whose Cache-Control is obeyed", OBEYS),
      form.select("/cache/set_cookie", "Responses with Set-Cookie", COOKIES),
    ),
    form.check("/cache/shared", "Callers of protected resources share what is kept", { hint: "Only where the response is the same for each of them." }),
    form.check("/cache/ignore_host", "Hosts share entries"),
    form.check("/cache/parts", "Ranges are asked for and kept by themselves", { hint: "For large files. Otherwise the whole is fetched, and ranges are cut from it." }),
    form.check("/cache/posts", "Answers to POST are kept for GET", { hint: "Where they say how long, and by Content-Location that they are what GET would get." }),
  ];
}

function purge({ name, version, tenant }) {
  const form = new Form({
    draft: {},
    action: "Forget",
    always: true,
    build: (form) => [
      form.text("/prefix", "Paths that begin with", { class: "code", placeholder: "/ (all of the version)" }),
      form.check("/soft", "Only make it stale", { hint: "It is validated when it is next asked for." }),
    ],
    save: async ({ prefix, soft = false }) => {
      const what = prefix ? `what begins with ${prefix}` : "everything that is kept";
      const isSure = await ask({ title: `Forget ${what} of ${name} ${version}?`, text: "Until it is kept again, calls go to the endpoints.", action: "Forget" });
      if (!isSure) return;
      await call("POST", at("cache", "purge"), { body: { tenant, api: name, version, ...(prefix ? { prefix } : {}), soft } });
      say("It is forgotten.");
    },
  });
  return form.element;
}
