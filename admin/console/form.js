// Forms over documents: fields are named by pointers, so that what the server refuses stands beside its field.

import { Problem, sentence } from "./api.js";
import { append, h, replace, unique } from "./h.js";
import { mark } from "./leaving.js";
import { copy, differences, merge, read, same, write } from "./merge.js";
import { trouble } from "./notice.js";

/** A draft that is the document itself. */
const PLAIN = { read: (draft) => draft, write: (document) => document };

/**
 * A form. `draft` is the document that it edits, `build(form)` returns its fields, `save(draft)` sends it and may throw a
 * `Problem`; `reload()` returns what is there now, after somebody else changed it. `code` reads a document from a draft and
 * writes it to one, where they are not the same; `naming` is the field beside which stands what is wrong with the whole.
 */
export class Form {
  constructor({ draft, build, save, reload, action = "Save", cancel, always = false, naming, code = PLAIN }) {
    Object.assign(this, { draft, build, save, reload, always, naming, code });
    this.base = copy(draft);
    this.fields = new Map();
    this.summary = h("div", { class: "summary" });
    this.body = h("div", { class: "fields" });
    this.button = h("button", { type: "submit", class: "primary" }, action);
    this.state = h("span", { class: "state", role: "status" });
    const buttons = h("div", { class: "buttons" }, this.button, cancel ? h("button", { type: "button", onclick: cancel }, "Cancel") : null, this.state);
    this.element = h("form", { novalidate: true, onsubmit: (event) => this.submit(event) }, this.summary, this.body, buttons);
    this.element.addEventListener("input", () => this.touched());
    this.render();
  }

  /** Draws the fields anew, from the draft. */
  render() {
    this.fields.clear();
    replace(this.body, this.build(this));
    this.touched();
  }

  /** Tells whether something was typed that is not saved. */
  get isChanged() {
    return !same(this.base, this.draft);
  }

  touched() {
    mark(this.element, this.isChanged && !this.always);
    this.state.textContent = this.isChanged && !this.always ? "Not saved" : "";
  }

  /** Takes what is saved for what is there. */
  settle(document) {
    this.draft = document;
    this.base = copy(document);
    this.render();
  }

  async submit(event) {
    event?.preventDefault();
    if (this.button.disabled) return;
    this.forget();
    this.button.disabled = true;
    this.element.setAttribute("aria-busy", "true");
    const patience = setTimeout(() => (this.state.textContent = "Working…"), 300);
    try {
      await this.save(this.draft, this);
    } catch (problem) {
      if (problem.name === "AbortError") return;
      this.tell(problem);
    } finally {
      clearTimeout(patience);
      this.button.disabled = false;
      this.element.removeAttribute("aria-busy");
      this.touched();
    }
  }

  /** Takes away what was said of the last attempt. */
  forget() {
    replace(this.summary);
    for (const { input, error } of this.fields.values()) {
      input.removeAttribute("aria-invalid");
      replace(error);
    }
  }

  /** Says what is wrong: beside the fields, and the rest above them. */
  tell(problem) {
    if (problem.isStale && this.reload) return this.tellStale();
    const rest = [];
    let first = null;
    for (const flaw of problem.violations ?? []) {
      const field = this.find(flaw.pointer);
      if (!field) {
        rest.push(flaw);
        continue;
      }
      field.input.setAttribute("aria-invalid", "true");
      append(field.error, h("span", {}, sentence(flaw.message), flaw.fix ? ` ${sentence(flaw.fix)}` : ""));
      first ??= field.input;
    }
    if (first && !rest.length) {
      replace(this.summary, h("p", { class: "trouble", role: "alert" }, "It was not saved: see the fields that are marked."));
      return first.focus();
    }
    const box = trouble(problem, rest);
    replace(this.summary, box);
    return box.focus();
  }

  tellStale() {
    const load = h("button", { type: "button", onclick: () => this.load() }, "Load the new state, keep what I typed");
    const text = "This was changed meanwhile, by somebody else or in its file. Nothing was saved.";
    const box = h("div", { class: "trouble", role: "alert", tabindex: "-1" }, h("p", {}, text), load);
    replace(this.summary, box);
    load.focus();
  }

  async load() {
    try {
      const now = await this.reload();
      const { read: decoded, write: encoded } = this.code;
      const [before, mine] = [decoded(this.base), decoded(this.draft)];
      const changed = differences(before, now);
      this.draft = encoded(merge(before, mine, now));
      this.base = encoded(copy(now));
      this.render();
      const list = changed.map(([pointer, before, after]) => h("li", {}, h("code", {}, pointer), ` was ${brief(before)}, is ${brief(after)}`));
      const box = h("div", { class: "told", role: "status", tabindex: "-1" }, h("p", {}, "This is the new state with what you typed. Changed meanwhile:"), h("ul", {}, list));
      replace(this.summary, box);
      box.focus();
    } catch (problem) {
      this.tell(problem);
    }
  }

