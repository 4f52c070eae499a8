// Dialogs: the browser's own, so that focus stays in them and goes back.

import { append, h, unique } from "./h.js";

/** Shows a dialog; `build(close)` returns what is in it. Ends with what `close` was given. */
export function dialog(title, build, { isWide = false, isFirm = false } = {}) {
  return new Promise((resolve) => {
    let result;
    const id = unique("dialog");
    const box = h("dialog", { "aria-labelledby": id, class: isWide ? "wide" : null });
    const before = document.activeElement;
    const close = (value) => {
      result = value;
      box.close();
    };
    append(box, h("h2", { id }, title), build(close));
    box.addEventListener("cancel", (event) => {
      if (isFirm) event.preventDefault();
    });
    box.addEventListener("close", () => {
      box.remove();
      if (before?.isConnected) before.focus();
      resolve(result);
    });
    document.body.append(box);
    box.showModal();
    box.querySelector("[autofocus]")?.focus();
  });
}

/** Asks whether to do something; what it breaks stands in `lines`. */
export async function ask({ title, text, lines = [], action, isDangerous = true }) {
  const answer = await dialog(title, (close) => [
    h("p", {}, text),
    lines.length ? h("ul", { class: "breaks" }, lines.map((line) => h("li", {}, line))) : null,
    h(
      "div",
      { class: "buttons" },
      h("button", { type: "button", class: isDangerous ? "danger" : "primary", onclick: () => close(true) }, action),
      h("button", { type: "button", autofocus: true, onclick: () => close(false) }, "Cancel"),
    ),
  ]);
  return answer === true;
}

/** Shows something that is shown once, such as a new secret. */
export function tell(title, ...content) {
  return dialog(title, (close) => [
    ...content,
    h("div", { class: "buttons" }, h("button", { type: "button", class: "primary", autofocus: true, onclick: () => close() }, "Done")),
  ]);
}
