//! What is told of a request: the decision of each stage and the line behind it. It holds nothing that was shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What would come of a request, and why.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Explanation {
    /// What would come of it.
    pub decision: Decision,
    /// The method and the path, without the query.
    pub request: String,
    /// The status of the gateway's own answer; none where a backend would answer.
    pub status: Option<u16>,
    /// The stable code of the refusal.
    pub code: Option<String>,
    /// Its name in the access log.
    pub reason: Option<String>,
    /// What the caller is told.
    pub message: Option<String>,
    /// The version that answers.
    pub version: Option<Version>,
    /// The resource.
    pub resource: Option<Resource>,
    /// The credentials that were shown, of those that the version takes, in the order in which they were tried.
    pub credentials: Vec<Credential>,
    /// Who calls.
    pub caller: Option<Caller>,
    /// The subscription that the call is held against.
    pub subscription: Option<Subscription>,
    /// The scopes of which one is wanted.
    pub scopes: Vec<Scope>,
    /// The endpoints that the call is for, `production` or `sandbox`, where it got so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<String>,
    /// How each quota stands that it is held against.
    pub limits: Vec<Limit>,
    /// Every stage, in order.
    pub steps: Vec<Step>,
    /// What had to be fetched to tell.
    pub fetched: Vec<String>,
    /// What to know when reading this.
    pub notes: Vec<String>,
    /// The revision of the catalog that it is told from.
    pub revision: u64,
}

/// What comes of a request.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The gateway answers `OPTIONS` itself.
    Answered,
    /// It is for the gateway itself: the token endpoint and its relatives.
    Own,
    /// A backend is called.
    Permitted,
    /// It is refused.
    Refused,
}

/// A version.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Version {
    /// The domain of its tenant.
    pub tenant: String,
    /// Its Api.
    pub api: String,
    /// Its label.
    pub version: String,
    /// Its state.
    pub state: String,
    /// Whether nobody named it.
    pub by_default: bool,
    /// Where it is stated, as `file:line`.
    pub rule: String,
}

/// A resource.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Resource {
    /// Its template.
    pub path: String,
    /// Its methods.
    pub methods: String,
    /// What credential it demands.
    pub auth: String,
    /// Whether the response to this request may be kept.
    #[serde(default)]
    pub keeping: Keeping,
    /// What is kept of its responses, and what tells entries apart; empty where nothing is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cache: Vec<String>,
    /// Where it is stated, as `file:line`.
    pub rule: String,
}

/// Whether a response may be kept, as far as the request and the catalog tell.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Keeping {
    /// Where it says nothing against it.
    Kept,
    /// Only where it says that it is for others, too.
    IfPublic,
    /// It is not.
    #[default]
    NotKept,
}

impl Keeping {
    /// Returns its name in test files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::IfPublic => "if_public",
            Self::NotKept => "not_kept",
        }
    }
}

/// A credential that was shown, without itself.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Credential {
    /// What it is.
    pub kind: String,
    /// Whether it proves somebody.
    pub proven: bool,
    /// Why it does not, as the access log names it.
    pub flaw: Option<String>,
    /// The claim that fails, of a token.
    pub claim: Option<String>,
}

/// Who calls.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Caller {
    /// What proved it.
    pub by: String,
    /// The application.
    pub application: Option<String>,
    /// The consumer key, or what a foreign token has in its place.
    pub client: Option<String>,
    /// The user on whose behalf.
    pub user: Option<String>,
    /// Whom the credential names.
    pub subject: String,
    /// `PRODUCTION` or `SANDBOX`.
    pub key_type: String,
    /// The scopes that the credential holds.
    pub scopes: Vec<String>,
    /// The roles that count now: a user's in the registry, or those that a foreign token states.
    pub roles: Vec<String>,
}

/// A subscription.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Subscription {
    /// Whether one is needed, or why none is.
    pub need: String,
    /// Its state.
    pub state: Option<String>,
    /// Its tier.
    pub tier: Option<String>,
}

/// A scope that is wanted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Scope {
    /// Its key.
    pub key: String,
    /// Whether it lets the caller in; none where that was not asked any more.
    pub enough: Option<bool>,
    /// Whether the credential holds it.
    pub held: Option<bool>,
    /// Whether whoever calls has a role that grants it, now.
    pub backed: Option<bool>,
    /// The roles that grant it; everybody's where there is none.
    pub roles: Vec<String>,
    /// Where it is stated, as `file:line`.
    pub rule: String,
}

/// How a quota stands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Limit {
    /// Its name, as `RateLimit` fields have it.
    pub name: String,
    /// What its tier counts.
    pub level: String,
    /// Its tier, rule or cap.
    pub tier: String,
    /// How much may pass.
    pub quota: u64,
    /// How much of it may pass now.
    pub remaining: u64,
    /// In how many seconds all of it may pass again, if nothing is spent until then.
    pub reset: u32,
    /// Whether the request is beyond it.
    pub over: bool,
    /// Whether it refuses what is beyond it.
    pub stops: bool,
    /// Where it is stated, as `file:line`.
    pub rule: String,
}

/// What one stage decides.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Step {
    /// Its name.
    pub stage: String,
    /// What it decides.
    pub outcome: Outcome,
    /// Why, in words.
    pub says: String,
    /// More of that, a line each.
    pub details: Vec<String>,
    /// The line behind it, as `file:line`; the key of a setting; empty where it is no rule of anybody's.
    pub rule: String,
}

/// What a stage decides.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The request may go on.
    Passed,
    /// It is refused here.
    Refused,
    /// It was not asked.
    Skipped,
}
