//! Where the answer to an authorization request goes, and how it is written there.

use std::net::IpAddr;

use crate::oauth::error::ErrorCode;
use crate::oauth::form;
use crate::registry::key_pair::Client;

/// Where the answer goes.
#[derive(Clone, Debug)]
pub struct Return {
    /// The redirection URI, exactly as the client registered or, on the loopback interface, asked for it.
    pub uri: String,
    /// What the client wants back unchanged.
    pub state: Option<String>,
}

impl Return {
    /// Writes the answer with a code; the issuer stands in it so that no other server's is taken for ours (RFC 9207).
    pub fn code(&self, issuer: &str, code: &str) -> String {
        self.write(&[("code", code), ("iss", issuer)])
    }

    /// Writes the answer with an error.
    pub fn error(&self, issuer: &str, code: ErrorCode, description: &str) -> String {
        self.write(&[
            ("error", code.as_str()),
            ("error_description", description),
            ("iss", issuer),
        ])
    }

    /// Returns what a form that leads there must be allowed to lead to, as a source of a content security policy.
    pub fn source(&self) -> String {
        let (scheme, rest) = self.uri.split_once(':').unwrap_or_default();
        let authority = rest.strip_prefix("//").unwrap_or_default();
        let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
        let is_plain = |text: &str| {
            text.chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':'))
        };
        // A policy cannot name an IPv6 address, and an application's own scheme has no host.
        if matches!(scheme, "http" | "https") && !authority.is_empty() && is_plain(authority) {
            return format!("{scheme}://{authority}");
        }
        let is_scheme = scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+'));
        if is_scheme { format!("{scheme}:") } else { String::new() }
    }

    fn write(&self, pairs: &[(&str, &str)]) -> String {
        let state = self.state.as_deref().map(|state| ("state", state));
        let query = form::encode(pairs.iter().copied().chain(state));
        let joint = if self.uri.contains('?') { '&' } else { '?' };
        format!("{}{joint}{query}", self.uri)
    }
}

/// Tells whether answers to a client may go somewhere: to what it registered, byte by byte. Only the port of a native
/// client on the loopback interface is its own to choose (RFC 8252, 7.3).
pub(super) fn is_registered(client: &Client, uri: &str) -> bool {
    if !is_safe(uri) {
        return false;
    }
    client.redirect_uris.iter().any(|registered| {
        let own_port = || Some(without_port(registered)? == without_port(uri)?);
        registered == uri || (client.proof.is_public && own_port() == Some(true))
    })
}

/// Tells whether a browser that is sent there goes somewhere rather than runs something.
fn is_safe(uri: &str) -> bool {
    let Some((scheme, _)) = uri.split_once(':') else {
        return false;
    };
    let runs = ["about", "blob", "data", "file", "javascript", "vbscript", "view-source"];
    let is_text = uri
        .chars()
        .all(|c| c.is_ascii_graphic() && !matches!(c, '#' | '"' | '<' | '>' | '\\'));
    is_text && uri.len() <= 2_048 && !runs.contains(&scheme.to_ascii_lowercase().as_str())
}

/// Leaves the port out of `http://127.0.0.1:1234/path`; `None` for what is not on the loopback interface.
fn without_port(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let host_end = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, port) = authority.split_at_checked(host_end)?;
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    let address: IpAddr = host.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
    (is_port && address.is_loopback()).then_some((host, path))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::name::{TenantName, TierName};
    use crate::registry::application::{Application, ApplicationId, TokenType};
    use crate::registry::key_pair::{ClientProof, KeyType};
    use crate::registry::token::Digest;
    use crate::registry::user::UserName;

    fn client(registered: &[&str], is_public: bool) -> Client {
        let owner = UserName {
            tenant: TenantName::root(),
            name: "owner".to_owned(),
        };
        Client {
            consumer_key: "key".to_owned(),
            secret: Digest([0; 32]),
            key_type: KeyType::Production,
            grants: Vec::new(),
            redirect_uris: registered.iter().map(|uri| (*uri).to_owned()).collect(),
            proof: ClientProof {
                is_public,
                ..ClientProof::default()
            },
            application: Arc::new(Application {
                id: ApplicationId(1),
                uuid: String::new(),
                name: String::new(),
                owner,
                tier: TierName::parse("Unlimited").unwrap(),
                token_type: TokenType::Jwt,
            }),
        }
    }

    #[test]
    fn an_answer_goes_where_the_client_registered_byte_by_byte() {
        let client = client(&["https://a.example/back?x=1", "com.example.app:/back"], false);
        assert!(
            is_registered(&client, "https://a.example/back?x=1") && is_registered(&client, "com.example.app:/back")
        );
        for bad in [
            "https://a.example/back",
            "https://a.example/back?x=1&y",
            "https://A.example/back?x=1",
            "https://a.example:443/back?x=1",
            "https://a.example/./back?x=1",
            "https://a.example.evil/back?x=1",
            "http://a.example/back?x=1",
            "",
        ] {
            assert!(!is_registered(&client, bad), "{bad}");
        }
    }

    #[test]
    fn a_native_client_chooses_its_port_on_the_loopback_interface_alone() {
        let registered = [
            "http://127.0.0.1/back",
            "http://[::1]:1/back",
            "http://localhost/back",
            "http://10.0.0.1/back",
        ];
        let native = client(&registered, true);
        for good in [
            "http://127.0.0.1:5000/back",
            "http://127.0.0.1/back",
            "http://[::1]:5000/back",
            "http://[::1]/back",
        ] {
            assert!(is_registered(&native, good), "{good}");
            assert_eq!(
                is_registered(&client(&registered, false), good),
                registered.contains(&good)
            );
        }
        for bad in [
            "http://127.0.0.1:5000/other",
            "http://127.0.0.2:5000/back",
            "http://127.0.0.1:x/back",
            "http://127.0.0.1:70000/back",
            "http://127.0.0.1:1@evil.example/back",
            "http://user@127.0.0.1:1/back",
            "https://127.0.0.1:5000/back",
            "http://localhost:5000/back",
            "http://10.0.0.1:5000/back",
            "http://127.0.0.1.evil.example/back",
        ] {
            assert!(!is_registered(&native, bad), "{bad}");
        }
    }

    #[test]
    fn what_runs_in_a_browser_is_nowhere_to_go() {
        for bad in [
            "javascript:alert(1)",
            "JavaScript:x",
            "data:text/html,x",
            "https://a.example/#x",
            "https://a/\r\nx",
        ] {
            assert!(!is_registered(&client(&[bad], false), bad), "{bad}");
        }
    }

    #[test]
    fn an_answer_is_added_to_the_query() {
        let back = |uri: &str| Return {
            uri: uri.to_owned(),
            state: Some("a&b".to_owned()),
        };
        let issuer = "https://i";
        assert_eq!(
            back("https://a/b?x=1").code(issuer, "c"),
            "https://a/b?x=1&code=c&iss=https%3A%2F%2Fi&state=a%26b"
        );
        assert!(
            back("https://a/b")
                .error(issuer, ErrorCode::LoginRequired, "no")
                .starts_with("https://a/b?error=login%5Frequired&")
        );
    }

    #[test]
    fn a_policy_names_where_a_form_may_lead() {
        let source = |uri: &str| {
            Return {
                uri: uri.to_owned(),
                state: None,
            }
            .source()
        };
        assert_eq!(source("https://a.example:8443/b?c"), "https://a.example:8443");
        assert_eq!(source("http://[::1]:1/b"), "http:");
        assert_eq!(source("com.example.app:/back"), "com.example.app:");
        assert_eq!(source("https://a;script-src/b"), "https:");
    }
}
