// What the sides of a version share: it is read and written whole, so that each form saves what it shows and leaves the
// rest as it is.

import { at, call, count } from "../api.js";
import { Form } from "../form.js";
import { h } from "../h.js";
import { sayLive } from "../notice.js";

/** The path of a version. */
export function pathOf({ name, version, tenant }) {
  return at("apis", name, "versions", version, { tenant });
}

/**
 * A form over a version. `build(form)` draws its fields; `check(before, draft, tryOut)` may ask first, and ends with
 * false where nothing is to be saved; `tryOut()` throws what the server would refuse.
 */
export async function versionForm(place, { build, check, saved = "It is saved." }) {
  const path = pathOf(place);
  let known = await call("GET", path, { signal: place.signal });
  const form = new Form({
    draft: known.data,
    build,
    reload: async () => (known = await call("GET", path)).data,
    save: async (draft) => {
      const tryOut = () => call("PUT", at("apis", place.name, "versions", place.version, { tenant: place.tenant, dry_run: true }), { body: draft, etag: known.etag });
      if (check && !(await check(form.base, draft, tryOut))) return;
      known = await call("PUT", path, { body: draft, etag: known.etag });
      form.settle(known.data);
      sayLive(saved, known.revision);
    },
  });
  return form.element;
}

/** Shows what is stated, for those who do not change it. */
export function stated(value, empty) {
  const lines = flat(value);
  if (!lines.length) return h("p", { class: "empty" }, empty);
  return h("dl", { class: "facts panel" }, lines.map(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]));
}

function flat(value, name = "") {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value.length ? [[name, value.map((one) => (typeof one === "object" ? JSON.stringify(one) : one)).join(", ")]] : [];
  if (typeof value !== "object") return [[name, String(value)]];
  return Object.entries(value).flatMap(([key, inner]) => flat(inner, name ? `${name} / ${key.replaceAll("_", " ")}` : key.replaceAll("_", " ")));
}

/** Says how many subscriptions there are to a version; null where that cannot be asked. */
export function subscriptions({ name, tenant }, version) {
  return count(at("subscriptions", { tenant, api: name, version }));
}

/** Says how many, in words. */
export function many(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
