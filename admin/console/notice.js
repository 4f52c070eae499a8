// What is said of what was done: in passing, or where it stands.

import { h, replace } from "./h.js";
import { Problem, sentence } from "./api.js";

const region = h("div", { class: "notices", role: "status", "aria-live": "polite" });

/** The place where notices appear; it is there from the start, so that readers hear of them. */
export function notices() {
  return region;
}

/** Says something in passing. */
export function say(text) {
  const note = h("p", { class: "notice" }, text);
  replace(region, note);
  setTimeout(() => note.remove(), 8000);
}

/** Says that a change is live. */
export function sayLive(what, revision) {
  say(revision ? `${what} Live as revision ${revision}.` : what);
}

/** Says what went wrong, as a block that takes the focus; `flaws` are those that stand nowhere else. */
export function trouble(problem, flaws = problem.violations ?? []) {
  if (!(problem instanceof Problem)) console.error(problem);
  const text = problem instanceof Problem ? problem.message : sentence(`something broke in this page: ${problem.message}`);
  return h(
    "div",
    { class: "trouble", role: "alert", tabindex: "-1" },
    h("p", {}, text),
    problem.retryAfter ? h("p", {}, `Try again in ${problem.retryAfter} seconds.`) : null,
    flaws.length ? h("ul", {}, flaws.map((flaw) => h("li", {}, flawText(flaw)))) : null,
  );
}

/** Writes a violation with its place. */
export function flawText(flaw) {
  const place = flaw.file ? `${flaw.file}${flaw.line ? `:${flaw.line}` : ""}${flaw.column ? `:${flaw.column}` : ""}` : null;
  return [
    place || flaw.pointer ? h("code", {}, place ?? flaw.pointer) : null,
    place || flaw.pointer ? " " : null,
    sentence(flaw.message),
    flaw.fix ? h("span", { class: "fix" }, ` ${sentence(flaw.fix)}`) : null,
  ];
}
