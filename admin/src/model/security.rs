//! What proves a caller to a version, as believed (W 5.3).

use http::HeaderName;

use super::name::KeyManagerName;

/// What proves a caller to a version.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Security {
    /// Which credentials are taken.
    pub accepts: Accepts,
    /// Whether a client certificate must be shown, whatever else is.
    pub certificate_mandatory: bool,
    /// Whether one of token, password and API key must be shown, whatever certificate was.
    pub application_mandatory: bool,
    /// The field that holds a token or a password.
    pub authorization: HeaderName,
    /// The field that holds an API key; the query parameter has the same name.
    pub api_key: HeaderName,
    /// Whose tokens are taken: the gateway's own and every key manager's, where it names none.
    pub key_managers: Option<Vec<KeyManagerName>>,
    /// DER of the certificates, leaves or authorities, that client certificates are compared with.
    pub certificates: Vec<Vec<u8>>,
    /// Whether the backend gets a signed statement of who calls (W 9).
    pub backend_jwt: bool,
}

/// Which credentials a version takes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Accepts {
    /// An API key.
    pub api_key: bool,
    /// A name and a password.
    pub basic: bool,
    /// A client certificate.
    pub mutual_tls: bool,
    /// An access token.
    pub oauth2: bool,
}
