//! What a thing is like, as a strong entity tag (RFC 9110, 8.8.3), and what callers take it for.

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{Operation, StatusCode as Code};
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

use super::{Answer, openapi};
use crate::control::edit::OnlyIf;
use crate::http::problem::Problem;

/// What a thing is like.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Tag(String);

impl Tag {
    /// Makes the tag of a document: that of its JSON, keys in order.
    pub(super) fn of(document: &impl Serialize) -> Self {
        // What is not written is told apart from nothing else; every document of ours can be.
        let value = serde_json::to_value(document).unwrap_or_default();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, value.to_string().as_bytes());
        let half = digest
            .as_ref()
            .split_at_checked(16)
            .map_or(digest.as_ref(), |(half, _)| half);
        Self(format!("\"{}\"", hex::encode(half)))
    }

    /// Returns it as header fields have it.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the caller takes a thing for: `If-Match` and `If-None-Match`.
#[derive(Clone, Debug, Default)]
pub(super) struct Condition {
    matches: Option<String>,
    matches_none: Option<String>,
}

impl Condition {
    /// Checks that the thing, if it is there, is what the caller takes it for.
    ///
    /// # Errors
    ///
    /// Returns 412 with the tag that it has.
    pub(super) fn check(&self, current: Option<&Tag>) -> Answer<()> {
        let is_met = self
            .matches
            .as_deref()
            .is_none_or(|wanted| names(wanted, current, false));
        let is_free = self
            .matches_none
            .as_deref()
            .is_none_or(|known| !names(known, current, true));
        if is_met && is_free {
            Ok(())
        } else {
            Err(Problem::stale(current.map(Tag::as_str)))
        }
    }

    /// As [`Self::check`], of the thing itself.
    ///
    /// # Errors
    ///
    /// Returns 412 with the tag that it has.
    pub(super) fn check_of(&self, current: Option<&impl Serialize>) -> Answer<()> {
        self.check(current.map(Tag::of).as_ref())
    }
}

impl Condition {
    /// Tells whether the caller takes it for anything.
    pub(super) fn is_given(&self) -> bool {
        self.matches.is_some() || self.matches_none.is_some()
    }

    /// Says it to the writer of the catalog, who looks at the thing itself.
    ///
    /// # Errors
    ///
    /// Returns 400 for an `If-None-Match` with tags: a write is for what is there, or for what is not.
    pub(super) fn only_if(&self) -> Answer<OnlyIf> {
        let is_any = |list: &str| list.split(',').any(|tag| tag.trim() == "*");
        match (self.matches.as_deref(), self.matches_none.as_deref()) {
            (None, None) => Ok(OnlyIf::Anything),
            (None, Some(none)) if is_any(none) => Ok(OnlyIf::Unknown),
            (Some(list), None) if is_any(list) => Ok(OnlyIf::Present),
            (Some(list), None) => {
                let marks = list.split(',').map(|tag| tag.trim().trim_matches('"').to_owned());
                Ok(OnlyIf::Is(marks.collect()))
            }
            (_, Some(_)) => Err(Problem::malformed("write with `If-Match`, or with `If-None-Match: *`")),
        }
    }
}

/// Tells whether a list of tags, or `*`, names a thing that is there. A weak tag is the same as a strong one only where
/// that is said (RFC 9110, 8.8.3.2).
fn names(list: &str, current: Option<&Tag>, weakly: bool) -> bool {
    let Some(current) = current else { return false };
    list.split(',').map(str::trim).any(|tag| {
        let tag = if weakly {
            tag.strip_prefix("W/").unwrap_or(tag)
        } else {
            tag
        };
        tag == "*" || tag == current.as_str()
    })
}

/// Leaves out what the caller has already.
pub(super) fn unless_known(response: Response, known: Option<&HeaderValue>) -> Response {
    let known = known.and_then(|known| known.to_str().ok());
    let tag = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok());
    let is_known = match (known, tag) {
        (Some(known), Some(tag)) => {
            response.status() == StatusCode::OK && names(known, Some(&Tag(tag.to_owned())), true)
        }
        _ => false,
    };
    if !is_known {
        return response;
    }
    let mut without = StatusCode::NOT_MODIFIED.into_response();
    *without.headers_mut() = response.headers().clone();
    without.headers_mut().remove(http::header::CONTENT_TYPE);
    without.headers_mut().remove(http::header::CONTENT_LENGTH);
    without
}

impl<S: Sync> FromRequestParts<S> for Condition {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Self> {
        Ok(Self {
            matches: field(&parts.headers, &IF_MATCH)?,
            matches_none: field(&parts.headers, &IF_NONE_MATCH)?,
        })
    }
}

fn field(headers: &HeaderMap, name: &HeaderName) -> Answer<Option<String>> {
    let mut list: Vec<&str> = Vec::new();
    for field in headers.get_all(name) {
        let text = field.to_str().ok().filter(|text| !text.trim().is_empty());
        list.push(text.ok_or_else(|| Problem::malformed(format!("`{name}` is no list of entity tags")))?);
    }
    Ok((!list.is_empty()).then(|| list.join(",")))
}

impl OperationInput for Condition {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        for (name, told) in [
            (
                "If-Match",
                "Do it only while the thing has one of these entity tags; `*`: while it is there.",
            ),
            ("If-None-Match", "`*`: do it only where there is no such thing yet."),
        ] {
            openapi::add_header(operation, name, told);
        }
        openapi::add_problem(operation, Code::Code(412));
    }
}
