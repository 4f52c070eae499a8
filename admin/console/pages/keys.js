// The consumer keys and the API keys of an application. Secrets are shown once.

import { at, call } from "../api.js";
import { ask, tell } from "../dialog.js";
import { Form } from "../form.js";
import { h, replace } from "../h.js";
import { say, trouble } from "../notice.js";
import { allOf, moment, table, words } from "../table.js";

const TYPES = [["production", "production"], ["sandbox", "sandbox"]];

/** Both kinds of keys. */
export async function keys(uuid, mayChange, signal) {
  const [consumer, api] = [h("div"), h("div")];
  const problems = h("div");
  const fail = (problem) => {
    const box = trouble(problem);
    replace(problems, box);
    box.focus();
  };
  const draw = async () => {
    const [keys, apiKeys] = await Promise.all([allOf(at("applications", uuid, "keys"), { signal }), allOf(at("applications", uuid, "api-keys"), { signal })]);
    replace(consumer, table({ caption: "Consumer keys", columns: consumerColumns(uuid, mayChange, draw, fail), rows: keys, empty: "It has no consumer key: it gets no token." }));
    replace(api, table({ caption: "API keys", columns: apiColumns(uuid, mayChange, draw, fail), rows: apiKeys, empty: "It has no API key." }));
  };
  await draw();
  return [
    h("h2", {}, "Consumer keys"),
    problems,
    consumer,
    mayChange ? h("details", {}, h("summary", {}, "Make a consumer key"), newConsumerKey(uuid, draw)) : null,
    h("h2", {}, "API keys"),
    api,
    mayChange ? h("details", {}, h("summary", {}, "Make an API key"), newApiKey(uuid, draw)) : null,
  ];
}

function consumerColumns(uuid, mayChange, draw, fail) {
  const columns = [
    { name: "Consumer key", cell: (key) => h("code", {}, key.consumer_key) },
    { name: "Type", cell: (key) => key.key_type },
    { name: "Grants", cell: (key) => words(key.grants) },
    { name: "Proves itself by", cell: (key) => (key.public ? "PKCE alone" : key.jwks ? "its public keys" : key.certificate ? "its certificate" : "its secret") },
  ];
  const acts = (key) => {
    const path = ["applications", uuid, "keys", key.consumer_key];
    const renew = async () => {
      const isSure = await ask({ title: "Make another secret?", text: "The one of now ends: the application gets no token with it any more.", action: "Make another" });
      if (isSure) await shown(() => call("POST", at(...path, "secret")));
    };
    const remove = async () => {
      const isSure = await ask({ title: "Delete the consumer key?", text: "Its tokens are refused from the next request on.", action: "Delete the key" });
      if (isSure) await shown(() => call("DELETE", at(...path)));
    };
    const shown = async (work) => {
      try {
        const { data } = await work();
        if (data?.consumer_secret) await secret("The new secret", [["Consumer key", data.consumer_key], ["Consumer secret", data.consumer_secret]]);
        else say("The consumer key is deleted.");
        await draw();
      } catch (problem) {
        fail(problem);
      }
    };
    return [
      key.public ? null : h("button", { type: "button", class: "quiet", "aria-label": `Another secret for ${key.consumer_key}`, onclick: renew }, "Another secret"),
      h("button", { type: "button", class: "quiet danger", "aria-label": `Delete ${key.consumer_key}`, onclick: remove }, "Delete"),
    ];
  };
  return mayChange ? [...columns, { name: "", class: "acts", cell: acts }] : columns;
}

function apiColumns(uuid, mayChange, draw, fail) {
  const columns = [
    { name: "Number", cell: (key) => String(key.id) },
    { name: "Type", cell: (key) => key.key_type },
    { name: "Taken from", cell: (key) => (key.networks.length || key.referers.length ? words([...key.networks, ...key.referers]) : "anywhere") },
    { name: "Ends", cell: (key) => moment(key.expires) },
  ];
  const acts = (key) => {
    const remove = async () => {
      const isSure = await ask({ title: `Delete the API key ${key.id}?`, text: "Calls with it are refused from the next request on.", action: "Delete the key" });
      if (!isSure) return;
      try {
        await call("DELETE", at("applications", uuid, "api-keys", key.id));
        say("The API key is deleted.");
        await draw();
      } catch (problem) {
        fail(problem);
      }
    };
    return h("button", { type: "button", class: "quiet danger", "aria-label": `Delete API key ${key.id}`, onclick: remove }, "Delete");
  };
  return mayChange ? [...columns, { name: "", class: "acts", cell: acts }] : columns;
}

function newConsumerKey(uuid, draw) {
  const form = new Form({
    draft: { key_type: "production", grants: ["client_credentials"] },
    action: "Make the key",
    always: true,
    build: (form) => [
      form.select("/key_type", "Type", TYPES, { hint: "Which endpoints it leads to; an application has one of each." }),
      form.words("/grants", "Grants", { hint: "authorization_code, client_credentials, jwt_bearer, password, refresh_token, token_exchange", keepsEmpty: true }),
      form.area("/redirect_uris", "Where codes may be sent", { isList: true, rows: 2, hint: "A URI a line." }),
      form.check("/public", "It has no secret, and proves itself by PKCE alone"),
    ],
    save: async (draft) => {
      const { data } = await call("POST", at("applications", uuid, "keys"), { body: draft });
      const shown = [["Consumer key", data.consumer_key], data.consumer_secret ? ["Consumer secret", data.consumer_secret] : null];
      await secret("The consumer key", shown.filter(Boolean));
      await draw();
    },
  });
  return h("div", { class: "panel" }, form.element);
}

function newApiKey(uuid, draw) {
  const form = new Form({
    draft: { key_type: "production" },
    action: "Make the key",
    always: true,
    build: (form) => [
      form.select("/key_type", "Type", TYPES),
      form.area("/networks", "Addresses and networks that it is taken from", { isList: true, rows: 2, hint: "One a line; anywhere where none is named." }),
      form.area("/referers", "Patterns of Referer that it is taken with", { isList: true, rows: 2 }),
      form.text("/expires", "Ends", { placeholder: "never", hint: "Such as 2027-01-31T00:00:00Z." }),
    ],
    save: async (draft) => {
      const { data } = await call("POST", at("applications", uuid, "api-keys"), { body: draft });
      await secret("The API key", [["API key", data.api_key]]);
      await draw();
    },
  });
  return h("div", { class: "panel" }, form.element);
}

function secret(title, pairs) {
  return tell(
    title,
    h("p", {}, "A secret is shown once. Keep it now."),
    pairs.map(([name, value]) => [h("p", {}, name), h("code", { class: "secret", tabindex: "0" }, value)]),
  );
}
