//! What a refusal says of the version that was called: its names in the description, its schemes in the challenge.

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue, StatusCode};

use crate::denial::{Denial, Fault};
use crate::snapshot::{Route, Version};

/// What was called, as far as the request got.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Called<'a> {
    pub(super) version: Option<&'a Version>,
    pub(super) route: Option<&'a Route>,
}

impl<'a> Called<'a> {
    /// Describes a denial, with the names that W puts there (W 6.1, 6.3).
    pub(super) fn describe(&self, denial: Denial, fault: &Fault, next_access: Option<&str>) -> Cow<'a, str> {
        if let Some(next) = next_access {
            return Cow::Owned(format!("{} .You can access API after {next}", fault.description));
        }
        let names_api = matches!(denial, Denial::MissingScope | Denial::WrongTokenType);
        match self.version {
            Some(version) if denial == Denial::MissingCredentials => Cow::Borrowed(&version.challenge.advice),
            Some(version) if names_api => {
                let (context, label) = (&version.context, &version.version);
                let (code, message) = (fault.code, fault.message);
                Cow::Owned(format!(
                    "Access failure for API: {context}, version: {label} status: ({code}) - {message}"
                ))
            }
            _ => Cow::Borrowed(fault.description),
        }
    }

    /// Returns the value of `WWW-Authenticate`, where there must be one: with every 401 (RFC 9110, 15.5.2), and where
    /// a scope is wanting (RFC 6750, 3.1).
    pub(super) fn challenge(&self, denial: Denial, status: StatusCode, headers: &HeaderMap) -> Option<HeaderValue> {
        if denial == Denial::MissingScope {
            return self.route.and_then(|route| route.challenge.clone());
        }
        if status != StatusCode::UNAUTHORIZED {
            return None;
        }
        let Some(version) = self.version else {
            return Some(HeaderValue::from_static("Bearer"));
        };
        let is_refused_token = denial != Denial::MissingCredentials && shows_token(version, headers);
        let challenge = &version.challenge;
        Some(if is_refused_token {
            challenge.invalid_token.clone()
        } else {
            challenge.plain.clone()
        })
    }
}

fn shows_token(version: &Version, headers: &HeaderMap) -> bool {
    let shown = headers.get_all(&version.security.authorization).iter();
    let mut shown = shown.filter_map(|value| value.as_bytes().get(..BEARER.len()));
    shown.any(|scheme| scheme.eq_ignore_ascii_case(BEARER))
}

const BEARER: &[u8] = b"bearer ";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::catalog::Catalog;
    use crate::model::source::{NoReferences, Source};
    use crate::snapshot::{Found, Snapshot, compile};

    const NEWS: &str = "name = \"News\"\ncontext = \"/news\"\nscopes = [{ key = \"write\" }, { key = \"read\" }]\n\
        [[versions]]\nversion = \"1.0\"\nstate = \"published\"\nauthorization_header = \"X-Auth\"\n\
        endpoints = { production = \"http://a\" }\n\
        resources = [{ path = \"/a\", methods = [\"GET\"], scopes = [\"write\", \"read\"] }]\n";

    fn snapshot() -> Snapshot {
        let source = Source {
            name: "news.toml".into(),
            text: NEWS.into(),
        };
        compile(1, &Catalog::believe(&[source], &NoReferences).unwrap()).unwrap()
    }

    /// Returns description and challenge of a denial, for a request with this token.
    fn said(denial: Denial, token: &str) -> (String, Option<String>) {
        let snapshot = snapshot();
        let place = snapshot.find_place("any.test", "/news/1.0/a").unwrap();
        let crate::snapshot::Mount::Named(version) = place.mount else {
            panic!("{place:?}")
        };
        let method = Some(crate::model::method::MethodName::Get);
        let Found::Route(route) = snapshot.find_route(version, &["a"], method) else {
            panic!("not found")
        };
        let called = Called {
            version: Some(snapshot.version(version)),
            route: Some(snapshot.route(route)),
        };
        let mut headers = HeaderMap::new();
        headers.insert("x-auth", token.parse().unwrap());
        let fault = denial.fault();
        let challenge = called.challenge(denial, fault.status, &headers);
        (
            called.describe(denial, &fault, None).into_owned(),
            challenge.map(|value| value.to_str().unwrap().to_owned()),
        )
    }

    #[test]
    fn a_wanting_scope_is_named_with_the_api() {
        let (description, challenge) = said(Denial::MissingScope, "Bearer x");
        assert_eq!(
            description,
            "Access failure for API: /news/1.0, version: 1.0 status: (900910) - The access token does not allow you \
             to access the requested resource"
        );
        assert!(challenge.unwrap().ends_with("scope=\"write read\""));
    }

    #[test]
    fn a_refused_token_is_called_invalid_and_a_missing_one_is_not() {
        let invalid = |denial, token| said(denial, token).1.unwrap().contains("error=\"invalid_token\"");
        for denial in [
            Denial::InvalidCredentials,
            Denial::SubscriptionBlocked,
            Denial::SubscriptionInactive,
            Denial::WrongTokenType,
        ] {
            assert!(invalid(denial, "bEARER x"), "{denial:?}");
        }
        assert!(!invalid(Denial::MissingCredentials, "Bearer x"));
        assert!(!invalid(Denial::InvalidCredentials, "Basic x"));
    }

    #[test]
    fn who_may_come_again_is_told_when() {
        let denial = Denial::Throttled(crate::denial::Reach::Api, Some(1));
        let called = Called::default();
        assert_eq!(
            called.describe(denial, &denial.fault(), Some("then")),
            "You have exceeded your quota .You can access API after then"
        );
    }

    #[test]
    fn only_what_credentials_could_change_has_a_challenge() {
        for denial in [Denial::NotSubscribed, Denial::RestrictedKey, Denial::UnknownApi] {
            assert_eq!(said(denial, "Bearer x").1, None, "{denial:?}");
        }
        let nothing = Called::default();
        let status = StatusCode::UNAUTHORIZED;
        assert!(
            nothing
                .challenge(Denial::InvalidCredentials, status, &HeaderMap::new())
                .is_some()
        );
    }
}
