//! Asks other parties over HTTP: bounded in time and size, over TLS except on this machine, and nobody but whom the
//! catalog names.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Url};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt as _;
use serde_json::Value;
use thiserror::Error;

/// Asks other parties over HTTP.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    /// Made when the first is asked: reading the platform's roots takes a while.
    client: OnceLock<Option<Client>>,
}

/// Why another party gave no answer.
#[derive(Debug, Error)]
pub(super) enum OutboundError {
    #[error("the answer is no JSON")]
    Format(#[from] serde_json::Error),
    #[error("no client for HTTP over TLS can be made here")]
    NoClient,
    #[error("only https is asked, except on this machine")]
    NotSecure,
    #[error("the answer has the status {0}")]
    Status(u16),
    #[error("the answer is longer than {LARGEST} bytes")]
    TooLong,
    #[error("{}", cause(.0))]
    Unreachable(#[from] reqwest::Error),
}

impl Outbound {
    /// Reads JSON.
    pub(super) async fn read(&self, url: &str) -> Result<Value, OutboundError> {
        self.ask(url, |client, url| client.get(url)).await
    }

    /// Asks with a form, as a client that is known by name and secret (RFC 6749, 2.3.1).
    pub(super) async fn post(
        &self,
        url: &str,
        (name, secret): (&str, &str),
        form: &[(&str, &str)],
    ) -> Result<Value, OutboundError> {
        let ask = |client: &Client, url| {
            client
                .post(url)
                .basic_auth(encoded(name), Some(encoded(secret)))
                .form(form)
        };
        self.ask(url, ask).await
    }

    async fn ask(&self, url: &str, ask: impl FnOnce(&Client, Url) -> RequestBuilder) -> Result<Value, OutboundError> {
        let url = Url::parse(url).ok().filter(is_secure).ok_or(OutboundError::NotSecure)?;
        let client = self
            .client
            .get_or_init(client)
            .as_ref()
            .ok_or(OutboundError::NoClient)?;
        let request = ask(client, url).header(http::header::ACCEPT, "application/json");
        let mut response = request.send().await?;
        if response.status() != http::StatusCode::OK {
            return Err(OutboundError::Status(response.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > LARGEST {
                return Err(OutboundError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(serde_json::from_slice(&body)?)
    }
}

fn client() -> Option<Client> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_platform_verifier())
        .inspect_err(|error| tracing::error!(%error, "the platform's root certificates cannot be used"))
        .ok()?
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(Policy::custom(|attempt| {
            let first = attempt.previous().first();
            let is_home = first.is_some_and(|first| first.origin() == attempt.url().origin());
            if is_home && attempt.previous().len() <= REDIRECTS {
                attempt.follow()
            } else {
                attempt.stop()
            }
        }))
        .connect_timeout(CONNECT_WITHIN)
        .timeout(ANSWER_WITHIN)
        .user_agent("tollgate")
        .build()
        .inspect_err(|error| tracing::error!(%error, "no client for HTTP can be made"))
        .ok()
}

fn is_secure(url: &Url) -> bool {
    let is_local = || {
        let host = url.host_str().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        bare == "localhost"
            || bare
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_local())
}

/// Encodes what a client is known by as a form would, before it goes into the field (RFC 6749, 2.3.1).
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Says the innermost cause: the outer ones repeat the address.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

const LARGEST: usize = 256 << 10;
const REDIRECTS: usize = 3;
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
