//! What requests bring: a bounded form, at most one `Authorization`, and who is at the other end.

use axum::body::to_bytes;
use axum::extract::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName};

use crate::oauth::error::{ErrorCode, OauthError};
use crate::oauth::form::Form;
use crate::oauth::peer::Peer;

/// What a request brought.
pub(super) struct Intake {
    pub(super) form: Form,
    pub(super) authorization: Option<String>,
    pub(super) headers: HeaderMap,
    pub(super) peer: Peer,
    /// The parameters of the URL, of which only the authorization endpoint takes notice.
    pub(super) query: Form,
}

impl Intake {
    /// Reads a request whose parameters are its form.
    pub(super) async fn read(request: Request) -> Result<Self, OauthError> {
        let (parts, body) = request.into_parts();
        is_form(&parts.headers)?;
        let body = to_bytes(body, LARGEST)
            .await
            .map_err(|_| OauthError::request("the request is too large or broke off"))?;
        let form = Form::parse(&body)?;
        Self::of(parts, form)
    }

    /// Reads a request without a body.
    pub(super) fn read_head(request: Request) -> Result<Self, OauthError> {
        let (parts, _) = request.into_parts();
        Self::of(parts, Form::default())
    }

    fn of(mut parts: http::request::Parts, form: Form) -> Result<Self, OauthError> {
        let unconnected = || OauthError::new(ErrorCode::ServerError, "the server does not know who asks");
        Ok(Self {
            form,
            authorization: one(&parts.headers, &AUTHORIZATION)?.map(str::to_owned),
            peer: parts.extensions.remove().ok_or_else(unconnected)?,
            query: Form::parse(parts.uri.query().unwrap_or_default().as_bytes())?,
            headers: parts.headers,
        })
    }

    /// Returns the authorization as a reference.
    pub(super) fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }
}

/// Refuses what is not `application/x-www-form-urlencoded` in UTF-8.
fn is_form(headers: &HeaderMap) -> Result<(), OauthError> {
    let stated = one(headers, &CONTENT_TYPE)?.unwrap_or_default();
    let mut parts = stated.split(';').map(str::trim);
    let is_type = parts
        .next()
        .is_some_and(|name| name.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    let is_text = parts.all(|part| part.is_empty() || part.replace('"', "").eq_ignore_ascii_case("charset=utf-8"));
    if is_type && is_text {
        return Ok(());
    }
    Err(OauthError::request(
        "the content type must be application/x-www-form-urlencoded",
    ))
}

/// Finds a field that may stand once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, OauthError> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(OauthError::request("a header field stands twice"));
    }
    let readable = first.map(|value| value.to_str()).transpose();
    readable.map_err(|_| OauthError::request("a header field is not ASCII"))
}

/// No request of this protocol is larger: assertions are the longest part, and may have 16 KiB each.
const LARGEST: usize = 64 * 1024;
