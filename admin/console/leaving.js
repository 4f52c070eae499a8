// What was typed and not saved: asked about before it is left.

import { ask } from "./dialog.js";

const unsaved = new Map();

/** Says whether a form holds what is not saved; forms that are not shown any more count no more. */
export function mark(form, isUnsaved) {
  if (isUnsaved) unsaved.set(form, true);
  else unsaved.delete(form);
}

function any() {
  for (const form of unsaved.keys()) {
    if (!form.isConnected) unsaved.delete(form);
  }
  return unsaved.size > 0;
}

/** Asks, where something is not saved, whether to stay; true: stay. */
export async function isKept() {
  if (!any()) return false;
  const leaves = await ask({
    title: "Leave without saving?",
    text: "What you changed on this page is not saved.",
    action: "Leave",
  });
  if (leaves) unsaved.clear();
  return !leaves;
}

addEventListener("beforeunload", (event) => {
  if (any()) event.preventDefault();
});
