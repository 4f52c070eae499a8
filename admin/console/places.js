// The places of the console, in the order in which they are offered.

import { account } from "./pages/account.js";
import { api } from "./pages/api.js";
import { apis } from "./pages/apis.js";
import { applicationPage, applications, newApplication } from "./pages/applications.js";
import { audit } from "./pages/audit.js";
import { explain } from "./pages/explain.js";
import { newApi, newVersion } from "./pages/new-api.js";
import { overview } from "./pages/overview.js";
import { reference } from "./pages/reference.js";
import { revisionPage, revisions } from "./pages/revisions.js";
import { newScope, scopePage, scopes } from "./pages/scopes.js";
import { newTenant, tenantPage, tenants } from "./pages/tenants.js";
import { newTier, tierPage, tiers } from "./pages/tiers.js";
import { newUser, userPage, users } from "./pages/users.js";

/** `at`: the first part of the address; `pages`: what is shown where; a place without a name is in no list. */
export const PLACES = [
  { name: "Overview", at: "", pages: { "": overview } },
  { name: "APIs", at: "apis", group: "Catalog", pages: { apis, "apis/:api": api, "apis/:api/new-version": newVersion, "new-api": newApi } },
  { name: "Scopes", at: "scopes", group: "Catalog", pages: { scopes, "scopes/:key": scopePage, "new-scope": newScope } },
  { name: "Tiers", at: "tiers", group: "Catalog", pages: { tiers, "tiers/:level/:name": tierPage, "new-tier": newTier } },
  { name: "Tenants", at: "tenants", group: "Catalog", pages: { tenants, "tenants/:domain": tenantPage, "new-tenant": newTenant } },
  { name: "Applications", at: "applications", group: "Callers", pages: { applications, "applications/:uuid": applicationPage, "new-application": newApplication } },
  { name: "Users", at: "users", group: "Callers", pages: { users, "users/:name": userPage, "new-user": newUser } },
  { name: "Explain", at: "explain", group: "Operation", isShown: ({ seesAll }) => seesAll(), pages: { explain } },
  { name: "Revisions", at: "revisions", group: "Operation", pages: { revisions, "revisions/:revision": revisionPage } },
  { name: "Audit", at: "audit", group: "Operation", pages: { audit } },
  { name: "API reference", at: "reference", group: "Operation", pages: { reference } },
  { at: "account", pages: { account } },
];
