// Lists of subscriptions, and what may be done to one: block, unblock, another tier, end it.

import { at, call, Problem } from "../api.js";
import { ask } from "../dialog.js";
import { h, replace } from "../h.js";
import { say, trouble } from "../notice.js";
import { to } from "../router.js";
import { may } from "../session.js";
import { badge, listing } from "../table.js";

const STATES = [
  ["unblocked", "Unblock", "is let through again"],
  ["production_only_blocked", "Block production keys", "is let through with sandbox keys alone"],
  ["blocked", "Block", "is refused from the next request on"],
];

/** A list of subscriptions; `columns` names what is shown of each. */
export async function subscriptionList({ columns, ...options }) {
  const problems = h("div");
  const shown = {
    application: { name: "Application", cell: (one) => h("a", { href: to("applications", one.application) }, one.application_name ?? one.application) },
    owner: { name: "Owner", cell: (one) => one.owner },
    api: { name: "API", cell: (one) => h("a", { href: to("apis", one.api, { tenant: one.tenant, version: one.version, tab: "subscribers" }) }, `${one.api} ${one.version}`) },
    tier: { name: "Tier", cell: (one) => one.tier },
    state: { name: "State", cell: (one) => badge(one.state) },
  };
  const acts = { name: "", class: "acts", cell: (one) => buttons(one, problems, () => list.again()) };
  const list = await listing({ ...options, columns: [...columns.map((name) => shown[name]), acts] });
  return h("div", {}, problems, list);
}

function buttons(one, problems, reload) {
  if (!may("tenant", one.tenant)) return null;
  const act = (work) => async () => {
    replace(problems);
    try {
      if ((await work()) === false) return;
      await reload();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      const box = trouble(problem);
      replace(problems, box);
      box.focus();
    }
  };
  const name = `${one.application_name ?? one.application} to ${one.api} ${one.version}`;
  const moves = STATES.filter(([state]) => state !== one.state).map(([state, word, means]) =>
    h("button", { type: "button", class: `quiet${state === "unblocked" ? "" : " danger"}`, "aria-label": `${word}: ${name}`, onclick: act(() => move(one, state, word, means)) }, word),
  );
  return [moves, h("button", { type: "button", class: "quiet danger", "aria-label": `End: ${name}`, onclick: act(() => end(one, name)) }, "End")];
}

async function move(one, state, word, means) {
  if (state !== "unblocked") {
    const isSure = await ask({ title: `${word}?`, text: `The application ${one.application_name} ${means}, whatever token it has.`, lines: [`Its calls to ${one.api} ${one.version}.`], action: word });
    if (!isSure) return false;
  }
  const path = at("subscriptions", one.id);
  const known = await call("GET", path);
  await call("PUT", path, { body: { ...known.data, state }, etag: known.etag });
  say(`The subscription ${means}.`);
  return true;
}

async function end(one, name) {
  const isSure = await ask({ title: "End the subscription?", text: `${name} ends: its calls are refused from the next request on.`, action: "End it" });
  if (!isSure) return false;
  await call("DELETE", at("subscriptions", one.id));
  say("The subscription has ended.");
  return true;
}
