// A version, or the whole API, as its file states it: for everything that has no field elsewhere.

import { at, call } from "../api.js";
import { jsonForm } from "../form.js";
import { h } from "../h.js";
import { sayLive } from "../notice.js";
import { pathOf } from "./version.js";

/** The definitions. */
export async function definition(place) {
  const whole = at("apis", place.name, { tenant: place.tenant });
  return [
    place.version ? [h("h2", {}, `Version ${place.version}`), await edited(place, pathOf(place), "The version as JSON")] : null,
    h("h2", {}, "The whole API"),
    await edited(place, whole, "The API with all its versions as JSON"),
  ];
}

async function edited({ mayPublish, signal }, path, label) {
  let known = await call("GET", path, { signal });
  if (!mayPublish) return h("pre", { class: "panel", tabindex: "0" }, JSON.stringify(known.data, null, 2));
  const form = jsonForm({
    draft: known.data,
    label,
    reload: async () => (known = await call("GET", path)).data,
    save: async (document) => {
      known = await call("PUT", path, { body: document, etag: known.etag });
      form.settle({ text: JSON.stringify(known.data, null, 2) });
      sayLive("It is saved.", known.revision);
    },
  });
  return form.element;
}
