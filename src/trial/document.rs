//! The serde shape of a file of policy tests: what was written, not yet believed.
//!
//! The comments are the descriptions of the JSON Schema, written for whoever edits the file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::explain::explanation::Keeping;
use crate::model::unit::Period;
use crate::registry::key_pair::KeyType;

/// Policy tests: requests, who sends them, and what is to come of them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "policy tests")]
pub(super) struct Document {
    /// Who calls, each under a name that the tests of this file refer to.
    pub(super) callers: BTreeMap<String, Caller>,
    /// The tests.
    pub(super) tests: Vec<Test>,
}

/// Somebody who calls. What is stated here is all that there is of the registry.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Caller {
    /// What the caller shows: "token", "api_key" or "password".
    #[serde(default)]
    pub(super) shows: Shows,
    /// The application whose token or API key it is; one without subscriptions by default.
    pub(super) application: Option<Application>,
    /// The user on whose behalf the token is, or whose password it is.
    pub(super) user: Option<User>,
    /// The scopes that the token is asked for; those are granted that the roles allow.
    #[serde(default)]
    pub(super) scopes: Vec<String>,
    /// The scopes that the token holds, whatever the roles are; instead of `scopes`.
    pub(super) granted: Option<Vec<String>>,
}

/// What a caller shows.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Shows {
    /// An API key of the application.
    ApiKey,
    /// The name and the password of the user.
    Password,
    /// An access token of the application, for the user if there is one.
    #[default]
    Token,
}

/// An application.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Application {
    /// The name.
    pub(super) name: String,
    /// Who owns it, as `name@tenant`; a name alone is one of `carbon.super`.
    pub(super) owner: String,
    /// The roles of its owner, which decide what is granted to the application itself.
    pub(super) owner_roles: Vec<String>,
    /// The application tier; `Unlimited` by default.
    pub(super) tier: Option<String>,
    /// Which endpoints its key leads to.
    pub(super) key: KeyType,
    /// What it has subscribed to.
    pub(super) subscriptions: Vec<Subscription>,
}

impl Default for Application {
    fn default() -> Self {
        Self {
            name: "policy-test".to_owned(),
            owner: "owner".to_owned(),
            owner_roles: Vec::new(),
            tier: None,
            key: KeyType::Production,
            subscriptions: Vec::new(),
        }
    }
}

/// A subscription.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Subscription {
    /// The tenant that owns the API; that of the application's owner by default.
    pub(super) tenant: Option<String>,
    /// The name of the API.
    pub(super) api: String,
    /// The version.
    pub(super) version: String,
    /// The subscription tier; `Unlimited` by default.
    pub(super) tier: Option<String>,
    /// Whether it lets calls through; "unblocked" by default.
    #[serde(default)]
    pub(super) state: State,
}

/// Whether a subscription lets calls through.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// No.
    Blocked,
    /// No, somebody must agree first.
    OnHold,
    /// Only with sandbox keys.
    ProductionOnlyBlocked,
    /// No.
    Rejected,
    /// Yes, with the old tier.
    TierUpdatePending,
    /// Yes.
    #[default]
    Unblocked,
}

/// A user.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    /// The name, as `name@tenant`; a name alone is one of `carbon.super`.
    pub(super) name: String,
    /// The roles.
    #[serde(default)]
    pub(super) roles: Vec<String>,
}

/// A test.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Test {
    /// What it says; unique in its file.
    pub(super) name: String,
    /// The request.
    pub(super) request: Request,
    /// Who sends it: the name of one of the callers; somebody without a credential by default.
    pub(super) caller: Option<String>,
    /// How often it is sent, at most 100000 times; each is to come out as expected.
    #[serde(default = "once")]
    pub(super) times: u32,
    /// The time between two of them, such as "1s"; none by default. The clock is stepped, nothing waits.
    pub(super) every: Option<Period>,
    /// What is to come of it.
    pub(super) expect: Expect,
    /// What is to come of one more, after those: where a quota ends, say.
    pub(super) then: Option<Expect>,
}

fn once() -> u32 {
    1
}

/// A request.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// The method; `GET` by default.
    #[serde(default = "method")]
    pub(super) method: String,
    /// The URL; or its path alone, which is sent to `http://localhost`. `https://` sends it over TLS.
    pub(super) url: String,
    /// Header fields.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// The address that it comes from; `127.0.0.1` by default.
    pub(super) client_ip: Option<String>,
}

fn method() -> String {
    "GET".to_owned()
}

/// What is to come of a request; what is left out is not looked at.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Expect {
    /// "allowed": a backend would be called; "refused"; "answered": the gateway answers OPTIONS itself; "own": it is for
    /// the token endpoint and its relatives.
    pub(super) decision: Option<Decision>,
    /// The status of the gateway's own answer; there is none where a backend would be called.
    pub(super) status: Option<u16>,
    /// The stable code of the refusal, such as "900901".
    pub(super) code: Option<String>,
    /// The name of the refusal in the access log, such as "missing_scope".
    pub(super) reason: Option<String>,
    /// The stage that refuses, as `tollgate explain` names it, such as "authorize".
    pub(super) stage: Option<String>,
    /// A part of what `tollgate explain` says of the stage that refuses, or, where none does, of any: its sentence, its
    /// details, or the place of the rule behind it.
    pub(super) why: Option<String>,
    /// The tenant whose API answers.
    pub(super) tenant: Option<String>,
    /// The API that answers.
    pub(super) api: Option<String>,
    /// The version that answers.
    pub(super) version: Option<String>,
    /// The template of the resource, such as "/items/{id}".
    pub(super) resource: Option<String>,
    /// Exactly the scopes that the credential holds, in any order.
    pub(super) scopes: Option<Vec<String>>,
    /// The tier of the subscription that lets the call through.
    pub(super) tier: Option<String>,
    /// The endpoints that the call is for.
    pub(super) endpoints: Option<KeyType>,
    /// Whether the response may be kept: "kept", "if_public", "not_kept".
    pub(super) cache: Option<Keeping>,
}

/// What comes of a request.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Decision {
    /// A backend would be called.
    Allowed,
    /// The gateway answers `OPTIONS` itself.
    Answered,
    /// It is for the gateway itself.
    Own,
    /// It is refused.
    Refused,
}
