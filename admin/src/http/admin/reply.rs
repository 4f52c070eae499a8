//! Answers that say that something is or was done.

use std::borrow::Cow;
use std::marker::PhantomData;

use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{Operation, Response as Told, StatusCode as Code};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LOCATION, SET_COOKIE};
use http::{HeaderName, HeaderValue, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::Value;

use super::etag::Tag;
use super::openapi;

/// 200: one thing, with its entity tag.
pub(super) type One<T> = Reply<Is, T>;

/// 201: something that was made, where it is, and what it is like.
pub(super) type Made<T> = Reply<WasMade, T>;

/// 201 or 200: something that was made or replaced.
pub(super) type Put<T> = Reply<WasPut, T>;

/// 204: something is not there any more, or there is nothing to tell.
pub(super) type Gone = Reply<IsDone, ()>;

/// An answer of a kind, with what it tells.
#[derive(Debug)]
pub(super) struct Reply<K, T> {
    status: StatusCode,
    /// What is told, as JSON, with its tag.
    body: Option<(String, Tag)>,
    location: Option<String>,
    revision: Option<u64>,
    cookie: Option<String>,
    is_dry_run: bool,
    kind: PhantomData<fn() -> (K, T)>,
}

/// Which statuses an answer may have, and what they say.
pub(super) trait Kind {
    /// The statuses; those below 300 but for 204 come with what is told.
    const STATUSES: &[(u16, &str)];
}

/// Of [`One`].
#[derive(Debug)]
pub(super) struct Is;

/// Of [`Made`].
#[derive(Debug)]
pub(super) struct WasMade;

/// Of [`Put`].
#[derive(Debug)]
pub(super) struct WasPut;

/// Of [`Gone`].
#[derive(Debug)]
pub(super) struct IsDone;

impl Kind for Is {
    const STATUSES: &[(u16, &str)] = &[(200, "What it is like."), (304, "The caller has it already.")];
}

impl Kind for WasMade {
    const STATUSES: &[(u16, &str)] = &[(201, "It was made.")];
}

impl Kind for WasPut {
    const STATUSES: &[(u16, &str)] = &[(200, "It was replaced."), (201, "It was made.")];
}

impl Kind for IsDone {
    const STATUSES: &[(u16, &str)] = &[(204, "It is done.")];
}

impl<K, T> Reply<K, T> {
    fn bare(status: StatusCode) -> Self {
        Self {
            status,
            body: None,
            location: None,
            revision: None,
            cookie: None,
            is_dry_run: false,
            kind: PhantomData,
        }
    }

    /// Says which revision of the catalog serves it.
    pub(super) fn at(self, revision: u64) -> Self {
        Self {
            revision: Some(revision),
            ..self
        }
    }

    /// Says, where that is so, that nothing was done and only told what would come of it.
    pub(super) fn tried(self, is_dry_run: bool) -> Self {
        if !is_dry_run {
            return self;
        }
        Self {
            location: None,
            is_dry_run: true,
            ..self
        }
    }

    /// Gives the browser a cookie.
    pub(super) fn with_cookie(self, cookie: String) -> Self {
        Self {
            cookie: Some(cookie),
            ..self
        }
    }
}

impl<K, T: Serialize> Reply<K, T> {
    fn told(status: StatusCode, document: &T) -> Self {
        let body = serde_json::to_string(document).unwrap_or_default();
        Self {
            body: Some((body, Tag::of(document))),
            ..Self::bare(status)
        }
    }
}

impl<T: Serialize> One<T> {
    /// Tells what a thing is like.
    pub(super) fn of(document: &T) -> Self {
        Self::told(StatusCode::OK, document)
    }
}

impl<T: Serialize> Made<T> {
    /// Tells what was made, and its path.
    pub(super) fn made(path: String, document: &T) -> Self {
        Self {
            location: Some(path),
            ..Self::told(StatusCode::CREATED, document)
        }
    }
}

impl<T: Serialize> Put<T> {
    /// Tells what was made, and its path.
    pub(super) fn put(path: String, document: &T) -> Self {
        Self {
            location: Some(path),
            ..Self::told(StatusCode::CREATED, document)
        }
    }

    /// Tells what something is like now.
    pub(super) fn replaced(document: &T) -> Self {
        Self::told(StatusCode::OK, document)
    }
}

impl Gone {
    /// Tells nothing.
    pub(super) fn done() -> Self {
        Self::bare(StatusCode::NO_CONTENT)
    }
}

impl<K, T> IntoResponse for Reply<K, T> {
    fn into_response(self) -> Response {
        let (body, tag) = self.body.unzip();
        let mut response = (self.status, body.unwrap_or_default()).into_response();
        let headers = response.headers_mut();
        headers.remove(CONTENT_TYPE);
        let tag = tag.as_ref().map(|tag| tag.as_str().to_owned());
        for (name, value) in [
            (CACHE_CONTROL, Some("no-store".to_owned())),
            (CONTENT_TYPE, tag.is_some().then(|| "application/json".to_owned())),
            (ETAG, tag),
            (LOCATION, self.location),
            (REVISION, self.revision.map(|revision| revision.to_string())),
            (SET_COOKIE, self.cookie),
            (DRY_RUN, self.is_dry_run.then(|| "true".to_owned())),
        ] {
            if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
                headers.insert(name, value);
            }
        }
        response
    }
}

impl<K: Kind, T: JsonSchema> OperationOutput for Reply<K, T> {
    type Inner = T;

    fn inferred_responses(context: &mut GenContext, _: &mut Operation) -> Vec<(Option<Code>, Told)> {
        let told = |&(status, told): &(u16, &str)| {
            let response = if status < 300 && status != 204 {
                openapi::response::<T>(context, told)
            } else {
                openapi::empty_response(told)
            };
            (Some(Code::Code(status)), response)
        };
        K::STATUSES.iter().map(told).collect()
    }
}

/// An object that whoever serves traffic made.
#[derive(Debug, Serialize)]
pub(super) struct Open(pub(super) Value);

impl JsonSchema for Open {
    fn schema_name() -> Cow<'static, str> {
        "Open".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }
}

/// The field that says that nothing was done.
const DRY_RUN: HeaderName = HeaderName::from_static("tollgate-dry-run");

/// The field that says which revision of the catalog serves what is told.
const REVISION: HeaderName = HeaderName::from_static("tollgate-revision");
