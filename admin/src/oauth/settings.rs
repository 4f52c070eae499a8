//! What the server was told at start: its own name, and how long things live.

/// Settings of the token endpoint.
#[derive(Clone, Debug)]
pub struct OauthSettings {
    /// The issuer, also the URL below which the endpoints are: `https://api.example`, without a slash at its end.
    pub issuer: String,
    /// How long things live.
    pub lifetimes: Lifetimes,
}

/// How long things live, in seconds (W 7.4).
#[derive(Clone, Debug)]
pub struct Lifetimes {
    /// Access tokens.
    pub access: u64,
    /// Authorization codes; RFC 6749 allows ten minutes, and one is enough.
    pub code: u64,
    /// Id tokens.
    pub id_token: u64,
    /// Refresh tokens, counted again with each use.
    pub refresh: u64,
    /// Somebody's being signed in.
    pub session: u64,
    /// Somebody's being signed in at the console without doing anything there.
    pub idle: u64,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            access: 3_600,
            code: 60,
            id_token: 3_600,
            refresh: 86_400,
            session: 8 * 3_600,
            idle: 1_800,
        }
    }
}

impl OauthSettings {
    /// Makes settings with the default lifetimes.
    pub fn of(issuer: &str) -> Self {
        Self {
            issuer: issuer.trim_end_matches('/').to_owned(),
            lifetimes: Lifetimes::default(),
        }
    }

    /// Returns the URL of an endpoint, given its path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    /// Tells whether an audience is this server: the issuer, or the token endpoint by either of its paths.
    pub fn is_audience(&self, audience: &str) -> bool {
        audience == self.issuer
            || ["/oauth2/token", "/token"]
                .iter()
                .any(|path| audience == self.url(path))
    }
}
