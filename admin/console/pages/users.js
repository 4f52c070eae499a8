// Users: who may sign in, and with which roles.

import { at, call, count } from "../api.js";
import { ask } from "../dialog.js";
import { Form } from "../form.js";
import { h } from "../h.js";
import { say, trouble } from "../notice.js";
import { go, to } from "../router.js";
import { may, seesAll, tenantForNew, tenantNow } from "../session.js";
import { filter, listing, words } from "../table.js";

const ROLES = "Words that scopes ask for. admin, publisher and viewer let in here.";

/** All users. */
export async function users({ signal }) {
  const columns = [
    { name: "User", cell: (user) => h("a", { href: to("users", user.name, { tenant: user.tenant }) }, user.name) },
    seesAll() ? { name: "Tenant", cell: (user) => user.tenant } : null,
    { name: "Roles", cell: (user) => words(user.roles) },
  ];
  const role = filter("role", "Role", [["", "Any role"], ["admin", "admin"], ["publisher", "publisher"], ["viewer", "viewer"]]);
  return {
    title: "Users",
    actions: may("tenant") ? h("a", { class: "button primary", href: to("new-user") }, "New user") : null,
    content: await listing({ caption: "Users", path: at("users", { tenant: tenantNow() }), columns: columns.filter(Boolean), filters: [role], empty: "There are no users.", signal }),
  };
}

/** A user to be made. */
export async function newUser() {
  const tenant = tenantForNew();
  const form = new Form({
    draft: {},
    action: "Make the user",
    cancel: () => go("users"),
    build: (form) => [
      form.text("/name", "Name", { hint: `Of the tenant ${tenant}.`, autocapitalize: "none" }),
      form.text("/password", "Password", { type: "password", autocomplete: "new-password" }),
      form.words("/roles", "Roles", { hint: ROLES }),
    ],
    save: async (draft) => {
      const { data } = await call("POST", at("users", { tenant }), { body: { name: "", ...draft, tenant } });
      form.settle(draft);
      say(`${data.name} can sign in now.`);
      go("users");
    },
  });
  return { title: "New user", crumbs: [["Users", to("users")]], content: h("div", { class: "panel" }, form.element) };
}

/** One user. */
export async function userPage({ name, query, signal }) {
  const { tenant } = query;
  const path = at("users", name, { tenant });
  let known = await call("GET", path, { signal });
  const mayChange = may("tenant", known.data.tenant);
  const form = new Form({
    draft: known.data,
    build: (form) => form.words("/roles", "Roles", { hint: ROLES, keepsEmpty: true }),
    reload: async () => (known = await call("GET", path)).data,
    save: async (draft) => {
      known = await call("PUT", path, { body: draft, etag: known.etag });
      form.settle(known.data);
      say("The roles are saved; the next request has them.");
    },
  });
  const content = mayChange
    ? [
        h("section", { class: "panel" }, h("h2", {}, "Roles"), form.element),
        h("section", { class: "panel" }, h("h2", {}, "Another password"), password(name, tenant)),
        h("section", { class: "panel" }, h("h2", {}, "Delete"), remove(name, tenant, () => known.etag)),
      ]
    : h("div", { class: "panel" }, h("p", {}, "Roles: ", words(known.data.roles)));
  const title = known.data.tenant === "carbon.super" ? name : `${name}@${known.data.tenant}`;
  return { title, crumbs: [["Users", to("users")]], content };
}

function password(name, tenant) {
  const form = new Form({
    draft: {},
    action: "Set the password",
    always: true,
    build: (form) => form.text("/password", "New password", { type: "password", autocomplete: "new-password", hint: "Sessions and refresh tokens of the user end." }),
    save: async (draft) => {
      await call("PUT", at("users", name, "password", { tenant }), { body: { password: "", ...draft } });
      form.settle({});
      say("The password is set.");
    },
  });
  return form.element;
}

function remove(name, tenant, etag) {
  const place = h("div");
  const act = async () => {
    const owned = await count(at("applications", { tenant, q: "" }));
    const isSure = await ask({
      title: `Delete ${name}?`,
      text: "The user cannot sign in any more, and tokens on their behalf are refused from the next request on.",
      lines: owned ? ["A user who owns applications is not deleted: delete those first."] : [],
      action: "Delete the user",
    });
    if (!isSure) return;
    try {
      await call("DELETE", at("users", name, { tenant }), { etag: etag() });
      say(`${name} is deleted.`);
      go("users");
    } catch (problem) {
      const box = trouble(problem);
      place.replaceChildren(box);
      box.focus();
    }
  };
  return [place, h("button", { type: "button", class: "danger", onclick: act }, "Delete the user")];
}
