// What the gateway does now: traffic of the last hour, what is served, and what keeps the files from being served.

import { at, call, get, Problem } from "../api.js";
import { h, replace } from "../h.js";
import { flawText, sayLive, trouble } from "../notice.js";
import { plot } from "../plot.js";
import { again, to } from "../router.js";
import { may, seesAll } from "../session.js";
import { moment, table } from "../table.js";

/** The first page. */
export async function overview({ signal }) {
  const [status, latest] = await Promise.all([get(at("status"), { signal }), get(at("revisions", { limit: 5 }), { signal })]);
  return {
    title: "Overview",
    actions: may("everything") ? reload() : null,
    content: [refused(status), seesAll() ? await traffic(signal) : null, facts(status), h("h2", {}, "The latest changes"), changes(latest.items)],
  };
}

/** The plots, drawn anew as long as the page is shown. */
async function traffic(signal) {
  const place = h("section", { "aria-label": "Traffic of the last hour" });
  const draw = async (options) => {
    const told = await get(at("traffic"), { signal, ...options });
    if (!place.contains(document.activeElement) && !place.matches(":hover")) replace(place, plots(told), busiest(told));
    setTimeout(() => !signal.aborted && next(), told.interval_seconds * 1000);
  };
  const next = () =>
    draw({ background: true }).catch((problem) => {
      if (problem.name === "AbortError") return;
      replace(place, trouble(problem));
    });
  try {
    await draw();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    replace(place, trouble(problem));
  }
  return place;
}

function plots({ samples }) {
  if (!samples.length) return h("p", { class: "empty" }, "The process has just begun: the first figures come in a few seconds.");
  const times = samples.map(({ at: time }) => time);
  const rate = (pick) => samples.map((sample) => pick(sample) / sample.seconds);
  const figure = (title, series, unit, least) => plot({ title, series, times, unit, least });
  const aSecond = (value) => `${short(value)}/s`;
  return h(
    "div",
    { class: "figures" },
    figure("Requests", [{ name: "all", values: rate(({ requests }) => requests) }], aSecond),
    figure("Errors", [{ name: "4xx", values: rate(({ statuses }) => statuses["4xx"]) }, { name: "5xx", values: rate(({ statuses }) => statuses["5xx"]) }], aSecond),
    figure("Latency", [["p50", "p50_ms"], ["p90", "p90_ms"], ["p99", "p99_ms"]].map(([name, key]) => ({ name, values: samples.map(({ latency }) => latency[key]) })), (value) => `${short(value)} ms`),
    figure("Cache hit rate", [{ name: "hits", values: samples.map(hitRate) }], (value) => `${Math.round(value)} %`, 100),
    figure("Throttled", [{ name: "429", values: rate(({ throttled }) => throttled) }], aSecond),
    figure("Under way", [{ name: "requests", values: samples.map((sample) => sample.in_flight) }, { name: "connections", values: samples.map((sample) => sample.connections) }], short),
  );
}

/** What part of the requests that the cache was asked about came from it; null where there was none. */
function hitRate({ cache: { hits, revalidated, stale, misses } }) {
  const asked = hits + revalidated + stale + misses;
  return asked ? (100 * (hits + revalidated + stale)) / asked : null;
}

function busiest({ versions }) {
  if (!versions.length) return null;
  const columns = [
    { name: "Version", cell: (one) => h("a", { href: to("apis", one.api, { tenant: one.tenant, version: one.version }) }, `${one.api} ${one.version}`) },
    { name: "Tenant", cell: (one) => one.tenant },
    { name: "Requests", class: "number", cell: (one) => one.requests.toLocaleString() },
    { name: "4xx", class: "number", cell: (one) => one.client_errors.toLocaleString() },
    { name: "5xx", class: "number", cell: (one) => one.server_errors.toLocaleString() },
  ];
  return [h("h2", {}, "The busiest versions"), table({ caption: "The busiest versions of the last hour", columns, rows: versions }), h("br")];
}

function short(value) {
  return new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3, notation: value >= 10000 ? "compact" : "standard" }).format(value);
}

function changes(list) {
  const columns = [
    { name: "Revision", cell: (one) => h("a", { href: to("revisions", one.revision) }, String(one.revision)) },
    { name: "Live since", cell: (one) => moment(one.at) },
    { name: "By", cell: (one) => one.actor },
    { name: "What was done", cell: (one) => one.note },
  ];
  return table({ caption: "The latest revisions", columns, rows: list, empty: "Nothing was changed yet." });
}

function facts(status) {
  return h(
    "dl",
    { class: "facts panel" },
    fact("Revision", status.revision ? [String(status.revision), status.applied ? [", live since ", moment(status.applied)] : null] : "none yet"),
    fact("APIs", String(status.apis)),
    fact("Gateway", [`${status.version}, started `, moment(status.started)]),
    status.is_read_only ? fact("Catalog", "Its files cannot be written here: it is changed elsewhere, and only looked at here.") : null,
  );
}

function fact(name, value) {
  return [h("dt", {}, name), h("dd", {}, value)];
}

function refused(status) {
  if (!status.is_refused) return null;
  return h(
    "section",
    { class: "trouble" },
    h("p", {}, "The files were changed, and the change is refused. What was served before is still served."),
    h("ul", {}, status.violations.map((flaw) => h("li", {}, flawText(flaw)))),
  );
}

function reload() {
  const place = h("div");
  const button = h("button", { type: "button" }, "Read the files again");
  button.addEventListener("click", async () => {
    button.disabled = true;
    replace(place);
    try {
      const { data } = await call("POST", at("reload"));
      sayLive(data.unchanged ? "The files say what is served already." : "The files were read.", data.unchanged ? null : data.revision);
      await again();
    } catch (problem) {
      const box = trouble(problem);
      replace(place, box);
      box.focus();
    } finally {
      button.disabled = false;
    }
  });
  return [button, place];
}
