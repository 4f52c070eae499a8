// Who is signed in, how the console looks, another password, signing out.

import { at, call } from "../api.js";
import { Form } from "../form.js";
import { h } from "../h.js";
import { chosenScheme, chooseScheme } from "../looks.js";
import { say } from "../notice.js";
import { signOut, user } from "../session.js";
import { words } from "../table.js";

const ALLOWED = {
  view: "Looks, and changes nothing.",
  publish: "Publishes: APIs, versions, resources, lifecycle, scopes of APIs and what is kept of responses, in this tenant.",
  tenant: "Everything in this tenant.",
  everything: "Everything, in every tenant.",
};

/** The account. */
export async function account() {
  const me = user();
  const leave = async () => {
    await signOut();
    dispatchEvent(new Event("signed-out"));
  };
  return {
    title: "Account",
    actions: h("button", { type: "button", onclick: leave }, "Sign out"),
    content: [
      h(
        "dl",
        { class: "facts panel" },
        h("dt", {}, "User"),
        h("dd", {}, me.user),
        h("dt", {}, "Tenant"),
        h("dd", {}, me.tenant),
        h("dt", {}, "Roles"),
        h("dd", {}, words(me.roles)),
        h("dt", {}, "May"),
        h("dd", {}, ALLOWED[me.permission]),
      ),
      h("section", { class: "panel" }, h("h2", {}, "Appearance"), schemes()),
      h("section", { class: "panel" }, h("h2", {}, "Another password"), password(me)),
    ],
  };
}

function schemes() {
  const choices = [["", "As the system has it"], ["light", "Light"], ["dark", "Dark"]];
  return h(
    "fieldset",
    {},
    h("legend", {}, "Colours"),
    choices.map(([value, text]) => {
      const id = `scheme-${value || "system"}`;
      const input = h("input", { type: "radio", name: "scheme", id, checked: chosenScheme() === value, onchange: () => chooseScheme(value) });
      return h("div", { class: "field check" }, input, h("label", { for: id }, text));
    }),
  );
}

function password(me) {
  const form = new Form({
    draft: {},
    action: "Change the password",
    always: true,
    build: (form) => [
      form.text("/current", "The one of now", { type: "password", autocomplete: "current-password" }),
      form.text("/password", "The new one", { type: "password", autocomplete: "new-password" }),
    ],
    save: async (typed) => {
      await call("PUT", at("users", me.user, "password", { tenant: me.tenant }), { body: { password: "", ...typed } });
      say("The password is changed. Sign in with the new one.");
      await signOut();
      dispatchEvent(new Event("signed-out"));
    },
  });
  return form.element;
}
