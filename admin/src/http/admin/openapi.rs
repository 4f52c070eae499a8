//! `/admin/v1/openapi.json`: the OpenAPI 3.1 document, made from the types of the handlers as they are routed.
//!
//! What every operation may answer is added here: by the method, those problems that no type tells of.

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use aide::generate::{GenContext, in_context};
use aide::openapi::{
    ApiKeyLocation, Components, Header, HeaderStyle, Info, MediaType, OpenApi, Operation, Parameter, ParameterData,
    ParameterSchemaOrContent, PathItem, ReferenceOr, Response, SchemaObject, SecurityScheme, StatusCode,
};
use aide::transform::TransformOperation;
use axum::{Extension, Router};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, json_schema};
use serde_json::Value;

use super::reply::One;
use super::{Answer, Means};
use crate::http::problem::Told;

/// Begins to gather what handlers are like. What an unfinished router left behind is forgotten.
pub(super) fn begin() {
    aide::generate::reset_context();
    in_context(|context| {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "#/components/schemas/".into();
        });
        context.schema = settings.into_generator();
    });
}

/// Says what a handler does: its noun, the name that programs know it by, and a sentence.
pub(super) fn told(
    noun: &'static str,
    id: &'static str,
    summary: &'static str,
) -> impl for<'t> FnOnce(TransformOperation<'t>) -> TransformOperation<'t> {
    move |operation: TransformOperation<'_>| operation.tag(noun).id(id).summary(summary)
}

pub(super) fn routes() -> ApiRouter<Arc<Means>> {
    ApiRouter::new().api_route(
        "/admin/v1/openapi.json",
        get_with(show, told("session", "getOpenApi", "Tells what can be asked here")),
    )
}

async fn show(Extension(document): Extension<Document>) -> Answer<One<Value>> {
    Ok(One::of(&serde_json::from_str(&document.0).unwrap_or_default()))
}

/// The document as it is written: a tenth of what it takes as values, and seldom asked for.
#[derive(Clone)]
struct Document(Arc<str>);

