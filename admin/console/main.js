// The frame around every page: who is signed in, the places to go to, and which tenant is looked at.

import { at, whenSignedOut } from "./api.js";
import { dialog } from "./dialog.js";
import { Form } from "./form.js";
import { h, replace, svg } from "./h.js";
import { notices } from "./notice.js";
import { again, route, start, stop } from "./router.js";
import { lookAt, may, resume, seesAll, signIn, tenantNow, user } from "./session.js";
import { allOf } from "./table.js";
import { chooseScheme, isDark } from "./looks.js";
import { PLACES } from "./places.js";

for (const { pages } of PLACES) for (const [pattern, page] of Object.entries(pages)) route(pattern, page);

whenSignedOut(() => {
  const before = user()?.user;
  return dialog("Sign in again", (close) => [
    h("p", {}, "The session has ended. What you typed is still there."),
    signInForm((told) => (before && told.user !== before ? location.reload() : close(told))),
  ], { isFirm: true });
});

addEventListener("signed-out", showGate);

addEventListener("page", ({ detail }) => {
  fold(false);
  for (const link of document.querySelectorAll(".side a")) {
    if (link.dataset.place === detail) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
});

begin();

async function begin() {
  try {
    if (await resume()) await showFrame();
    else showGate();
  } catch (problem) {
    replace(document.body, h("main", { class: "gate" }, h("h1", {}, "Tollgate"), h("p", { role: "alert" }, problem.message)));
  }
}

function mark() {
  return svg(
    "svg",
    { viewBox: "0 0 32 32", "aria-hidden": "true" },
    svg("path", { d: "M9 5v22M5 11l22-5v5L9 15", fill: "none", stroke: "var(--accent)", "stroke-width": "3", "stroke-linejoin": "round", "stroke-linecap": "round" }),
  );
}

function signInForm(done) {
  const form = new Form({
    draft: {},
    action: "Sign in",
    always: true,
    build: (form) => [
      form.text("/user", "User", { hint: "name, or name@tenant", autocomplete: "username", autocapitalize: "none", autofocus: true, required: true, name: "user" }),
      form.text("/password", "Password", { type: "password", autocomplete: "current-password", required: true, name: "password" }),
    ],
    save: async ({ user = "", password = "" }) => done(await signIn(user, password)),
  });
  return form.element;
}

function showGate() {
  stop();
  document.title = "Sign in · Tollgate";
  const form = signInForm(showFrame);
  const panel = h("div", { class: "panel" }, h("h1", {}, "Sign in"), h("br"), form);
  replace(document.body, h("main", { class: "gate" }, h("p", { class: "brand" }, mark(), "Tollgate"), panel), notices());
  form.querySelector("input").focus();
}

async function showFrame() {
  const main = h("main", { id: "main", tabindex: "-1" });
  const side = h("nav", { class: "side", "aria-label": "Console", id: "places" }, places());
  const menu = h("button", { type: "button", class: "menu", "aria-expanded": "false", "aria-controls": "places" }, "Menu");
  menu.addEventListener("click", () => fold(!side.classList.contains("open")));
  const skip = (event) => {
    event.preventDefault();
    main.focus();
  };
  replace(
    document.body,
    h("a", { class: "skip", href: "#main", onclick: skip }, "Skip to the content"),
    h(
      "div",
      { class: "frame" },
      h(
        "header",
        { class: "top" },
        h("a", { class: "brand", href: "#/" }, mark(), "Tollgate"),
        menu,
        h("span", { class: "space" }),
        await tenants(),
        schemeSwitch(),
        h("a", { class: "who", href: "#/account" }, user().tenant === "carbon.super" ? user().user : `${user().user}@${user().tenant}`),
      ),
      side,
      main,
    ),
    notices(),
  );
  await start(main);
}

/** Shows or hides the places, where there is no room for them. */
function fold(isOpen) {
  document.querySelector(".side")?.classList.toggle("open", isOpen);
  document.querySelector(".menu")?.setAttribute("aria-expanded", String(isOpen));
}

function places() {
  const groups = new Map();
  for (const place of PLACES) {
    if (!place.name || (place.isShown && !place.isShown({ may, seesAll }))) continue;
    groups.set(place.group ?? "", [...(groups.get(place.group ?? "") ?? []), place]);
  }
  return [...groups].map(([group, list]) => [
    group ? h("h2", {}, group) : null,
    h("ul", {}, list.map(({ name, at: address }) => h("li", {}, h("a", { href: `#/${address}`, "data-place": address }, name)))),
  ]);
}

async function tenants() {
  if (!seesAll()) return null;
  const stated = (await allOf(at("tenants")).catch(() => [])).map(({ domain }) => domain);
  const domains = [...new Set(["carbon.super", ...stated])];
  const choose = (event) => {
    lookAt(event.target.value);
    again();
  };
  const options = [["", "All tenants"], ...domains.map((domain) => [domain, domain])];
  const select = h("select", { onchange: choose }, options.map(([value, text]) => h("option", { value, selected: value === tenantNow() }, text)));
  return h("label", { class: "scope" }, "Tenant", select);
}

function schemeSwitch() {
  const button = h("button", { type: "button", class: "quiet", "aria-pressed": String(isDark()) }, "Dark");
  button.addEventListener("click", () => {
    chooseScheme(isDark() ? "light" : "dark");
    button.setAttribute("aria-pressed", String(isDark()));
  });
  return button;
}
