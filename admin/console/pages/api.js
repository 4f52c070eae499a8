// An API: its versions, and one of them from each side.

import { at, call, get } from "../api.js";
import { ask } from "../dialog.js";
import { h, replace } from "../h.js";
import { sayLive, trouble } from "../notice.js";
import { go, to } from "../router.js";
import { may } from "../session.js";
import { badge } from "../table.js";
import { access } from "./api-access.js";
import { cache } from "./api-cache.js";
import { definition } from "./api-definition.js";
import { endpoints } from "./api-endpoints.js";
import { lifecycle } from "./api-lifecycle.js";
import { preference } from "./api-default.js";
import { resources } from "./api-resources.js";
import { subscribers } from "./api-subscribers.js";
import { many, subscriptions } from "./version.js";

const TABS = {
  resources: ["Resources", resources],
  endpoints: ["Endpoints", endpoints],
  access: ["Access", access],
  cache: ["Cache", cache],
  lifecycle: ["Lifecycle", lifecycle],
  subscribers: ["Subscribers", subscribers],
  default: ["Default version", preference],
  definition: ["Definition", definition],
};

/** The page. */
export async function api({ api: name, query, signal }) {
  const { tenant } = query;
  const stated = await get(at("apis", name, { tenant }), { signal });
  const owner = stated.tenant ?? "carbon.super";
  const { answers } = await get(at("apis", name, "default-version", { tenant }), { signal });
  const known = stated.versions ?? [];
  const labels = known.map(({ version }) => version);
  const version = labels.includes(query.version) ? query.version : answers ?? labels.at(-1);
  const tab = TABS[query.tab] && version ? query.tab : version ? "resources" : "definition";
  const place = { name, tenant: owner, version, labels, stated, signal, mayPublish: may("publish", owner) };
  const here = (more) => to("apis", name, { tenant, version, tab, ...more });
  const [, page] = TABS[tab];
  return {
    title: name,
    crumbs: [["APIs", to("apis")]],
    actions: place.mayPublish ? actions(place) : null,
    content: [
      h("p", { class: "faint" }, h("code", {}, `${owner === "carbon.super" ? "" : `/t/${owner}`}${stated.context ?? ""}`), ` in ${owner}`),
      versions(place, known, answers, here),
      tabs(tab, version, here),
      await page(place),
    ],
  };
}

function versions({ version, name }, known, answers, here) {
  const item = (one) =>
    h(
      "li",
      {},
      h("a", { href: here({ version: one.version }), "aria-current": one.version === version ? "true" : null }, one.version),
      " ",
      badge(one.state ?? "created"),
      one.version === answers ? h("span", { class: "default" }, " default") : null,
    );
  return known.length ? h("nav", { "aria-label": `Versions of ${name}` }, h("ul", { class: "versions picks" }, known.map(item))) : h("p", { class: "empty" }, "It has no version yet.");
}

function tabs(current, version, here) {
  const shown = Object.entries(TABS).filter(([tab]) => version || tab === "definition");
  const links = shown.map(([tab, [name]]) => h("li", {}, h("a", { href: here({ tab }), "aria-current": tab === current ? "page" : null }, name)));
  return h("nav", { class: "tabs", "aria-label": version ? `Version ${version}` : "The API" }, h("ul", {}, links));
}

function actions(place) {
  const { name, tenant, version } = place;
  const problems = h("div");
  const remove = (what, path, texts) => async () => {
    const isSure = await ask({ ...(await texts()), action: `Delete the ${what}` });
    if (!isSure) return;
    try {
      const { revision } = await call("DELETE", path);
      sayLive(`The ${what} is deleted.`, revision);
      if (what === "API") go("apis");
      else go("apis", name, { tenant });
    } catch (problem) {
      const box = trouble(problem);
      replace(problems, box);
      box.focus();
    }
  };
  const lines = async (labels) =>
    Promise.all(
      labels.map(async (label) => {
        const subscribed = await subscriptions(place, label);
        return `Version ${label}${subscribed === null ? "" : `: ${many(subscribed, "subscription")}`}. Its callers get 404 from the next request on.`;
      }),
    );
  return [
    h("a", { class: "button", href: to("apis", name, "new-version", { tenant, from: version }) }, "New version"),
    version ? h("button", { type: "button", class: "danger", onclick: remove("version", at("apis", name, "versions", version, { tenant }), async () => ({ title: `Delete ${name} ${version}?`, text: "It goes from the catalog; earlier revisions keep it.", lines: await lines([version]) })) }, `Delete ${version}`) : null,
    h("button", { type: "button", class: "danger", onclick: remove("API", at("apis", name, { tenant }), async () => ({ title: `Delete ${name}?`, text: "It goes from the catalog with all its versions; earlier revisions keep it.", lines: await lines(place.labels) })) }, "Delete the API"),
    problems,
  ];
}
