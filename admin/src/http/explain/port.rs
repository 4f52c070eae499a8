//! What the router asks of whoever serves traffic.

use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;

use serde::Deserialize;
use serde_json::Value;

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
#[derive(Clone, Default, Deserialize)]
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

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}
