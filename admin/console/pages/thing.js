// A thing of the catalog that is one table: its fields, its definition, its end.

import { call } from "../api.js";
import { ask } from "../dialog.js";
import { Form, jsonForm } from "../form.js";
import { h, replace } from "../h.js";
import { sayLive, trouble } from "../notice.js";
import { again, go } from "../router.js";
import { stated } from "./version.js";

/** Shows a thing: `build(form)` draws its fields, `breaks()` says what ends with it, `list` is where to go then. */
export async function thing({ noun, path, build, mayChange, breaks, list, check, signal, use }) {
  const known = await call("GET", path, { signal });
  if (!mayChange) return [use ?? null, stated(known.data, "Nothing is stated.")];
  const reload = async () => Object.assign(known, await call("GET", path)).data;
  const save = async (draft) => {
    if (check && !(await check(draft))) return;
    const { revision } = await call("PUT", path, { body: draft, etag: known.etag });
    for (const form of [fields, whole]) form.settle(form.draft);
    sayLive(`The ${noun} is saved.`, revision);
    await again();
  };
  const fields = new Form({ draft: structuredClone(known.data), build, reload, save });
  const whole = jsonForm({ draft: known.data, label: `The ${noun} as JSON`, rows: 12, reload, save });
  return [
    use ?? null,
    h("section", { class: "panel" }, fields.element),
    h("details", { class: "panel" }, h("summary", {}, "Definition"), whole.element),
    h("h2", {}, "Delete"),
    remove({ noun, path, known, breaks, list }),
  ];
}

function remove({ noun, path, known, breaks, list }) {
  const problems = h("div");
  const act = async () => {
    try {
      const isSure = await ask({ title: `Delete the ${noun}?`, text: "It goes from the catalog; earlier revisions keep it.", lines: await breaks(), action: `Delete the ${noun}` });
      if (!isSure) return;
      const { revision } = await call("DELETE", path, { etag: known.etag });
      sayLive(`The ${noun} is deleted.`, revision);
      go(list);
    } catch (problem) {
      const box = trouble(problem);
      replace(problems, box);
      box.focus();
    }
  };
  return [problems, h("button", { type: "button", class: "danger", onclick: act }, `Delete the ${noun}`)];
}

/** A form for a new thing. */
export function fresh({ noun, path, draft = {}, build, list, naming, done }) {
  const form = new Form({
    draft,
    action: `Make the ${noun}`,
    cancel: () => go(list),
    naming,
    build,
    save: async (stated) => {
      const { data, revision } = await call("POST", path(stated), { body: bare(stated) });
      form.settle(stated);
      sayLive(`The ${noun} is made.`, revision);
      done(data);
    },
  });
  return h("div", { class: "panel" }, form.element);
}

/** Leaves out what the path says. */
function bare({ within, ...stated }) {
  return stated;
}
