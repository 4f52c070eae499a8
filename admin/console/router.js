// Which page is shown: `#/apis/Demo?tenant=acme.example`. Pages are functions that return what to show.

import { h, replace } from "./h.js";
import { trouble } from "./notice.js";
import { isKept } from "./leaving.js";

const routes = [];
let main = null;
let leaving = new AbortController();
let shown = null;

/** Adds a page: `pattern` such as `apis/:api`. */
export function route(pattern, page) {
  routes.push({ parts: pattern.split("/").filter(Boolean), page });
}

/** Writes the address of a page. */
export function to(...parts) {
  const query = typeof parts.at(-1) === "object" ? parts.pop() : {};
  const path = `#/${parts.map((part) => encodeURIComponent(part)).join("/")}`;
  const pairs = Object.entries(query).filter(([, value]) => value);
  return pairs.length ? `${path}?${new URLSearchParams(pairs)}` : path;
}

/** Goes to a page. */
export function go(...parts) {
  const address = typeof parts[0] === "string" && parts[0].startsWith("#") ? parts[0] : to(...parts);
  if (location.hash === address) show();
  else location.hash = address;
}

/** Shows the page again, as it is now. */
export function again() {
  return show({ keepsFocus: true });
}

/** Starts showing pages in an element. */
export function start(element) {
  main = element;
  addEventListener("hashchange", changed);
  return show({ isFirst: true });
}

/** Stops showing pages. */
export function stop() {
  leaving.abort();
  removeEventListener("hashchange", changed);
  shown = null;
}

async function changed() {
  if (location.hash === shown) return;
  const wanted = location.hash;
  if (await isKept()) {
    history.replaceState(null, "", shown);
    return;
  }
  if (location.hash === wanted) await show();
}

function parse() {
  const [path, query] = (location.hash.replace(/^#\/?/, "") || "").split("?");
  let parts;
  try {
    parts = path.split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    parts = ["?"];
  }
  return { parts, query: Object.fromEntries(new URLSearchParams(query ?? "")) };
}

function find(parts) {
  for (const { parts: pattern, page } of routes) {
    if (pattern.length !== parts.length) continue;
    const named = {};
    const fits = pattern.every((part, index) => {
      if (part.startsWith(":")) named[part.slice(1)] = parts[index];
      return part.startsWith(":") || part === parts[index];
    });
    if (fits) return { page, named };
  }
  return null;
}

async function show({ isFirst = false, keepsFocus = false } = {}) {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  shown = location.hash;
  const { parts, query } = parse();
  const found = find(parts);
  dispatchEvent(new CustomEvent("page", { detail: parts[0] ?? "" }));
  main.setAttribute("aria-busy", "true");
  let page;
  try {
    page = found
      ? await found.page({ ...found.named, query, signal })
      : { title: "Not found", content: h("p", {}, "There is no such page.") };
  } catch (problem) {
    if (problem.name === "AbortError" || signal.aborted) return;
    page = { title: problem.status === 404 ? "Not found" : "It could not be shown", content: trouble(problem) };
  }
  if (signal.aborted) return;
  main.removeAttribute("aria-busy");
  document.title = `${page.title} · Tollgate`;
  const heading = h("h1", { tabindex: "-1" }, page.heading ?? page.title);
  const crumbs = (page.crumbs ?? []).map(([name, address]) => h("li", {}, h("a", { href: address }, name)));
  replace(
    main,
    crumbs.length ? h("nav", { "aria-label": "Breadcrumb", class: "crumbs" }, h("ol", {}, crumbs)) : null,
    h("div", { class: "head" }, heading, page.actions ? h("div", { class: "actions" }, page.actions) : null),
    page.content,
  );
  if (keepsFocus) {
    if (document.activeElement === document.body) heading.focus({ preventScroll: true });
  } else if (!isFirst) {
    scrollTo(0, 0);
    heading.focus({ preventScroll: true });
  }
}