  /** Finds the field that a pointer names, or that holds what it names. A version's pointers may begin with its API's. */
  find(pointer) {
    if (!pointer) return this.fields.get(this.naming) ?? null;
    for (let wanted of [pointer, pointer.replace(/^\/versions\/\d+/, "")]) {
      while (wanted) {
        if (this.fields.has(wanted)) return this.fields.get(wanted);
        wanted = wanted.slice(0, wanted.lastIndexOf("/"));
      }
    }
    return null;
  }

  /** A field in a line of its own; `input` is any control. */
  field(pointer, label, input, { hint, isInline = false } = {}) {
    const [id, hintId, errorId] = [unique("field"), unique("hint"), unique("error")];
    input.id = id;
    input.setAttribute("aria-describedby", hint ? `${hintId} ${errorId}` : errorId);
    const error = h("p", { class: "error", id: errorId });
    this.fields.set(pointer, { input, error });
    if (isInline) {
      input.setAttribute("aria-label", label);
      return h("div", { class: "cell" }, input, error);
    }
    const isCheck = input.type === "checkbox";
    const name = h("label", { for: id }, label);
    return h("div", { class: isCheck ? "field check" : "field" }, isCheck ? [input, name] : [name, input], hint ? h("p", { class: "hint", id: hintId }, hint) : null, error);
  }

  set(pointer, value) {
    write(this.draft, pointer, value);
  }

  /** A line of text; nothing typed is nothing stated. `type` as inputs have it, or `digits`. */
  text(pointer, label, { type = "text", hint, isInline, ...rest } = {}) {
    const isNumber = type === "digits";
    const take = () => {
      const typed = input.value;
      this.set(pointer, typed === "" ? undefined : isNumber && /^\d+$/.test(typed) ? Number(typed) : typed);
    };
    const input = h("input", { type: isNumber ? "text" : type, inputmode: isNumber ? "numeric" : null, oninput: take, autocomplete: "off", spellcheck: "false", value: read(this.draft, pointer) ?? "", ...rest });
    return this.field(pointer, label, input, { hint, isInline });
  }

  /** Words, with commas or spaces between them; nothing typed is nothing stated, or an empty list. */
  words(pointer, label, { hint, isInline, keepsEmpty = false, upper = false, ...rest } = {}) {
    const take = () => {
      const found = input.value.split(/[\s,]+/).filter(Boolean).map((word) => (upper ? word.toUpperCase() : word));
      this.set(pointer, found.length || keepsEmpty ? found : undefined);
    };
    const stated = read(this.draft, pointer) ?? [];
    const input = h("input", { type: "text", oninput: take, autocomplete: "off", spellcheck: "false", autocapitalize: "none", value: [stated].flat().join(", "), ...rest });
    return this.field(pointer, label, input, { hint, isInline });
  }

  /** A choice. `options` are texts or `[value, text]`; the empty value is nothing stated. */
  select(pointer, label, options, { hint, isInline, ...rest } = {}) {
    const stated = read(this.draft, pointer) ?? "";
    const pairs = options.map((option) => [option].flat()).map(([value, text]) => [value, text ?? value]);
    if (!pairs.some(([value]) => value === stated)) pairs.push([stated, stated]);
    const input = h("select", { onchange: () => this.set(pointer, input.value || undefined), ...rest }, pairs.map(([value, text]) => h("option", { value, selected: value === stated }, text)));
    return this.field(pointer, label, input, { hint, isInline });
  }

  /** Yes or no; no is nothing stated. */
  check(pointer, label, { hint } = {}) {
    const input = h("input", { type: "checkbox", checked: read(this.draft, pointer) === true, onchange: () => this.set(pointer, input.checked || undefined) });
    return this.field(pointer, label, input, { hint });
  }

  /** Lines of text; `isList`: one element a line. */
  area(pointer, label, { hint, isList = false, rows = 3, ...rest } = {}) {
    const stated = read(this.draft, pointer) ?? "";
    const take = () => {
      const lines = input.value.split("\n").map((line) => line.trim()).filter(Boolean);
      const value = isList ? lines : input.value;
      this.set(pointer, value.length ? value : undefined);
    };
    const input = h("textarea", { rows, oninput: take, spellcheck: "false", autocomplete: "off", value: isList ? [stated].flat().filter(Boolean).join("\n") : stated, ...rest });
    return this.field(pointer, label, input, { hint });
  }
}

/** A form over a document as JSON: for whatever has no fields of its own. */
export function jsonForm({ draft, save, reload, action, label, rows = 24 }) {
  const code = { read: ({ text }) => parsed(text), write: (document) => ({ text: JSON.stringify(document, null, 2) }) };
  return new Form({
    draft: code.write(draft),
    code,
    action,
    build: (form) => form.area("/text", label, { rows, class: "code" }),
    reload,
    save: (typed, form) => save(parsed(typed.text), form),
  });
}

function parsed(text) {
  try {
    return JSON.parse(text ?? "");
  } catch (reason) {
    throw new Problem(422, { detail: "this is no JSON", violations: [{ pointer: "/text", message: reason.message }] });
  }
}

function brief(value) {
  if (value === undefined || value === null) return "not stated";
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
