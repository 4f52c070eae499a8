//! What proves a caller to a version: the words of `security` and the keys that go with them (W 5.3).

use http::HeaderName;

use super::known::Known;
use super::page::{Spot, unrepeated};
use super::pem::{Beside, Pem};
use crate::model::document::{SecurityName, Version};
use crate::model::name::{KeyManagerName, TenantName};
use crate::model::security::{Accepts, Security, credential_field};
use crate::model::source::References;
use crate::model::violation::Violation;

/// Believes what proves a caller to a version.
pub(super) fn believe(
    spot: &Spot<'_>,
    stated: &Version,
    (known, tenant, references): (&Known<'_>, Option<&TenantName>, &dyn References),
    found: &mut Vec<Violation>,
) -> Security<Option<HeaderName>> {
    let says = |name| stated.security.contains(&name);
    let accepts = accepts(&stated.security);
    check_words(spot, &stated.security, accepts, found);
    if !spot.lost("security") {
        check_idle(spot, stated, accepts, found);
    }
    let (authorization, api_key) = fields(spot, stated, (known, tenant, accepts), found);
    Security {
        accepts,
        certificate_mandatory: says(SecurityName::MutualTlsMandatory) || !accepts.takes_application(),
        application_mandatory: says(SecurityName::Oauth2BasicApiKeyMandatory) || !accepts.mutual_tls,
        authorization,
        api_key,
        key_managers: key_managers(spot, stated, (known, tenant), found),
        certificates: certificates(spot, stated, (accepts, references), found),
        backend_jwt: stated.backend_jwt,
    }
}

/// Tells which credentials the words of a version take.
pub(super) fn accepts(words: &[SecurityName]) -> Accepts {
    Accepts {
        api_key: words.contains(&SecurityName::ApiKey),
        basic: words.contains(&SecurityName::Basic),
        mutual_tls: words.contains(&SecurityName::MutualTls) || words.contains(&SecurityName::MutualTlsMandatory),
        oauth2: words.contains(&SecurityName::Oauth2),
    }
}

fn check_words(spot: &Spot<'_>, words: &[SecurityName], accepts: Accepts, found: &mut Vec<Violation>) {
    let list = spot.key("security");
    unrepeated(&list, words, found);
    if spot.lost("security") {
        return;
    }
    if words.is_empty() {
        let violation = list.blame("a version without security could let nobody in");
        found.push(
            violation.fix("remove `security`, and write `auth = \"none\"` on the resources that are open to everybody"),
        );
        return;
    }
    let mandatory = SecurityName::Oauth2BasicApiKeyMandatory;
    let at = words.iter().position(|word| *word == mandatory);
    if let Some(index) = at.filter(|_| !accepts.takes_application()) {
        let violation = list.element(index).blame(
            "`oauth2_basic_api_key_mandatory` demands a token, a password or an API key, and the version takes none",
        );
        found.push(violation.fix("add `oauth2`, `basic` or `api_key`, or remove the word"));
    }
}

/// Blames keys that do nothing with the credentials that are taken.
fn check_idle(spot: &Spot<'_>, stated: &Version, accepts: Accepts, found: &mut Vec<Violation>) {
    for (key, is_used, word) in [
        (
            "authorization_header",
            accepts.takes_authorization(),
            "`oauth2` or `basic`",
        ),
        ("api_key_header", accepts.api_key, "`api_key`"),
        ("key_managers", accepts.oauth2, "`oauth2`"),
        ("client_certificates", accepts.mutual_tls, "`mutual_tls`"),
    ] {
        if spot.states(key) && !is_used {
            let violation = spot
                .key(key)
                .blame(format!("`{key}` does nothing without {word} in `security`"));
            found.push(violation.fix(format!("add {word} to `security`, or remove `{key}`")));
        }
    }
    if accepts.mutual_tls && stated.client_certificates.texts.is_empty() && !spot.lost("client_certificates") {
        let violation = spot
            .key("security")
            .blame("`mutual_tls` needs the certificates that are taken, and none is stated");
        found.push(violation.fix("add `client_certificates = [\"file:ca.pem\"]`"));
    }
}

/// Returns the fields that hold credentials: the version's own, else the tenant's; the server's where both are silent.
fn fields(
    spot: &Spot<'_>,
    stated: &Version,
    (known, tenant, accepts): (&Known<'_>, Option<&TenantName>, Accepts),
    found: &mut Vec<Violation>,
) -> (Option<HeaderName>, Option<HeaderName>) {
    let tenant = tenant.and_then(|tenant| known.stated_tenant(tenant));
    let own = |key, stated: &Option<String>, found: &mut Vec<Violation>| {
        let text = stated.as_deref()?;
        field(&spot.key(key), text, found)
    };
    let authorization = own("authorization_header", &stated.authorization_header, found);
    let api_key = own("api_key_header", &stated.api_key_header, found);
    let is_own = authorization.is_some() || api_key.is_some();
    let authorization = authorization.or_else(|| tenant?.authorization.clone());
    let api_key = api_key.or_else(|| tenant?.api_key.clone());
    let both = accepts.takes_authorization() && accepts.api_key;
    if both && is_own && authorization.is_some() && authorization == api_key {
        let key = if stated.api_key_header.is_some() {
            "api_key_header"
        } else {
            "authorization_header"
        };
        found.push(clash(&spot.key(key)));
    }
    (authorization, api_key)
}

/// Makes a text the name of a field that holds credentials, or blames it.
pub(super) fn field(at: &Spot<'_>, text: &str, found: &mut Vec<Violation>) -> Option<HeaderName> {
    credential_field(text)
        .map_err(|error| {
            found.push(
                at.blame(error.to_string())
                    .fix("write a name such as `X-Authorization`"),
            )
        })
        .ok()
}

/// Blames a field that would hold two kinds of credentials.
pub(super) fn clash(at: &Spot<'_>) -> Violation {
    at.blame("tokens and API keys cannot stand in the same field")
        .fix("write another name")
}

fn key_managers(
    spot: &Spot<'_>,
    stated: &Version,
    (known, tenant): (&Known<'_>, Option<&TenantName>),
    found: &mut Vec<Violation>,
) -> Option<Vec<KeyManagerName>> {
    let names = stated.key_managers.as_ref()?;
    let list = spot.key("key_managers");
    unrepeated(&list, names, found);
    if names.is_empty() && !spot.lost("key_managers") {
        let violation = list.blame("nobody's tokens would be taken");
        found.push(violation.fix("name a key manager, or remove `key_managers` to take those of all"));
    }
    let mut taken = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        if let Some(tenant) = tenant {
            known.key_manager(&list.element(index), tenant, name, found);
        }
        taken.extend(KeyManagerName::parse(name));
    }
    Some(taken)
}

fn certificates(
    spot: &Spot<'_>,
    stated: &Version,
    (accepts, references): (Accepts, &dyn References),
    found: &mut Vec<Violation>,
) -> Vec<Vec<u8>> {
    if !accepts.mutual_tls {
        return Vec::new();
    }
    let list = spot.key("client_certificates");
    let pem = Pem(Beside {
        source: list.file(),
        references,
    });
    let mut certificates = Vec::new();
    for (index, text) in stated.client_certificates.texts.iter().enumerate() {
        let element = list.element(index);
        let at = if stated.client_certificates.is_list {
            &element
        } else {
            &list
        };
        certificates.extend(pem.ders(at, text, found));
    }
    certificates
}
