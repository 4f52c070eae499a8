// Where a version stands in its life, and the moves from there.

import { at, call, get } from "../api.js";
import { ask } from "../dialog.js";
import { h, replace } from "../h.js";
import { sayLive, trouble } from "../notice.js";
import { again } from "../router.js";
import { badge } from "../table.js";
import { many } from "./version.js";

const MEANS = {
  created: "Being made: calls get 404.",
  prototyped: "Served, to be tried out.",
  published: "Served.",
  blocked: "Calls get 503, code 700700, until it is published again.",
  deprecated: "Served to those who use it; nobody subscribes anew.",
  retired: "Gone: calls get 404.",
};
const HURTS = new Set(["blocked", "created", "retired", "deprecated"]);

/** The state and its moves. */
export async function lifecycle({ name, version, tenant, mayPublish, signal }) {
  const path = at("apis", name, "versions", version, "lifecycle", { tenant });
  const told = await get(path, { signal });
  const problems = h("div");
  const publishes = told.events.some(({ to }) => to === "published") && told.state !== "published";
  const older = h("input", { type: "checkbox", id: "deprecate-older", disabled: !told.older?.length });
  const anew = h("input", { type: "checkbox", id: "require-resubscription" });
  const move = async ({ event, to }) => {
    const subscribed = told.subscriptions;
    const isSure =
      !HURTS.has(to) ||
      (await ask({
        title: `${word(event)} ${name} ${version}?`,
        text: MEANS[to],
        lines: [`This version has ${many(subscribed, "subscription")}.`],
        action: word(event),
        isDangerous: to !== "deprecated",
      }));
    if (!isSure) return;
    const toPublished = to === "published" && told.state !== "published";
    const body = { event, deprecate_older: toPublished && older.checked, require_resubscription: toPublished && anew.checked };
    try {
      const { data, revision } = await call("POST", path, { body });
      const more = [data.deprecated?.length ? ` Deprecated: ${data.deprecated.join(", ")}.` : "", data.carried_over ? ` Carried over: ${many(data.carried_over, "subscription")}.` : "", data.not_carried_over ? ` Not carried over: ${many(data.not_carried_over, "subscription")}.` : ""];
      sayLive(`${name} ${version} is ${data.state} now.${more.join("")}`, revision);
      await again();
    } catch (problem) {
      const box = trouble(problem);
      replace(problems, box);
      box.focus();
    }
  };
  return h(
    "div",
    { class: "panel" },
    h("p", {}, badge(told.state), " ", MEANS[told.state]),
    mayPublish && publishes
      ? h(
          "fieldset",
          {},
          h("legend", {}, "When it is published"),
          h("div", { class: "field check" }, older, h("label", { for: "deprecate-older" }, told.older?.length ? `Deprecate the older versions: ${told.older.join(", ")}` : "Deprecate older versions (none is published)")),
          h("div", { class: "field check" }, anew, h("label", { for: "require-resubscription" }, "Subscribers of the version before it have to subscribe anew; else they are carried over")),
        )
      : null,
    problems,
    mayPublish
      ? h("ul", { class: "moves" }, told.events.map((way) => h("li", {}, h("button", { type: "button", class: HURTS.has(way.to) ? "danger" : "primary", onclick: () => move(way) }, word(way.event)), ` leads to ${way.to.replaceAll("_", " ")}. ${MEANS[way.to]}`)))
      : h("p", { class: "faint" }, "Moves are for publishers of this tenant."),
  );
}

function word(event) {
  const text = event.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
