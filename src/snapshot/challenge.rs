//! What a caller is told who showed no credential, a bad one, or one with too few scopes: written once, at compile time
//! (RFC 9110, 11.6.1; RFC 6750, 3; RFC 7617).
//!
//! The realm is the tenant: users, applications and tokens are one tenant's. It says nothing of what answers.

use std::collections::HashMap;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};

use crate::model::security::{Accepts, Security};

/// What callers of a version are told who could not be let in.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// What would be taken, as the value of `WWW-Authenticate`.
    pub plain: HeaderValue,
    /// The same, to somebody whose token was refused.
    pub invalid_token: HeaderValue,
    /// What would be taken, in words.
    pub advice: Box<str>,
}

/// The challenges of a snapshot, each written once: most versions of a tenant take the same.
#[derive(Default)]
pub(super) struct Challenges(HashMap<Said, Arc<Challenge>>);

/// All that a challenge says: the tenant, what is taken, what is mandatory, and the fields.
type Said = (Box<str>, Accepts, [bool; 2], [HeaderName; 2]);

impl Challenges {
    /// Returns the challenge of a version.
    pub(super) fn of(&mut self, tenant: &str, security: &Security) -> Arc<Challenge> {
        let Security {
            accepts,
            certificate_mandatory,
            application_mandatory,
            authorization,
            api_key,
            key_managers: _,
            certificates: _,
            backend_jwt: _,
        } = security;
        let mandatory = [*certificate_mandatory, *application_mandatory];
        let fields = [authorization.clone(), api_key.clone()];
        let said = (tenant.into(), *accepts, mandatory, fields);
        let challenge = self.0.entry(said);
        Arc::clone(challenge.or_insert_with(|| Arc::new(Challenge::of(tenant, security))))
    }
}

impl Challenge {
    /// Writes what a version of a tenant says.
    fn of(tenant: &str, security: &Security) -> Self {
        let invalid = ", error=\"invalid_token\", error_description=\"The provided token is invalid\"";
        Self {
            plain: value(&schemes(tenant, security, "")),
            invalid_token: value(&schemes(tenant, security, invalid)),
            advice: advice(security).into(),
        }
    }
}

/// Writes what a resource says to a caller without one of its scopes.
pub(super) fn insufficient_scope<'a>(tenant: &str, scopes: impl Iterator<Item = &'a str>) -> HeaderValue {
    let scopes = scopes.collect::<Vec<_>>().join(" ");
    value(&format!(
        "Bearer realm=\"{tenant}\", error=\"insufficient_scope\", \
         error_description=\"The request requires higher privileges than provided\", scope=\"{scopes}\""
    ))
}

/// Lists the schemes that are taken, tokens first. A 401 must name one (RFC 9110, 15.5.2), so keys and certificates,
/// which have no registered scheme, go by their names.
fn schemes(tenant: &str, security: &Security, token_error: &str) -> String {
    let accepts = security.accepts;
    let realm = format!("realm=\"{tenant}\"");
    let all = [
        (accepts.oauth2, format!("Bearer {realm}{token_error}")),
        (accepts.basic, format!("Basic {realm}, charset=\"UTF-8\"")),
        (accepts.api_key, format!("ApiKey {realm}")),
        (!accepts.takes_application(), format!("ClientCertificate {realm}")),
    ];
    let taken = all.into_iter().filter(|(is_taken, _)| *is_taken);
    taken.map(|(_, scheme)| scheme).collect::<Vec<_>>().join(", ")
}

/// Says what would be taken, as W 6.3 does, with the real names of the fields.
fn advice(security: &Security) -> String {
    let accepts = security.accepts;
    let authorization = spelt(&security.authorization);
    let all = [
        (accepts.oauth2, format!("'{authorization} : Bearer ACCESS_TOKEN'")),
        (accepts.basic, format!("'{authorization} : Basic ACCESS_TOKEN'")),
        (accepts.api_key, format!("'{} : API_KEY'", spelt(&security.api_key))),
    ];
    let taken = all.into_iter().filter(|(is_taken, _)| *is_taken);
    let fields = taken.map(|(_, field)| field).collect::<Vec<_>>().join(" or ");
    let certificate = "a client certificate that the API takes";
    if fields.is_empty() {
        return format!("Make sure your API invocation call shows {certificate}");
    }
    let also = if security.certificate_mandatory {
        format!(", and {certificate}")
    } else if accepts.mutual_tls && !security.application_mandatory {
        format!(", or {certificate}")
    } else {
        String::new()
    };
    format!("Make sure your API invocation call has a header: {fields}{also}")
}

/// Spells a field as people do: `X-Api-Key`.
fn spelt(field: &HeaderName) -> String {
    if field.as_str() == "apikey" {
        return "ApiKey".to_owned();
    }
    let mut begins = true;
    let spell = |character: char| {
        let spelt = if begins {
            character.to_ascii_uppercase()
        } else {
            character
        };
        begins = character == '-' || character == '_';
        spelt
    };
    field.as_str().chars().map(spell).collect()
}

/// Tenants, scopes and fields are names of plain ASCII, so this cannot fail; where it did, it would say the least.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("Bearer"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::security::{Accepts, CredentialFields};

    fn security(accepts: Accepts) -> Security {
        Security {
            accepts,
            certificate_mandatory: accepts.mutual_tls && !accepts.takes_application(),
            application_mandatory: !accepts.mutual_tls,
            authorization: None,
            api_key: None,
            key_managers: None,
            certificates: Vec::new(),
            backend_jwt: false,
        }
        .settle(&CredentialFields::default())
    }

    #[test]
    fn a_challenge_names_what_the_version_takes_and_a_refused_token() {
        let challenge = Challenge::of(
            "acme.example",
            &security(Accepts {
                oauth2: true,
                basic: true,
                ..Accepts::default()
            }),
        );
        assert_eq!(
            challenge.plain,
            "Bearer realm=\"acme.example\", Basic realm=\"acme.example\", charset=\"UTF-8\""
        );
        assert_eq!(
            challenge.invalid_token,
            "Bearer realm=\"acme.example\", error=\"invalid_token\", \
             error_description=\"The provided token is invalid\", Basic realm=\"acme.example\", charset=\"UTF-8\""
        );
    }

    #[test]
    fn a_scope_that_is_wanting_is_named() {
        let value = insufficient_scope("carbon.super", ["news_read", "news_write"].into_iter());
        let value = value.to_str().unwrap();
        assert!(value.starts_with("Bearer realm=\"carbon.super\", error=\"insufficient_scope\""));
        assert!(value.ends_with(", scope=\"news_read news_write\""));
    }

    #[test]
    fn advice_names_the_real_fields() {
        let all = Accepts {
            oauth2: true,
            basic: true,
            api_key: true,
            mutual_tls: false,
        };
        assert_eq!(
            advice(&security(all)),
            "Make sure your API invocation call has a header: 'Authorization : Bearer ACCESS_TOKEN' or \
             'Authorization : Basic ACCESS_TOKEN' or 'ApiKey : API_KEY'"
        );
        let renamed = Security {
            api_key: HeaderName::from_static("x-api_key"),
            ..security(Accepts {
                api_key: true,
                mutual_tls: true,
                ..Accepts::default()
            })
        };
        assert_eq!(
            advice(&renamed),
            "Make sure your API invocation call has a header: 'X-Api_Key : API_KEY', or a client certificate that \
             the API takes"
        );
        let certificate = security(Accepts {
            mutual_tls: true,
            ..Accepts::default()
        });
        assert_eq!(
            advice(&certificate),
            "Make sure your API invocation call shows a client certificate that the API takes"
        );
    }
}
