//! What a version, or one of its resources, keeps of its responses (W 11).

use std::num::NonZeroU64;
use std::time::Duration;

use http::HeaderName;
use schemars::JsonSchema;
use serde::Deserialize;

use super::method::MethodSet;
use super::unit::Size;

/// What is kept of responses, and for whom.
#[derive(Clone, Debug, Hash)]
pub struct Caching {
    /// Who decides how long.
    pub mode: CacheMode,
    /// How long where the response does not say (`http`), or always (`fixed`, which has one).
    pub timeout: Option<Duration>,
    /// Whether callers of protected resources share what is kept.
    pub is_shared: bool,
    /// The largest body that is kept.
    pub max_body: Size,
    /// How many responses are kept in memory, of the version or resource that states it; no bound of its own where it is
    /// none.
    pub max_entries: Option<NonZeroU64>,
    /// The methods that are answered from what is kept: of GET and HEAD.
    pub methods: MethodSet,
    /// The statuses that are kept; where it is empty, those that the mode keeps.
    pub statuses: Vec<u16>,
    /// Which parameters of the query tell entries apart.
    pub query: QueryKey,
    /// Request fields that reach the endpoint and tell entries apart, though they would be held back otherwise.
    pub headers: Vec<HeaderName>,
    /// Request fields that reach the endpoint and tell nothing apart, but where a response names them in `Vary`.
    pub unkeyed_headers: Vec<HeaderName>,
    /// Whether hosts have entries of their own.
    pub by_host: bool,
    /// Whose `Cache-Control` is obeyed.
    pub obeys: Obeyed,
    /// What becomes of responses with `Set-Cookie`.
    pub set_cookie: SetCookie,
    /// Whether endpoints are asked for ranges of what is not kept whole, and those are kept by themselves.
    pub keeps_parts: bool,
    /// Whether answers to POST are kept for GET that say how long they are fresh, and that they are what GET would get.
    pub keeps_posts: bool,
}

/// Who decides how long a response is kept.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum CacheMode {
    /// The timeout, whatever the response says but that it may not be kept.
    Fixed,
    /// The response, as RFC 9111 reads it.
    #[default]
    Http,
    /// Nobody: nothing is kept.
    Off,
}

/// Which parameters of the query tell entries apart.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum QueryKey {
    /// The whole query, as it was written.
    All,
    /// All but these.
    Except(Vec<String>),
    /// These alone.
    Only(Vec<String>),
}

/// Whose `Cache-Control` is obeyed.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Obeyed {
    /// Of callers who have proven who they are.
    #[default]
    Callers,
    /// Everybody's.
    Everybody,
    /// Nobody's.
    Nobody,
}

/// What becomes of a response with `Set-Cookie`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum SetCookie {
    /// It is kept without its cookies, which only the caller gets whose request brought it.
    Drop,
    /// It is kept with its cookies, for everybody whom it is kept for, where it says itself how long.
    Keep,
    /// It is not kept.
    #[default]
    Refuse,
}
