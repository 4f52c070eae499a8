// Every catalog that was served: what changed, and going back.

import { at, call, get } from "../api.js";
import { ask } from "../dialog.js";
import { h, replace } from "../h.js";
import { say, trouble } from "../notice.js";
import { go, to } from "../router.js";
import { may } from "../session.js";
import { badge, listing, moment, table } from "../table.js";
import { many } from "./version.js";

/** The list. */
export async function revisions({ signal }) {
  const columns = [
    { name: "Revision", cell: (one) => [h("a", { href: to("revisions", one.revision) }, String(one.revision)), one.is_live ? [" ", badge("live", "published")] : null] },
    { name: "Live since", cell: (one) => moment(one.at) },
    { name: "By", cell: (one) => one.actor },
    { name: "What was done", cell: (one) => one.note },
  ];
  return {
    title: "Revisions",
    content: await listing({ caption: "Revisions of the catalog", path: at("revisions"), columns, empty: "Nothing was served yet.", search: "Search by who and what", signal }),
  };
}

/** One of them. */
export async function revisionPage({ revision, query, signal }) {
  const [kept, diff] = await Promise.all([
    get(at("revisions", revision), { signal }),
    get(at("revisions", revision, "diff", { against: query.against }), { signal }),
  ]);
  return {
    title: `Revision ${revision}`,
    crumbs: [["Revisions", to("revisions")]],
    actions: may("everything") && !kept.is_live ? restore(kept) : null,
    content: [
      h("p", {}, kept.is_live ? [badge("live", "published"), " "] : null, kept.actor ? `${kept.actor}, ` : null, moment(kept.at), kept.note ? `: ${kept.note}` : null),
      compare(revision, diff.against),
      h("h2", {}, diff.against === diff.revision ? "Nothing older is kept to compare it with" : `What changed since revision ${diff.against}`),
      differences(diff.differences),
      diff.text ? [h("h2", {}, "In the files"), text(diff.text)] : null,
    ],
  };
}

function compare(revision, against) {
  const input = h("input", { type: "text", inputmode: "numeric", id: "against", value: String(against), size: "6" });
  const submit = (event) => {
    event.preventDefault();
    if (/^\d+$/.test(input.value)) go("revisions", revision, { against: input.value });
  };
  return h("form", { class: "bar", onsubmit: submit }, h("label", { for: "against" }, "Compare with revision"), input, h("button", { type: "submit" }, "Compare"));
}

/** What differs, thing by thing. */
function differences(list) {
  const value = (told) => (told === null || told === undefined ? h("span", { class: "faint" }, "nothing") : h("code", {}, typeof told === "string" ? told : JSON.stringify(told)));
  const columns = [
    { name: "Thing", cell: (one) => one.object },
    { name: "Field", cell: (one) => one.field || (one.before === null ? "made" : "deleted") },
    { name: "Before", cell: (one) => value(one.before) },
    { name: "After", cell: (one) => value(one.after) },
  ];
  return table({ caption: "Differences", columns, rows: list, empty: "Nothing differs in what is stated." });
}

/** A diff as `diff -u` writes it. */
function text(diff) {
  const kind = (line) => (/^(\+\+\+|---|@@)/.test(line) ? "place" : line.startsWith("+") ? "plus" : line.startsWith("-") ? "minus" : null);
  return h("pre", { class: "diff", tabindex: "0", "aria-label": "Differences line by line" }, diff.replace(/\n$/, "").split("\n").map((line) => h("span", { class: kind(line) }, line || " ")));
}

function restore(kept) {
  const problems = h("div");
  const act = async () => {
    try {
      const { data: trial } = await call("POST", at("revisions", kept.revision, "restore", { dry_run: "true" }), { body: {} });
      const live = (await get(at("revisions", { limit: 1 }))).items[0];
      const diff = await get(at("revisions", kept.revision, "diff", { against: live?.revision }));
      const isSure = await ask({
        title: `Go back to revision ${kept.revision}?`,
        text: `The whole catalog becomes what it was then, as a new revision of ${many(trial.apis, "API")}. What was changed since goes:`,
        lines: diff.differences.length ? brief(diff.differences) : ["Nothing differs in what is stated."],
        action: "Go back",
      });
      if (!isSure) return;
      const { revision } = await call("POST", at("revisions", kept.revision, "restore"), { body: {} });
      say(`Revision ${kept.revision} is served again, as revision ${revision}.`);
      go("revisions");
    } catch (problem) {
      const box = trouble(problem);
      replace(problems, box);
      box.focus();
    }
  };
  return [h("button", { type: "button", class: "danger", onclick: act }, "Go back to this one"), problems];
}

function brief(list) {
  const things = [...new Set(list.map((one) => `${one.object}${one.field ? `: ${one.field}` : one.before === null ? " comes back" : " goes"}`))];
  return things.length > 8 ? [...things.slice(0, 8), `and ${things.length - 8} more`] : things;
}
