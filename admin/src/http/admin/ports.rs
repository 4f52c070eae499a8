//! What the routers ask of whoever serves traffic.

use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::catalog::Changes;
use crate::http::traffic::Traffic;
use crate::model::violation::Violation;

/// Whoever serves traffic, by what is asked.
#[derive(Clone)]
pub struct Ports {
    /// Says why requests are let through or refused.
    pub explain: Arc<dyn Explain>,
    /// Applies changes to the catalog.
    pub changes: Arc<dyn Changes>,
    /// Forgets what is kept of responses.
    pub purge: Arc<dyn Purge>,
    /// Says how quotas stand.
    pub quotas: Arc<dyn Quotas>,
    /// Reads the catalog again.
    pub reload: Arc<dyn Reload>,
    /// Tells what traffic does, and how endpoints are.
    pub traffic: Arc<dyn Traffic>,
}

/// Says why requests are let through or refused.
pub trait Explain: Send + Sync {
    /// Says what would come of a request; what is wrong with the question otherwise.
    fn explain(&self, question: Question) -> Explaining;

    /// Finds what was refused with a request id, the latest first.
    fn recall(&self, request: &str) -> Vec<Value>;
}

/// An answer on its way: an explanation, or what is wrong with the question.
pub type Explaining = Pin<Box<dyn Future<Output = Result<Value, String>> + Send>>;

/// A request that is asked about. Its `Debug` shows nothing that was shown.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The method.
    pub method: String,
    /// The URL, or its path alone.
    pub url: String,
    /// The header fields, each as `Name: value`.
    #[serde(default)]
    pub headers: Vec<String>,
    /// A token, to be shown in the field that the version takes tokens from.
    #[serde(default)]
    pub token: Option<String>,
    /// The address that the request comes from.
    #[serde(default)]
    pub client_ip: Option<IpAddr>,
}

/// Forgets what is kept of responses.
pub trait Purge: Send + Sync {
    /// Forgets what is named, at once and for good, and notes who asked for it. It may block.
    ///
    /// # Errors
    ///
    /// Returns why it did not.
    fn purge(&self, named: &Named, operator: &str) -> Result<(), Refused>;

    /// Returns the tenant whose API answers at a URL.
    fn tenant_of(&self, url: &str) -> Option<String>;
}

/// What is to be forgotten: one of `everything`, `url`, `tag` and `tenant` (with `api`, `version`, `prefix`).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Named {
    /// All of it.
    pub everything: bool,
    /// What a caller gets at this URL, whoever calls and whichever variant it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What its origin gave this tag, within a tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The tenant; the caller's own where another part is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// All versions of an API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
    /// One version of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What begins so, below the context and the version: `/items` names `/items/7` and `/itemsets`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Whether entries become stale, instead of being forgotten.
    pub soft: bool,
}

/// Why something was not forgotten.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refused {
    /// It is forgotten until the next start only.
    Failed(String),
    /// What is named makes no sense, and nothing was forgotten.
    Senseless(String),
}

/// Says how the quotas of applications stand, and forgets what was counted.
pub trait Quotas: Send + Sync {
    /// Says how the quotas of an application stand; nothing where there is no such application.
    fn show(&self, application: &str, user: Option<&str>) -> Option<Value>;

    /// Forgets what was counted for an application and a user of it, and says how its quotas stand then.
    fn reset(&self, application: &str, user: Option<&str>) -> Option<Value>;
}

/// Reads the catalog again.
pub trait Reload: Send + Sync {
    /// Reads every file and serves what they say, or leaves everything as it is. It blocks.
    ///
    /// # Errors
    ///
    /// Returns everything that keeps the files from being served.
    fn reload(&self) -> Result<Reloaded, Vec<Violation>>;
}

/// What a reload led to.
#[derive(Clone, Copy, Debug, JsonSchema, Serialize)]
pub struct Reloaded {
    /// The revision that is served.
    pub revision: u64,
    /// How many APIs it holds.
    pub apis: usize,
    /// Whether it was served before, too.
    pub unchanged: bool,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ports").finish_non_exhaustive()
    }
}
