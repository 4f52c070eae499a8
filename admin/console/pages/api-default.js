// Which version answers where a path names none.

import { at, call } from "../api.js";
import { Form } from "../form.js";
import { h } from "../h.js";
import { sayLive } from "../notice.js";
import { again } from "../router.js";

/** The order of preference. */
export async function preference({ name, tenant, labels, mayPublish, signal }) {
  const path = at("apis", name, "default-version", { tenant });
  let known = await call("GET", path, { signal });
  const answers = h("p", {}, known.data.answers ? ["Version ", h("strong", {}, known.data.answers), " answers now."] : "No version answers: calls without a version get 404.");
  if (!mayPublish) return h("div", { class: "panel" }, answers, h("p", {}, `In order of preference: ${known.data.default_version.join(", ") || "none"}.`));
  const form = new Form({
    draft: { default_version: known.data.default_version },
    build: (form) =>
      form.words("/default_version", "In order of preference", {
        keepsEmpty: true,
        hint: `The first one that is published answers where a path names no version. Versions: ${labels.join(", ")}. A favourite that is not published yet changes nothing for callers until it is.`,
      }),
    reload: async () => {
      known = await call("GET", path);
      return { default_version: known.data.default_version };
    },
    save: async (draft) => {
      const { revision, data } = await call("PUT", path, { body: draft, etag: known.etag });
      form.settle({ default_version: data.default_version });
      sayLive(data.answers ? `Version ${data.answers} answers by default.` : "No version answers by default.", revision);
      await again();
    },
  });
  return h("div", { class: "panel" }, answers, form.element);
}
