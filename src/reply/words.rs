//! What a refusal says of the version that was called: its names in the description, its schemes in the challenge.

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue, StatusCode};

use crate::denial::{Denial, Fault};
use crate::snapshot::{Route, Version};

/// What was called, as far as the request got.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Called<'a> {
    pub(super) version: Option<&'a Version>,
    pub(super) route: Option<&'a Route>,
}

impl Called<'_> {
    /// Describes a denial, with the names that W puts there (W 6.1, 6.3).
    pub(super) fn describe(&self, denial: Denial, fault: &Fault) -> Cow<'static, str> {
        let Some(version) = self.version else {
            return Cow::Borrowed(fault.description);
        };
        match denial {
            Denial::MissingCredentials => Cow::Owned(version.challenge.advice.to_string()),
            Denial::MissingScope | Denial::WrongTokenType => {
                let (context, label) = (&version.context, &version.version);
                let (code, message) = (fault.code, fault.message);
                Cow::Owned(format!(
                    "Access failure for API: {context}, version: {label} status: ({code}) - {message}"
                ))
            }
            _ => Cow::Borrowed(fault.description),
        }
    }

    /// Returns the value of `WWW-Authenticate`, where there must be one: with every 401 (RFC 9110, 15.5.2), and where
    /// a scope is wanting (RFC 6750, 3.1).
    pub(super) fn challenge(&self, denial: Denial, status: StatusCode, headers: &HeaderMap) -> Option<HeaderValue> {
        if denial == Denial::MissingScope {
            return self.route.and_then(|route| route.challenge.clone());
        }
        if status != StatusCode::UNAUTHORIZED {
            return None;
        }
        let Some(version) = self.version else {
            return Some(HeaderValue::from_static("Bearer"));
        };
        let is_refused_token = denial != Denial::MissingCredentials && shows_token(version, headers);
        let challenge = &version.challenge;
        Some(if is_refused_token {
            challenge.invalid_token.clone()
        } else {
            challenge.plain.clone()
        })
    }
}

fn shows_token(version: &Version, headers: &HeaderMap) -> bool {
    let shown = headers.get_all(&version.security.authorization).iter();
    let mut shown = shown.filter_map(|value| value.as_bytes().get(..BEARER.len()));
    shown.any(|scheme| scheme.eq_ignore_ascii_case(BEARER))
}

const BEARER: &[u8] = b"bearer ";
