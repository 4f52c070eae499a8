//! What is asked in the path and the query, strictly: what nobody knows is refused, not passed over.

use aide::OperationInput;
use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{Operation, Response as Told, StatusCode as Code};
use aide::operation::{ParamLocation, add_parameters, parameters_from_schema};
use axum::extract::{FromRequestParts, Path};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::reply::One;
use super::{Answer, openapi};
use crate::http::problem::Problem;
use crate::model::name::TenantName;
use crate::oauth::form::{self, Form};

/// The parts of the path.
#[derive(Debug)]
pub(super) struct At<T>(pub(super) T);

/// The parameters of the query; `T` denies unknown fields.
#[derive(Debug)]
pub(super) struct Asked<T>(pub(super) T);

/// The query of a list: which part of it, and filters beside; `F` denies unknown fields.
#[derive(Debug)]
pub(super) struct List<F = NoFilter> {
    /// The tenant that it is narrowed to.
    pub(super) tenant: Option<TenantName>,
    /// Text within the name, in lower case.
    pub(super) q: String,
    /// What else it is narrowed to.
    pub(super) filter: F,
    limit: usize,
    offset: usize,
    /// The path, and the parameters that say of what the list is.
    path: String,
    rest: Vec<(String, String)>,
}

/// A list without filters of its own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoFilter {}

/// Which part of a list is asked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Paging {
    /// So many at most; 50 where it is left out.
    #[schemars(range(min = 1, max = 500))]
    limit: Option<usize>,
    /// After so many.
    offset: Option<usize>,
    /// Text within the name, in any letter case.
    q: Option<String>,
    /// The domain of the tenant; all that the caller may see where it is left out.
    tenant: Option<String>,
}

/// The tenant alone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfTenant {
    /// The domain of the tenant; the caller's own where it is left out.
    tenant: Option<String>,
}

impl OfTenant {
    /// Returns the tenant that is asked for.
    ///
    /// # Errors
    ///
    /// Returns 404 where it is no such name.
    pub(super) fn tenant(&self) -> Answer<Option<TenantName>> {
        tenant(self.tenant.as_deref())
    }

    /// As [`Self::tenant`], where what was sent names one, too.
    ///
    /// # Errors
    ///
    /// Returns 422 where they are not the same.
    pub(super) fn stated(&self, sent: Option<&str>) -> Answer<Option<TenantName>> {
        match (self.tenant.as_deref(), sent) {
            (Some(asked), Some(sent)) if asked != sent => Err(Problem::flawed(
                "/tenant",
                "`tenant` is another one than that of the query",
            )),
            (asked, sent) => tenant(asked.or(sent)),
        }
    }
}

/// A part of a list.
#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct Page<T> {
    /// The things, in the order of their names.
    items: Vec<T>,
    /// How many there are in all.
    total: usize,
    /// Where the next ones are; null with the last.
    next: Option<String>,
}

impl<T> Page<T> {
    /// Makes something else of each thing.
    pub(super) fn map<U>(self, to: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(to).collect(),
            total: self.total,
            next: self.next,
        }
    }
}

impl<F> List<F> {
    /// Tells whether a name has the text that is searched for.
    pub(super) fn is_wanted(&self, name: &str) -> bool {
        self.q.is_empty() || name.to_lowercase().contains(&self.q)
    }

    /// Returns how many are asked for, and after how many.
    pub(super) fn part(&self) -> (usize, usize) {
        (self.limit, self.offset)
    }

    /// Makes a page of the part that is asked for, and how many there are in all.
    pub(super) fn page_of<T>(&self, items: Vec<T>, total: usize) -> Page<T> {
        let shown = self.offset.saturating_add(items.len());
        Page {
            next: (!items.is_empty() && shown < total).then(|| self.after(shown)),
            items,
            total,
        }
    }

    /// Takes the part that is asked for out of the whole list.
    pub(super) fn page<T>(&self, all: impl IntoIterator<Item = T>) -> Page<T> {
        let mut all = all.into_iter();
        let skipped = all.by_ref().take(self.offset).count();
        let items: Vec<T> = all.by_ref().take(self.limit).collect();
        let shown = skipped + items.len();
        let total = shown + all.count();
        Page {
            items,
            total,
            next: (shown < total).then(|| self.after(shown)),
        }
    }

    fn after(&self, offset: usize) -> String {
        let (limit, offset) = (self.limit.to_string(), offset.to_string());
        let rest = self.rest.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let query = form::encode(rest.chain([("limit", limit.as_str()), ("offset", offset.as_str())]));
        format!("{}?{query}", self.path)
    }
}

