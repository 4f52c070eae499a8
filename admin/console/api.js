// The admin API: paths, the session's token, entity tags, problems as errors.

/** Why something was not done (RFC 9457). */
export class Problem extends Error {
  constructor(status, told, retryAfter) {
    super(sentence(told.detail || told.title || `the server answered ${status}`));
    this.status = status;
    this.code = told.code ?? "";
    this.violations = told.violations ?? [];
    this.retryAfter = retryAfter;
  }

  /** Whether somebody else changed the thing, or made one of that name, meanwhile. */
  get isStale() {
    return this.status === 412;
  }
}

/** Writes a message as a sentence. */
export function sentence(text) {
  const trimmed = String(text).trim();
  const first = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?:]$/.test(first) ? first : `${first}.`;
}

/** Joins parts to a path below /admin/v1, each percent-encoded, with a query of what is not empty. */
export function at(...parts) {
  const query = typeof parts.at(-1) === "object" ? parts.pop() : {};
  const path = `/admin/v1/${parts.map((part) => encodeURIComponent(part)).join("/")}`;
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return pairs.length ? `${path}?${new URLSearchParams(pairs)}` : path;
}

let csrf = null;
let signIn = null;

/** Takes the token that the session writes with. */
export function takeToken(token) {
  csrf = token;
}

/** Says who asks somebody to sign in again; the promise it returns ends when that is done. */
export function whenSignedOut(ask) {
  signIn = ask;
}

/**
 * Asks. `options`: `body` (sent as JSON), `etag` (If-Match), `isNew` (If-None-Match: *), `background` (does not keep a
 * session alive), `signal`. Returns `{data, etag, revision, status}`.
 */
export async function call(method, path, options = {}) {
  let response = await send(method, path, options);
  const asksForUser = response.status === 401 && !options.isSignIn && !options.background;
  if (asksForUser && signIn) {
    await signIn();
    response = await send(method, path, options);
  }
  const isSafe = method === "GET";
  if (response.status === 403 && !isSafe && (await peek(response)).code === "csrf") {
    const me = await send("GET", at("me"), {});
    if (me.ok) takeToken((await me.json()).csrf);
    response = await send(method, path, options);
  }
  return answer(response);
}

async function peek(response) {
  return response.clone().json().catch(() => ({}));
}

async function send(method, path, { body, etag, isNew, background, signal }) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (etag) headers["If-Match"] = etag;
  if (isNew) headers["If-None-Match"] = "*";
  if (background) headers["X-Background"] = "1";
  if (method !== "GET" && csrf) headers["X-CSRF-Token"] = csrf;
  const request = { method, headers, signal, cache: "no-store", credentials: "same-origin" };
  if (body !== undefined) request.body = JSON.stringify(body);
  try {
    return await fetch(path, request);
  } catch (reason) {
    if (reason.name === "AbortError") throw reason;
    throw new Problem(0, { detail: "the gateway cannot be reached; is it running?" });
  }
}

async function answer(response) {
  const text = await response.text();
  let data = null;
  try {
    data = text ? JSON.parse(text) : null;
  } catch {
    data = text;
  }
  if (!response.ok) {
    const retryAfter = Number(response.headers.get("Retry-After")) || null;
    const told = data && typeof data === "object" ? data : {};
    throw new Problem(response.status, told, retryAfter);
  }
  return {
    data,
    status: response.status,
    etag: response.headers.get("ETag"),
    revision: response.headers.get("Tollgate-Revision"),
    location: response.headers.get("Location"),
  };
}

/** Reads a thing. */
export async function get(path, options) {
  return (await call("GET", path, options)).data;
}

/** Reads a whole list, page by page, up to a bound. Returns `{items, total}`. */
export async function all(path, options) {
  const items = [];
  let total = 0;
  let next = path + (path.includes("?") ? "&" : "?") + "limit=500";
  while (next && items.length < 5000) {
    const page = await get(next, options);
    items.push(...page.items);
    total = page.total;
    next = page.next;
  }
  return { items, total };
}

/** Says how many things a list holds; null where that cannot be asked. */
export async function count(path) {
  try {
    return (await get(path + (path.includes("?") ? "&" : "?") + "limit=1")).total;
  } catch (problem) {
    if (problem instanceof Problem) return null;
    throw problem;
  }
}
