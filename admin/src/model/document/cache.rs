//! The raw shape of what is kept of responses.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::caching::{CacheMode, Obeyed, SetCookie};
use crate::model::method::MethodName;
use crate::model::unit::{Period, Size};

/// What is kept of responses, and for whom. A resource's own table stands in the place of its version's.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    /// Who decides how long: the response (`http`, the default), the timeout (`fixed`), or nobody (`off`).
    pub mode: CacheMode,
    /// How long a response is kept that does not say so itself; with `fixed`, how long each is kept.
    pub timeout: Option<Period>,
    /// Whether callers of protected resources share what is kept; by default each has entries of their own, but for
    /// responses that are marked `public`.
    pub shared: bool,
    /// The largest body that is kept; `"1MiB"` by default.
    pub max_body: Option<Size>,
    /// How many responses are kept in memory at most, of this version or this resource; one that is used least leaves for
    /// a new one. By default, `entries` of the settings bounds them all together.
    pub max_entries: Option<u64>,
    /// The methods that are answered from what is kept; `["GET", "HEAD"]` by default, and no other.
    pub methods: Option<Vec<MethodName>>,
    /// The statuses that are kept; by default those of RFC 9110 section 15.1 (`http`), or 200, 203, 301 and 308 (`fixed`).
    pub statuses: Option<Vec<u16>>,
    /// The parameters of the query that the endpoint gets and that tell entries apart; all by default.
    pub query: Option<Vec<String>>,
    /// The parameters of the query that the endpoint does not get, and that tell nothing apart.
    pub ignore_query: Option<Vec<String>>,
    /// Request fields that the endpoint gets and that tell entries apart, though they would be held back otherwise, such
    /// as `User-Agent`. Fields that are not held back tell entries apart anyway.
    pub headers: Vec<String>,
    /// Request fields that the endpoint gets and that tell nothing apart: it answers alike whatever they say, or names
    /// them in `Vary`.
    pub unkeyed_headers: Vec<String>,
    /// Whether hosts share entries; endpoints are then not told the host that was called. Not by default.
    pub ignore_host: bool,
    /// Whose `Cache-Control` is obeyed: that of `callers` who have proven who they are (the default), of `everybody`, or
    /// of `nobody`.
    pub obeys: Obeyed,
    /// What becomes of responses with `Set-Cookie`: they are not kept (`refuse`, the default), kept without it (`drop`),
    /// or, where they say themselves how long, kept with it (`keep`): whoever is answered from such a response gets the
    /// cookies of the first caller.
    pub set_cookie: SetCookie,
    /// Whether, where the whole is not kept, endpoints are asked for the one range that a request wants, and each is kept
    /// by itself: for large files. Not by default: the whole is fetched, and ranges are cut from it.
    pub parts: bool,
    /// Whether the answer to a POST is kept for GET where it says how long it is fresh and, by `Content-Location`, that it
    /// is what GET would get. Not by default: what callers send shapes it.
    pub posts: bool,
}
