//! What proves a caller to a version, as believed (W 5.3).

use http::HeaderName;
use http::header::AUTHORIZATION;
use thiserror::Error;

use super::name::KeyManagerName;

/// What proves a caller to a version. `Field` is a name that is settled, or one that may be left to the server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Security<Field = HeaderName> {
    /// Which credentials are taken.
    pub accepts: Accepts,
    /// Whether a client certificate must be shown, whatever else is.
    pub certificate_mandatory: bool,
    /// Whether one of token, password and API key must be shown, whatever certificate was.
    pub application_mandatory: bool,
    /// The field that holds a token or a password.
    pub authorization: Field,
    /// The field that holds an API key; the query parameter has the same name.
    pub api_key: Field,
    /// Whose tokens are taken: the gateway's own and every key manager's, where it names none. `Resident` is the
    /// gateway itself.
    pub key_managers: Option<Vec<KeyManagerName>>,
    /// DER of the certificates, leaves or authorities, that client certificates are compared with.
    pub certificates: Vec<Vec<u8>>,
    /// Whether the backend gets a signed statement of who calls (W 9).
    pub backend_jwt: bool,
}

impl Security<Option<HeaderName>> {
    /// Settles the fields that neither the version nor its tenant names.
    pub fn settle(&self, server: &CredentialFields) -> Security {
        Security {
            accepts: self.accepts,
            certificate_mandatory: self.certificate_mandatory,
            application_mandatory: self.application_mandatory,
            authorization: self.authorization.as_ref().unwrap_or(&server.authorization).clone(),
            api_key: self.api_key.as_ref().unwrap_or(&server.api_key).clone(),
            key_managers: self.key_managers.clone(),
            certificates: self.certificates.clone(),
            backend_jwt: self.backend_jwt,
        }
    }
}

/// Which credentials a version takes.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
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

impl Accepts {
    /// Tells whether a token, a password or an API key is taken.
    pub fn takes_application(self) -> bool {
        self.api_key || self.basic || self.oauth2
    }

    /// Tells whether something is taken that stands in the field for tokens and passwords.
    pub fn takes_authorization(self) -> bool {
        self.basic || self.oauth2
    }
}

/// The fields that say who calls: on this server, and where neither a version nor its tenant says otherwise.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CredentialFields {
    /// The field that holds a token or a password.
    pub authorization: HeaderName,
    /// The field that holds an API key.
    pub api_key: HeaderName,
    /// The field in which trusted proxies put the caller's certificate, if they do.
    pub certificate: Option<HeaderName>,
    /// The field in which backends are told who calls (W 9).
    pub assertion: HeaderName,
}

impl Default for CredentialFields {
    fn default() -> Self {
        Self {
            authorization: AUTHORIZATION,
            api_key: HeaderName::from_static("apikey"),
            certificate: None,
            assertion: HeaderName::from_static("x-jwt-assertion"),
        }
    }
}

/// Why a text does not name a field that can hold credentials.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum CredentialFieldError {
    /// It is no plain name of a header field.
    #[error("`{0}` is no header field of letters, digits, `-` and `_`")]
    NotAField(String),
    /// The field means something else, and would be taken from what the backend gets.
    #[error("the field `{0}` means something else, and cannot hold credentials")]
    Reserved(String),
}

/// Makes a text the name of a field that can hold credentials.
///
/// What such a field holds is taken out of the request, so it must be one that nobody else reads. Its name also goes
/// into fault bodies, so it holds nothing that any of their formats would read as markup.
///
/// # Errors
///
/// Returns why the text does not name such a field.
pub fn credential_field(text: &str) -> Result<HeaderName, CredentialFieldError> {
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let field = HeaderName::from_bytes(text.as_bytes()).ok();
    let Some(field) = field.filter(|_| is_plain && text.len() <= LONGEST) else {
        return Err(CredentialFieldError::NotAField(text.to_owned()));
    };
    // An underscore is a hyphen to many a backend (RFC 3875, 4.1.18).
    let name = field.as_str().replace('_', "-");
    let begins = |start: &&str| name.starts_with(*start);
    if RESERVED.contains(&name.as_str()) || RESERVED_STARTS.iter().any(begins) {
        return Err(CredentialFieldError::Reserved(text.to_owned()));
    }
    Ok(field)
}

const LONGEST: usize = 64;

/// Fields of one hop, of framing, of routing, and others that a request cannot lose without meaning another one.
const RESERVED: [&str; 27] = [
    "age",
    "cache-control",
    "client-cert",
    "client-cert-chain",
    "connection",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "from",
    "host",
    "keep-alive",
    "max-forwards",
    "origin",
    "pragma",
    "range",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "via",
    "x-jwt-assertion",
    "x-real-ip",
    "x-request-id",
];

const RESERVED_STARTS: [&str; 9] = [
    "accept",
    "access-control-",
    "content-",
    "grpc-",
    "if-",
    "proxy-",
    "sec-",
    "x-forwarded-",
    "x-http-method",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_stand_in_a_field_that_means_nothing_else() {
        for good in ["Authorization", "apikey", "X-API-Key", "X_Auth", "Token"] {
            assert!(credential_field(good).is_ok(), "{good}");
        }
        for reserved in [
            "Host",
            "content-length",
            "Content_Length",
            "Transfer-Encoding",
            "Connection",
            "TE",
            "Proxy-Authorization",
            "Cookie",
            "X-Forwarded-For",
            "X-JWT-Assertion",
            "Sec-WebSocket-Key",
        ] {
            let error = credential_field(reserved);
            assert_eq!(error, Err(CredentialFieldError::Reserved(reserved.to_owned())));
        }
        for bad in ["", "a b", "a:b", "a&b", "a'b", "é", &"x".repeat(65)] {
            assert_eq!(
                credential_field(bad),
                Err(CredentialFieldError::NotAField(bad.to_owned()))
            );
        }
    }

    #[test]
    fn a_version_beats_the_server() {
        let stated = Security {
            accepts: Accepts::default(),
            certificate_mandatory: false,
            application_mandatory: true,
            authorization: Some(HeaderName::from_static("x-auth")),
            api_key: None,
            key_managers: None,
            certificates: Vec::new(),
            backend_jwt: false,
        };
        let settled = stated.settle(&CredentialFields::default());
        assert_eq!(
            (settled.authorization.as_str(), settled.api_key.as_str()),
            ("x-auth", "apikey")
        );
    }
}
