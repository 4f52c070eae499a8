//! What is sent: JSON of a bounded length, and the place of what is of another shape.

use std::marker::PhantomData;

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, ReferenceOr, RequestBody, StatusCode as Code};
use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use super::{Answer, openapi};
use crate::http::problem::Problem;

/// A JSON document that was sent.
#[derive(Debug)]
pub(super) struct Sent<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Answer<Self> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            return Err(Problem::unsupported("application/json"));
        }
        let bytes = to_bytes(body, LONGEST).await.map_err(|_| Problem::too_large(LONGEST))?;
        read(&bytes).map(Self)
    }
}

/// A short JSON document of whatever media type, as `curl -d` sends it; a session's token keeps other sites from it.
#[derive(Debug)]
pub(super) struct Loose<T>(Bytes, PhantomData<fn() -> T>);

impl<T: DeserializeOwned> Loose<T> {
    /// Reads the document.
    ///
    /// # Errors
    ///
    /// Returns where it is none. The words of what was sent are not repeated: they may be secrets.
    pub(super) fn read(&self) -> Result<T, String> {
        serde_json::from_slice(&self.0)
            .map_err(|reason| format!("at line {}, column {}", reason.line(), reason.column()))
    }
}

impl<T, S: Sync> FromRequest<S> for Loose<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Answer<Self> {
        let bytes = to_bytes(request.into_body(), SHORT).await;
        bytes
            .map(|bytes| Self(bytes, PhantomData))
            .map_err(|_| Problem::too_large(SHORT))
    }
}

/// Reads a document.
///
/// # Errors
///
/// Returns 400 where it is no JSON, and 422 with its place where something is of another shape.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Answer<T> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let document = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let reason = error.inner();
        if reason.is_data() {
            Problem::flawed(&pointer(error.path()), without_place(reason))
        } else {
            no_json(reason)
        }
    })?;
    reader.end().map_err(|reason| no_json(&reason))?;
    Ok(document)
}

/// Says what is wrong without repeating what was sent, which may be a secret.
fn no_json(reason: &serde_json::Error) -> Problem {
    Problem::malformed(format!(
        "the body is no JSON at line {}, column {}",
        reason.line(),
        reason.column()
    ))
}

fn without_place(reason: &serde_json::Error) -> String {
    let text = reason.to_string();
    text.rsplit_once(" at line ")
        .map_or(text.clone(), |(text, _)| text.to_owned())
}

/// Writes a place as RFC 6901 has it.
fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        let part = match segment {
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Seq { index } => index.to_string(),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&part);
    }
    pointer
}

fn is_json(headers: &HeaderMap) -> bool {
    let field = headers.get(CONTENT_TYPE).and_then(|field| field.to_str().ok());
    let essence = field.unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

impl<T: JsonSchema> OperationInput for Sent<T> {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        describe::<T>(context, operation);
        openapi::add_problem(operation, Code::Code(415));
    }
}

impl<T: JsonSchema> OperationInput for Loose<T> {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        describe::<T>(context, operation);
    }
}

fn describe<T: JsonSchema>(context: &mut GenContext, operation: &mut Operation) {
    let media = MediaType {
        schema: Some(openapi::of_schema(context.schema.subschema_for::<T>())),
        ..MediaType::default()
    };
    operation.request_body = Some(ReferenceOr::Item(RequestBody {
        content: [("application/json".to_owned(), media)].into(),
        required: true,
        ..RequestBody::default()
    }));
    openapi::add_problem(operation, Code::Code(413));
}

/// No question and nothing that names a part of the cache is longer.
const SHORT: usize = 64 << 10;

/// No body is longer, in bytes.
pub const LONGEST: usize = 4 << 20;
