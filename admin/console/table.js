// Tables that become cards on a phone, and lists of the API with a search and a next part.

import { all, call } from "./api.js";
import { append, h, replace, unique } from "./h.js";
import { trouble } from "./notice.js";

/**
 * A table. `columns`: `{name, cell(item), class}`; the first one names the row. Roles are stated because a phone shows
 * rows as blocks, which would take them away.
 */
export function table({ caption, columns, rows, empty = "There is nothing here." }) {
  if (!rows.length) return h("p", { class: "empty" }, empty);
  const head = h("tr", { role: "row" }, columns.map(({ name, class: kind }) => h("th", { scope: "col", role: "columnheader", class: kind }, name || h("span", { class: "hidden" }, "Actions"))));
  return h(
    "table",
    { role: "table" },
    h("caption", { class: "hidden" }, caption),
    h("thead", { role: "rowgroup" }, head),
    h("tbody", { role: "rowgroup" }, rows.map((item) => row(columns, item))),
  );
}

function row(columns, item) {
  const cells = columns.map(({ name, cell, class: kind }, index) =>
    h(index ? "td" : "th", { scope: index ? null : "row", role: index ? "cell" : "rowheader", class: kind, "data-label": name }, cell(item)),
  );
  return h("tr", { role: "row" }, cells);
}

/** A list of the API: searched by name, part after part. `filters` are controls whose names are parameters. */
export function listing({ caption, path, columns, empty, filters = [], signal, search = "Search by name" }) {
  const [result, status] = [h("div", { class: "result" }), h("p", { class: "count", role: "status" })];
  const input = h("input", { type: "search", "aria-label": search, placeholder: search, autocomplete: "off" });
  const more = h("button", { type: "button", hidden: true, onclick: () => load(true) }, "Show more");
  let [items, next, timer, turn] = [[], null, null, 0];
  const first = () => {
    const chosen = filters.map((filter) => [filter.name, filter.value]);
    const query = new URLSearchParams([...chosen, ["q", input.value.trim()]].filter(([name, value]) => name && value));
    const text = String(query);
    return text ? `${path}${path.includes("?") ? "&" : "?"}${text}` : path;
  };
  async function load(goesOn = false) {
    const mine = (turn += 1);
    result.setAttribute("aria-busy", "true");
    try {
      const { data } = await call("GET", goesOn ? next : first(), { signal });
      if (mine !== turn) return;
      items = goesOn ? [...items, ...data.items] : data.items;
      next = data.next;
      const isNarrowed = input.value.trim() || filters.some((filter) => filter.value);
      replace(result, table({ caption, columns, rows: items, empty: isNarrowed ? "Nothing fits." : empty }));
      status.textContent = items.length < data.total ? `${items.length} of ${data.total}` : `${data.total} in all`;
      more.hidden = !next;
    } catch (problem) {
      if (problem.name !== "AbortError") replace(result, trouble(problem));
    } finally {
      result.removeAttribute("aria-busy");
    }
  }
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(load, 200);
  });
  for (const filter of filters) filter.addEventListener("change", () => load());
  const bar = h("search", { class: "bar" }, search ? input : null, filters.map((filter) => filter.closest("label") ?? filter), status);
  const element = h("div", { class: "listing" }, bar, result, more);
  return load().then(() => Object.assign(element, { again: load }));
}

/** A choice that narrows a list. */
export function filter(name, label, options) {
  const select = h("select", { name, id: unique("filter"), "aria-label": label });
  return append(select, options.map(([value, text]) => h("option", { value }, text)));
}

/** Everything that a list of the API holds, or nothing where it cannot be asked. */
export async function allOf(path, options) {
  return (await all(path, options)).items;
}

/** A few words in a line. */
export function words(list) {
  return list?.length ? h("span", { class: "words" }, list.map((word) => h("code", {}, word))) : h("span", { class: "faint" }, "none");
}

/** A mark with its meaning in words. */
export function badge(text, kind = text) {
  return h("span", { class: `badge ${kind}` }, String(text).replaceAll("_", " "));
}

/** A moment, as people here write it; the exact one in its title. */
export function moment(text) {
  if (!text) return h("span", { class: "faint" }, "never");
  const at = new Date(text);
  return h("time", { datetime: text, title: text }, new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" }).format(at));
}
