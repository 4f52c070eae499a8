// Builds elements. Text is always text: nothing here reads markup.

const SVG = "http://www.w3.org/2000/svg";

/** Makes an element: `on...` attributes are listeners, `true` is an empty attribute, null and false are none. */
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Makes an element of a drawing. */
export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

/** Appends nodes, texts and lists of them; null and false are nothing. */
export function append(element, ...children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
  return element;
}

/** Replaces what an element holds. */
export function replace(element, ...children) {
  element.replaceChildren();
  return append(element, ...children);
}

let last = 0;

/** Returns an id that no other element has. */
export function unique(stem) {
  last += 1;
  return `${stem}-${last}`;
}