/// Reads the query: each parameter once, and none without a value.
fn form(parts: &Parts) -> Answer<Form> {
    let query = parts.uri.query().unwrap_or_default();
    let is_empty = |part: &str| part.split_once('=').is_none_or(|(_, value)| value.is_empty());
    if let Some(part) = query.split('&').find(|part| !part.is_empty() && is_empty(part)) {
        let name = part.trim_end_matches('=');
        return Err(Problem::malformed(format!(
            "the query makes no sense: `{name}` has no value"
        )));
    }
    Form::parse(query.as_bytes())
        .map_err(|error| Problem::malformed(format!("the query makes no sense: {}", error.description)))
}

fn believed<T: DeserializeOwned>(pairs: &[(String, String)]) -> Answer<T> {
    let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    serde_urlencoded::from_str(&form::encode(pairs))
        .map_err(|reason| Problem::malformed(format!("the query makes no sense: {reason}")))
}

/// Reads the domain of a tenant.
///
/// # Errors
///
/// Returns 404: what is no such name is no tenant.
pub(super) fn tenant(domain: Option<&str>) -> Answer<Option<TenantName>> {
    let read =
        |domain| TenantName::parse(domain).map_err(|_| Problem::missing(format!("there is no tenant `{domain}`")));
    domain.map(read).transpose()
}

impl<F: DeserializeOwned, S: Sync> FromRequestParts<S> for List<F> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Self> {
        let form = form(parts)?;
        let is_paging = |(name, _): &(String, String)| PAGING.contains(&name.as_str());
        let (paging, filter): (Vec<_>, Vec<_>) = form.pairs().iter().cloned().partition(is_paging);
        let Paging {
            limit,
            offset,
            q,
            tenant: domain,
        } = believed(&paging)?;
        let limit = limit.unwrap_or(USUALLY);
        if !(1..=MOST).contains(&limit) {
            return Err(Problem::malformed(format!("`limit` is between 1 and {MOST}")));
        }
        let rest = form
            .pairs()
            .iter()
            .filter(|(name, _)| name != "limit" && name != "offset");
        Ok(Self {
            tenant: tenant(domain.as_deref())?,
            q: q.unwrap_or_default().to_lowercase(),
            filter: believed(&filter)?,
            limit,
            offset: offset.unwrap_or_default(),
            path: parts.uri.path().to_owned(),
            rest: rest.cloned().collect(),
        })
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Self> {
        believed(form(parts)?.pairs()).map(Self)
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        let found = Path::<T>::from_request_parts(parts, state).await;
        // What cannot be read names nothing.
        found
            .map(|Path(found)| Self(found))
            .map_err(|_| Problem::missing("there is no such path"))
    }
}

fn describe<T: JsonSchema>(context: &mut GenContext, operation: &mut Operation, place: ParamLocation) {
    let schema = context.schema.subschema_for::<T>();
    let parameters = parameters_from_schema(context, schema, place);
    add_parameters(context, operation, parameters);
}

impl<F: JsonSchema> OperationInput for List<F> {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        describe::<Paging>(context, operation, ParamLocation::Query);
        describe::<F>(context, operation, ParamLocation::Query);
    }
}

impl<T: JsonSchema> OperationInput for Asked<T> {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        describe::<T>(context, operation, ParamLocation::Query);
    }
}

impl<T: JsonSchema> OperationInput for At<T> {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        describe::<T>(context, operation, ParamLocation::Path);
    }
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        One::of(&self).into_response()
    }
}

impl<T: JsonSchema> OperationOutput for Page<T> {
    type Inner = Self;

    fn inferred_responses(context: &mut GenContext, _: &mut Operation) -> Vec<(Option<Code>, Told)> {
        let told = openapi::response::<Self>(context, "A part of the list.");
        let known = openapi::empty_response("The caller has it already.");
        vec![(Some(Code::Code(200)), told), (Some(Code::Code(304)), known)]
    }
}

/// Writes a path below `/admin/v1`, and the tenant of what is there.
pub(super) fn path(parts: &[&str], tenant: Option<&TenantName>) -> String {
    let mut path = "/admin/v1".to_owned();
    for part in parts {
        path.push('/');
        path.extend(utf8_percent_encode(part, PART));
    }
    if let Some(tenant) = tenant {
        path.push_str("?tenant=");
        path.push_str(tenant.as_str());
    }
    path
}

/// What stands in a part of a path as it is (RFC 3986, 2.3).
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const PAGING: [&str; 4] = ["limit", "offset", "q", "tenant"];

/// So many things are told at once where nobody says how many.
const USUALLY: usize = 50;

/// No more things are told at once.
const MOST: usize = 500;
