//! The terms on which credentials are judged and remembered, as the process was told at start.

use http::HeaderName;

/// The terms on which credentials are judged and remembered.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The `iss` of the gateway's own tokens.
    pub issuer: String,
    /// How many verified tokens are remembered.
    pub tokens: usize,
    /// Seconds that other clocks may be off. The end of our own tokens is kept to the second.
    pub leeway: u64,
    /// Seconds for which the answer of an introspection endpoint is taken for true.
    pub introspection: u64,
    /// In which field trusted proxies put the caller's certificate.
    pub certificate_header: Option<HeaderName>,
    /// In which field backends are told who calls.
    pub assertion_header: HeaderName,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            issuer: "https://localhost:8243".to_owned(),
            tokens: 100_000,
            leeway: 30,
            introspection: 60,
            certificate_header: None,
            assertion_header: HeaderName::from_static("x-jwt-assertion"),
        }
    }
}
