// Who is signed in, what that user may, and which tenant is looked at.

import { at, call, takeToken } from "./api.js";

const RANKS = ["view", "publish", "tenant", "everything"];
const ROOT = "carbon.super";

let me = null;

/** Who is signed in; null for nobody. */
export function user() {
  return me;
}

/** Finds out who is signed in. A browser that never signed in is not asked about. */
export async function resume() {
  if (!localStorage.getItem("tollgate-session")) return null;
  try {
    return enter((await call("GET", at("me"), { isSignIn: true })).data);
  } catch (problem) {
    if (problem.status !== 401) throw problem;
    localStorage.removeItem("tollgate-session");
    return null;
  }
}

/** Signs in. */
export async function signIn(name, password) {
  const { data } = await call("POST", at("session"), { body: { user: name, password }, isSignIn: true });
  localStorage.setItem("tollgate-session", "1");
  return enter(data);
}

/** Signs out. */
export async function signOut() {
  try {
    await call("DELETE", at("session"), { isSignIn: true });
  } catch (problem) {
    if (problem.status !== 401) throw problem;
  }
  localStorage.removeItem("tollgate-session");
  me = null;
}

function enter(told) {
  me = told;
  takeToken(told.csrf);
  return told;
}

/** Tells whether the user may do what wants a permission, in a tenant. */
export function may(permission, tenant = tenantNow() || me.tenant) {
  if (!me) return false;
  if (me.permission === "everything") return true;
  return me.tenant === tenant && RANKS.indexOf(me.permission) >= RANKS.indexOf(permission);
}

/** Tells whether the user sees every tenant. */
export function seesAll() {
  return me?.covers === "*";
}

/** The tenant that lists are narrowed to; empty for all. */
export function tenantNow() {
  return seesAll() ? sessionStorage.getItem("tollgate-tenant") ?? "" : me?.tenant ?? "";
}

/** Narrows lists to a tenant; empty for all. */
export function lookAt(tenant) {
  sessionStorage.setItem("tollgate-tenant", tenant);
}

/** The tenant of a thing that says none. */
export function tenantOf(thing) {
  return thing.tenant ?? ROOT;
}

/** The tenant in which new things are made. */
export function tenantForNew() {
  return tenantNow() || me.tenant;
}
