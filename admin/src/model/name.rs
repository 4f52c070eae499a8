//! Names given by people: one grammar, one parse, one Display each.
//!
//! The grammars are the table in the middle of this file. They are narrow on purpose: what ends up in a path never
//! needs percent-encoding, so that a name looks the same wherever it is written.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// Why a text is not a name.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{text}` is not {noun}: {grammar}")]
pub struct NameError {
    noun: &'static str,
    text: String,
    grammar: &'static str,
    near: Option<String>,
}

impl NameError {
    /// Says what would fix it, where a small change makes it a name.
    pub fn fix(&self) -> Option<String> {
        self.near.as_ref().map(|near| format!("write `{near}`"))
    }
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident: $noun:literal, $grammar:literal, $accepts:expr, $mend:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Makes a text a name.
            ///
            /// # Errors
            ///
            /// Returns the grammar that the text does not follow.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                let accepts: fn(&str) -> bool = $accepts;
                if accepts(text) {
                    return Ok(Self(text.into()));
                }
                let mend: fn(&str) -> String = $mend;
                let near = Some(mend(text)).filter(|near| accepts(near));
                Err(NameError { noun: $noun, text: text.to_owned(), grammar: $grammar, near })
            }

            /// Returns it as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

names! {
    /// The name of an Api.
    ApiName: "an API name", "1 to 160 printable characters, the first and the last no space", is_label, trimmed;
    /// The path prefix that names an Api inside its tenant: absolute, no trailing slash, may hold `{version}`.
    Context: "a context", "a path that begins with `/` and does not end with one, of letters, digits, `-`, `.`, `_`, \
        `~` and at most one `{version}`, and not below `/t`, `/oauth2`, `/token`, `/revoke` or `/.well-known`",
        is_context, slashed;
    /// The name of a group of a tier.
    GroupName: "a group name", "1 to 64 letters, digits, `-`, `.`, `_` and `~`, but not `.` or `..`", is_version, trimmed;
    /// A hostname, in lower case, without a port.
    HostName: "a hostname", "a DNS name in lower case or an IP address, without a port", is_host, lowered;
    /// The name of a key manager.
    KeyManagerName: "a key manager name", "1 to 160 printable characters, the first and the last no space",
        is_label, trimmed;
    /// The name of a counting rule.
    RuleName: "a rule name", "1 to 160 printable characters, the first and the last no space", is_label, trimmed;
    /// The key of a scope, as tokens carry it.
    ScopeName: "a scope key", "1 to 160 printable ASCII characters without spaces, `\"` and `\\`", is_scope, trimmed;
    /// The domain of a tenant, in lower case.
    TenantName: "a tenant domain", "a DNS name in lower case", is_domain, lowered;
    /// The name of a tier.
    TierName: "a tier name", "1 to 160 printable characters, the first and the last no space", is_label, trimmed;
    /// The label of a version: one path segment of unreserved characters.
    VersionName: "a version", "1 to 64 letters, digits, `-`, `.`, `_` and `~`, but not `.` or `..`",
        is_version, trimmed;
}

impl TenantName {
    /// Returns the tenant that is always there and owns what names no other.
    pub fn root() -> Self {
        Self(ROOT_TENANT.into())
    }
}

impl ScopeName {
    /// Tells whether it is one of the gateway's own, which no catalog states.
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with("tollgate:")
    }
}

impl Context {
    /// Returns the path of a version below it: `/youtube/3.0`.
    pub fn full(&self, version: &VersionName) -> String {
        if self.0.contains(PLACEHOLDER) {
            self.0.replace(PLACEHOLDER, version.as_str())
        } else {
            format!("{self}/{version}")
        }
    }

    /// Returns the path of the default version: the context without the segment that holds the version. A context
    /// of that segment alone has none.
    pub fn bare(&self) -> Option<String> {
        let kept: Vec<_> = self
            .0
            .split('/')
            .filter(|segment| !segment.contains(PLACEHOLDER))
            .collect();
        Some(kept.join("/")).filter(|bare| !bare.is_empty())
    }
}

/// Tells whether the gateway answers below a path itself, so that no Api can.
pub(super) fn is_reserved(path: &str) -> bool {
    let first = path.split('/').nth(1).unwrap_or_default();
    RESERVED.contains(&first)
}

fn is_label(text: &str) -> bool {
    (1..=160).contains(&text.chars().count()) && text.trim() == text && !text.contains(char::is_control)
}

fn is_context(text: &str) -> bool {
    let is_segment = |segment: &str| {
        let literal = segment.replacen(PLACEHOLDER, "", 1);
        !segment.is_empty() && !is_dots(segment) && literal.chars().all(is_unreserved)
    };
    let one_version = text.matches(PLACEHOLDER).count() <= 1;
    let Some(segments) = text.strip_prefix('/') else {
        return false;
    };
    let bare_is_free = text
        .split('/')
        .filter(|s| !s.contains(PLACEHOLDER))
        .nth(1)
        .is_none_or(|s| !RESERVED.contains(&s));
    text.len() <= 512 && one_version && segments.split('/').all(is_segment) && bare_is_free
}