/// Makes the document of what is routed, and routes it.
pub(super) fn finish(routes: ApiRouter<Arc<Means>>) -> Router<Arc<Means>> {
    let mut document = OpenApi {
        info: Info {
            title: "Tollgate admin API".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            description: Some(DESCRIPTION.to_owned()),
            ..Info::default()
        },
        components: Some(components()),
        ..OpenApi::default()
    };
    let schema = in_context(|context| context.schema.subschema_for::<Told<'static>>());
    let problem = response_of("What is wrong.", "application/problem+json", schema);
    let unrouted = unrouted(&problem);
    let router = routes.finish_api(&mut document);
    let paths = document.paths.get_or_insert_default();
    for item in paths.paths.values_mut().filter_map(ReferenceOr::as_item_mut) {
        complete(item, &problem, &unrouted);
    }
    for scheme in ["token", "session"] {
        document.security.push([(scheme.to_owned(), Vec::new())].into());
    }
    let document = serde_json::to_string(&document).unwrap_or_default();
    router.layer(Extension(Document(document.into())))
}

fn components() -> Components {
    let token = SecurityScheme::Http {
        scheme: "bearer".to_owned(),
        bearer_format: None,
        description: Some("An access token of `/oauth2/token` with `tollgate:admin`, or `tollgate:view`.".to_owned()),
        extensions: Default::default(),
    };
    let session = SecurityScheme::ApiKey {
        location: ApiKeyLocation::Cookie,
        name: "__Host-tollgate_console".to_owned(),
        description: Some("What `POST /admin/v1/session` gives; writes also need `X-CSRF-Token`.".to_owned()),
        extensions: Default::default(),
    };
    Components {
        security_schemes: [("token", token), ("session", session)]
            .map(|(name, scheme)| (name.to_owned(), ReferenceOr::Item(scheme)))
            .into(),
        ..Components::default()
    }
}

/// Adds what every operation of a path may answer, and fills in the problems that extractors told of.
fn complete(item: &mut PathItem, problem: &Response, unrouted: &Response) {
    const ALL: &[u16] = &[400, 401, 403, 404, 500, 503];
    const WRITES: &[u16] = &[408, 409, 413, 422];
    let reads = [&mut item.get];
    let writes = [&mut item.post, &mut item.put, &mut item.delete];
    let of = |operations: Vec<&mut Operation>, statuses: &[&[u16]]| {
        for operation in operations {
            let responses = operation.responses.get_or_insert_default();
            for &status in statuses.iter().copied().flatten() {
                responses
                    .responses
                    .entry(StatusCode::Code(status))
                    .or_insert_with(empty);
            }
            for (status, response) in &mut responses.responses {
                let is_problem = matches!(status, StatusCode::Code(400..));
                if is_problem {
                    let is_early = matches!(status, StatusCode::Code(400 | 408 | 413));
                    *response = ReferenceOr::Item(if is_early { unrouted } else { problem }.clone());
                }
            }
            responses.responses.sort_by_key(|status, _| match status {
                StatusCode::Code(code) => *code,
                StatusCode::Range(range) => *range,
            });
        }
    };
    of(reads.into_iter().flatten().collect(), &[ALL]);
    of(writes.into_iter().flatten().collect(), &[ALL, WRITES]);
}

/// What is refused before anybody looks where it leads, such as a path with a control character or a body that is too
/// late, is told as the gateway
/// tells it, which is a problem for those who ask for one.
fn unrouted(problem: &Response) -> Response {
    let text = json_schema!({ "type": "string" });
    let fault = json_schema!({
        "type": "object",
        "properties": { "code": text, "type": text, "message": text, "description": text },
        "required": ["code", "type", "message", "description"],
    });
    let mut response = problem.clone();
    let others = [("application/json", fault), ("application/xml", text)];
    for (media_type, schema) in others {
        response.content.extend(response_of("", media_type, schema).content);
    }
    response
}

fn empty() -> ReferenceOr<Response> {
    ReferenceOr::Item(Response::default())
}

/// Says that an operation may answer with a problem of this status.
pub(super) fn add_problem(operation: &mut Operation, status: StatusCode) {
    let responses = operation.responses.get_or_insert_default();
    responses.responses.entry(status).or_insert_with(empty);
}

/// Says that an operation looks at a header field.
pub(super) fn add_header(operation: &mut Operation, name: &str, told: &str) {
    let data = ParameterData {
        name: name.to_owned(),
        description: Some(told.to_owned()),
        required: false,
        deprecated: None,
        format: ParameterSchemaOrContent::Schema(of_schema(json_schema!({ "type": "string" }))),
        example: None,
        examples: Default::default(),
        explode: None,
        extensions: Default::default(),
    };
    operation.parameters.push(ReferenceOr::Item(Parameter::Header {
        parameter_data: data,
        style: HeaderStyle::Simple,
    }));
}

/// Says what an answer with a document is like.
pub(super) fn response<T: JsonSchema>(context: &mut GenContext, told: &str) -> Response {
    let schema = context.schema.subschema_for::<T>();
    let mut response = response_of(told, "application/json", schema);
    let header = Header {
        description: Some("What it is like, in a word.".to_owned()),
        style: HeaderStyle::Simple,
        required: false,
        deprecated: None,
        format: ParameterSchemaOrContent::Schema(of_schema(json_schema!({ "type": "string" }))),
        example: None,
        examples: Default::default(),
        extensions: Default::default(),
    };
    response.headers.insert("ETag".to_owned(), ReferenceOr::Item(header));
    response
}

/// Says what an answer without a body is like.
pub(super) fn empty_response(told: &str) -> Response {
    Response {
        description: told.to_owned(),
        ..Response::default()
    }
}

fn response_of(told: &str, media_type: &str, schema: Schema) -> Response {
    let media = MediaType {
        schema: Some(of_schema(schema)),
        ..MediaType::default()
    };
    Response {
        description: told.to_owned(),
        content: [(media_type.to_owned(), media)].into(),
        ..Response::default()
    }
}

/// Wraps a schema.
pub(super) fn of_schema(json_schema: Schema) -> SchemaObject {
    SchemaObject {
        json_schema,
        external_docs: None,
        example: None,
    }
}

const DESCRIPTION: &str = "Everything that those who run the gateway, or a tenant of it, see and change. What belongs to \
    a tenant is that of `tenant`, by default the caller's own. Problems are RFC 9457.";
