// Which applications are subscribed to a version.

import { at } from "../api.js";
import { subscriptionList } from "./subscriptions.js";

/** The list. */
export function subscribers({ name, version, tenant, signal }) {
  return subscriptionList({
    path: at("subscriptions", { tenant, api: name, version }),
    columns: ["application", "owner", "tier", "state"],
    caption: `Subscriptions to ${name} ${version}`,
    empty: "Nobody is subscribed to this version.",
    search: "Search by application",
    signal,
  });
}
