//! What people see: signing in, agreeing, and why it does not go on. No scripts, nothing from elsewhere.

use askama::Template;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, RETRY_AFTER, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::registry::token::Digest;

/// Asks for a name and a password.
#[derive(Template)]
#[template(path = "login.html")]
pub(super) struct Login<'a> {
    pub(super) style: &'static str,
    pub(super) application: &'a str,
    pub(super) query: &'a str,
    pub(super) mark: &'a str,
    pub(super) username: &'a str,
    pub(super) message: Option<&'a str>,
}

/// Asks for agreement.
#[derive(Template)]
#[template(path = "consent.html")]
pub(super) struct Consent<'a> {
    pub(super) style: &'static str,
    pub(super) application: &'a str,
    pub(super) user: &'a str,
    pub(super) scopes: &'a [Wanted],
    pub(super) query: &'a str,
    pub(super) query_of_another: &'a str,
    pub(super) mark: &'a str,
}

/// A scope as people read it.
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) key: String,
}

/// Says why it does not go on.
#[derive(Template)]
#[template(path = "refused.html")]
pub(super) struct Refused<'a> {
    pub(super) style: &'static str,
    pub(super) message: &'a str,
}

/// How a page is sent.
#[derive(Default)]
pub(super) struct Sending {
    pub(super) status: StatusCode,
    /// The cookie to be set.
    pub(super) cookie: Option<String>,
    /// Where, beside here, a form of the page may lead.
    pub(super) leads_to: String,
    pub(super) retry_after: Option<u64>,
}

/// Sends a page.
pub(super) fn send(page: &impl Template, sending: &Sending) -> Response {
    let Ok(html) = page.render() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = (sending.status, html).into_response();
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &str| {
        // What cannot be a header field stands in a redirection URI, and was refused before.
        HeaderValue::try_from(value)
            .map(|value| headers.insert(name, value))
            .is_ok()
    };
    set(CONTENT_TYPE, "text/html; charset=utf-8");
    set(CACHE_CONTROL, "no-store");
    set(CONTENT_SECURITY_POLICY, &policy(&sending.leads_to));
    set(X_FRAME_OPTIONS, "DENY");
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    // Of the page's address, which holds the request, nothing is told to anybody.
    set(REFERRER_POLICY, "same-origin");
    if let Some(cookie) = &sending.cookie {
        set(SET_COOKIE, cookie);
    }
    if let Some(seconds) = sending.retry_after {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// Sends a browser elsewhere; with 303, so that a password is not sent there, too (RFC 9700, 4.12).
pub(super) fn lead(to: &str, cookie: Option<String>) -> Response {
    let Ok(to) = HeaderValue::try_from(to) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(LOCATION, to);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::try_from(cookie).ok()) {
        headers.insert(SET_COOKIE, cookie);
    }
    response
}

/// Allows the page its own style and nothing else. A form leads here, and from here to the client: browsers look at
/// both.
fn policy(leads_to: &str) -> String {
    let style = STANDARD.encode(Digest::of(STYLE).0);
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self' {leads_to}; frame-ancestors 'none'; \
         base-uri 'none'"
    )
}

/// The style of every page, without the line break at its end.
pub(super) const STYLE: &str = include_str!("../../../templates/style.css").trim_ascii_end();