fn is_host(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok() || is_domain(text)
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

fn is_scope(text: &str) -> bool {
    // RFC 6749, 3.3.
    (1..=160).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic() && c != '"' && c != '\\')
}

fn is_version(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(is_unreserved) && !is_dots(text)
}

/// Tells the characters that mean themselves in a path (RFC 3986, 2.3).
fn is_unreserved(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '.' | '_' | '~')
}

fn is_dots(segment: &str) -> bool {
    matches!(segment, "." | "..")
}

fn trimmed(text: &str) -> String {
    text.trim().to_owned()
}

fn lowered(text: &str) -> String {
    text.trim().trim_end_matches('.').to_lowercase()
}

fn slashed(text: &str) -> String {
    format!("/{}", text.trim().trim_matches('/'))
}

const PLACEHOLDER: &str = "{version}";

/// First segments that are the gateway's own.
const RESERVED: [&str; 5] = ["t", "oauth2", "token", "revoke", ".well-known"];

/// The tenant of everything that names no other.
pub const ROOT_TENANT: &str = "carbon.super";

#[cfg(test)]
mod tests {
    use super::*;

    fn context(text: &str) -> Context {
        Context::parse(text).unwrap()
    }

    #[test]
    fn a_version_is_one_segment_that_needs_no_encoding() {
        for good in [
            "3.0",
            "v1",
            "1.0.0-beta~2",
            "2024_01",
            "...",
            "{v}".trim_matches(['{', '}']),
        ] {
            assert!(VersionName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "1/2",
            "1 0",
            "1%2e",
            "ü",
            "v;1",
            "{version}",
            &"1".repeat(65),
        ] {
            assert!(VersionName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_context_is_an_absolute_path_of_plain_segments() {
        for good in [
            "/a",
            "/a/b.c",
            "/{version}",
            "/{version}/a",
            "/a/v{version}",
            "/a/{version}/b",
            "/a/t",
            "/T",
        ] {
            assert!(Context::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/",
            "a",
            "/a/",
            "//a",
            "/a//b",
            "/./a",
            "/a/..",
            "/a b",
            "/a%20b",
            "/{version}/{version}",
            "/{v}",
            "/a/{version",
            "/é",
            "/a?b",
            "/a*",
        ] {
            assert!(Context::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_gateways_own_paths_are_no_context() {
        for bad in [
            "/t",
            "/t/a",
            "/oauth2",
            "/token/x",
            "/revoke",
            "/.well-known/a",
            "/{version}/token",
            "/v{version}/t/a",
        ] {
            assert!(Context::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_context_gives_the_paths_of_its_versions() {
        let version = VersionName::parse("3.0").unwrap();
        for (text, full, bare) in [
            ("/youtube", "/youtube/3.0", Some("/youtube")),
            ("/{version}/pizza", "/3.0/pizza", Some("/pizza")),
            ("/a/v{version}/b", "/a/v3.0/b", Some("/a/b")),
            ("/{version}", "/3.0", None),
        ] {
            assert_eq!(context(text).full(&version), full);
            assert_eq!(context(text).bare().as_deref(), bare);
        }
    }

    #[test]
    fn hostnames_are_lower_case_names_or_addresses_without_a_port() {
        for good in [
            "api.acme.example",
            "localhost",
            "10.0.0.1",
            "::1",
            "xn--bcher-kva.example",
            "a-b",
        ] {
            assert!(HostName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "API.example",
            "a:80",
            "-a",
            "a-",
            "a..b",
            "a.",
            "*.a",
            "a_b",
            "[::1]",
            "a b",
        ] {
            assert!(HostName::parse(bad).is_err(), "{bad}");
        }
        assert!(TenantName::parse("carbon.super").is_ok() && TenantName::parse("::1").is_err());
        assert_eq!(TenantName::root(), TenantName::parse(ROOT_TENANT).unwrap());
    }

    #[test]
    fn names_for_people_are_printable() {
        assert!(ApiName::parse("Größe & Co. (v2)").is_ok());
        for bad in ["", " a", "a ", "a\tb", "a\u{7f}", &"x".repeat(161)] {
            assert!(ApiName::parse(bad).is_err() && TierName::parse(bad).is_err(), "{bad:?}");
        }
        assert!(ScopeName::parse("video:write").is_ok() && ScopeName::parse("a b").is_err());
    }

    #[test]
    fn an_error_names_the_thing_its_grammar_and_a_mend() {
        let error = HostName::parse("API.Example.").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`API.Example.` is not a hostname: a DNS name in lower case or an IP address, without a port"
        );
        assert_eq!(error.fix().as_deref(), Some("write `api.example`"));
        assert_eq!(
            Context::parse("a/b/").unwrap_err().fix().as_deref(),
            Some("write `/a/b`")
        );
        assert_eq!(Context::parse("/a b").unwrap_err().fix(), None);
    }
}
