// Three-way merge of documents: what was there, what was typed, what is there now.

/** Tells whether two values say the same, in whatever order of keys. */
export function same(one, other) {
  return canonical(one) === canonical(other);
}

/** Copies a document. */
export function copy(value) {
  return value === undefined ? undefined : structuredClone(value);
}

function canonical(value) {
  return JSON.stringify(value, (_, inner) =>
    inner && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** Keeps what was typed, and takes what changed elsewhere. */
export function merge(base, mine, theirs) {
  if (same(base, mine)) return copy(theirs);
  if (same(base, theirs)) return copy(mine);
  if (isTable(mine) && isTable(theirs)) return mergeTables(isTable(base) ? base : {}, mine, theirs);
  if (isList(mine) && isList(theirs)) return mergeLists(isList(base) ? base : [], mine, theirs);
  return copy(mine);
}

function mergeTables(base, mine, theirs) {
  const result = {};
  for (const key of new Set([...Object.keys(theirs), ...Object.keys(mine)])) {
    const merged = merge(base[key], mine[key], theirs[key]);
    if (merged !== undefined) result[key] = merged;
  }
  return result;
}

function mergeLists(base, mine, theirs) {
  const [before, typed, now] = [base, mine, theirs].map(named);
  const result = [];
  for (const [name, value] of typed) {
    const merged = before.has(name) ? merge(before.get(name), value, now.get(name)) : value;
    if (merged !== undefined) result.push(merged);
  }
  for (const [name, value] of now) {
    if (!before.has(name) && !typed.has(name)) result.push(value);
  }
  return result;
}

/** Names the elements of a list by what people call them, and by how often it came before. */
function named(list) {
  const elements = new Map();
  for (const element of list) {
    const stem = element?.path ?? element?.version ?? element?.name ?? element?.key ?? JSON.stringify(element);
    let name = stem;
    for (let times = 2; elements.has(name); times += 1) name = `${stem} ${times}`;
    elements.set(name, element);
  }
  return elements;
}

function isList(value) {
  return Array.isArray(value);
}

function isTable(value) {
  return value !== null && typeof value === "object" && !isList(value);
}

/** Lists what differs, as `[pointer, before, after]`. */
export function differences(before, after, pointer = "") {
  if (same(before, after)) return [];
  const deeper = (isTable(before) && isTable(after)) || (isList(before) && isList(after) && before.length === after.length);
  if (!deeper) return [[pointer || "/", before, after]];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) => differences(before[key], after[key], `${pointer}/${key}`));
}

/** Reads what a pointer (RFC 6901) names. */
export function read(document, pointer) {
  return steps(pointer).reduce((value, step) => value?.[step], document);
}

/** Writes what a pointer names; undefined takes it away, and tables that are empty then. */
export function write(document, pointer, value) {
  const path = steps(pointer);
  const last = path.pop();
  let place = document;
  const way = [];
  for (const step of path) {
    if (!place[step] || typeof place[step] !== "object") {
      if (value === undefined) return;
      place[step] = {};
    }
    way.push([place, step]);
    place = place[step];
  }
  if (value !== undefined) {
    place[last] = value;
    return;
  }
  delete place[last];
  for (const [outer, step] of way.reverse()) {
    if (isTable(outer[step]) && !Object.keys(outer[step]).length) delete outer[step];
    else break;
  }
}

function steps(pointer) {
  return pointer.split("/").slice(1).map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}
