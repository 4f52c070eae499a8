//! What makes a stated key manager a KeyManager: one whose tokens can be verified, over connections that can be trusted.

use std::collections::HashMap;
use std::net::IpAddr;

use http::Uri;
use serde_json::Value;

use super::known::Known;
use super::page::{Origin, Page, Spot, named, unrepeated};
use super::pem::Beside;
use crate::model::document::{self, Several};
use crate::model::key_manager::{ClaimNames, Introspection, IssuerKeys, KeyManager, RESIDENT};
use crate::model::name::{KeyManagerName, TenantName};
use crate::model::source::References;
use crate::model::violation::Violation;

/// Believes the key managers of every file, in their order.
pub(super) fn believe(
    pages: &[Page],
    (known, references): (&Known<'_>, &dyn References),
    found: &mut Vec<Violation>,
) -> Vec<KeyManager> {
    let mut issuers = HashMap::new();
    let mut believed = Vec::new();
    for page in pages {
        let list = page.spot().key("key_managers");
        for (index, stated) in page.document.key_managers.iter().enumerate() {
            let spot = list.element(index);
            let tenant = known.tenant(&spot.key("tenant"), stated.tenant.as_deref(), found);
            if let Some(tenant) = &tenant {
                check_issuer(&spot, stated, tenant, &mut issuers, found);
            }
            let name = name(&spot, stated, found);
            let keys = keys(&spot, stated, references, found);
            let introspection = introspection(&spot, stated, found);
            unrepeated(&spot.key("audiences"), &stated.audiences, found);
            let claims = claims(&spot.key("claims"), &stated.claims, found);
            believed.extend(name.zip(tenant).map(|(name, tenant)| KeyManager {
                name,
                tenant,
                issuer: stated.issuer.clone(),
                keys,
                audiences: stated.audiences.clone(),
                claims,
                introspection,
                place: spot.place(),
            }));
        }
    }
    believed
}

fn name(spot: &Spot<'_>, stated: &document::KeyManager, found: &mut Vec<Violation>) -> Option<KeyManagerName> {
    let at = spot.key("name");
    let name = named(&at, &stated.name, KeyManagerName::parse, found)?;
    if name.as_str() == RESIDENT {
        found.push(
            at.blame(format!("`{RESIDENT}` is the gateway itself"))
                .fix("choose another name"),
        );
        return None;
    }
    Some(name)
}

/// An issuer that two key managers claim could be verified by the keys of either.
fn check_issuer<'a>(
    spot: &Spot<'a>,
    stated: &'a document::KeyManager,
    tenant: &TenantName,
    issuers: &mut HashMap<(TenantName, &'a str), Origin<'a>>,
    found: &mut Vec<Violation>,
) {
    let at = spot.key("issuer");
    let issuer = stated.issuer.as_str();
    if issuer.is_empty() || issuer.trim() != issuer || issuer.contains(char::is_control) {
        let violation = at.blame("an issuer is the `iss` of its tokens, to the letter");
        found.push(violation.fix("write it as its tokens have it"));
    } else if let Some(first) = issuers.get(&(tenant.clone(), issuer)) {
        let first = first.seen_from(&at);
        found.push(at.blame(format!("the issuer `{issuer}` has a key manager already ({first})")));
    } else {
        issuers.insert((tenant.clone(), issuer), at.origin());
    }
}

fn keys(
    spot: &Spot<'_>,
    stated: &document::KeyManager,
    references: &dyn References,
    found: &mut Vec<Violation>,
) -> IssuerKeys {
    match (&stated.jwks_url, &stated.jwks) {
        (Some(_), Some(_)) => {
            let violation = spot
                .key("jwks")
                .blame("the keys are stated twice: `jwks` and `jwks_url`");
            found.push(violation.fix("remove one of the two"));
        }
        (Some(url), None) => {
            check_url(&spot.key("jwks_url"), url, found);
            return IssuerKeys::Url(url.clone());
        }
        (None, Some(stated)) => {
            let at = spot.key("jwks");
            let beside = Beside {
                source: at.file(),
                references,
            };
            if let Some(text) = beside.text(&at, stated, found) {
                check_jwks(&at, &text, found);
                return IssuerKeys::Inline(text);
            }
        }
        (None, None) if stated.introspection.is_some() || is_lost(spot) => {}
        (None, None) => {
            let violation = spot.blame(format!("the tokens of `{}` cannot be verified", stated.name));
            found.push(violation.fix("add `jwks_url`, `jwks` or `introspection`"));
        }
    }
    IssuerKeys::None
}

fn is_lost(spot: &Spot<'_>) -> bool {
    ["jwks_url", "jwks", "introspection"].iter().any(|key| spot.lost(key))
}

/// A set that holds a secret would make everybody who reads the catalog an issuer.
fn check_jwks(at: &Spot<'_>, text: &str, found: &mut Vec<Violation>) {
    let set: Option<Value> = serde_json::from_str(text).ok();
    let keys = set.as_ref().and_then(|set| set.get("keys")?.as_array());
    let Some(keys) = keys.filter(|keys| !keys.is_empty() && keys.iter().all(Value::is_object)) else {
        found.push(
            at.blame("`jwks` is no JWK set with a key")
                .fix("write `{\"keys\": [...]}` (RFC 7517, 5), or `file:PATH`"),
        );
        return;
    };
    for (number, key) in keys.iter().enumerate() {
        let kind = key.get("kty").and_then(Value::as_str).unwrap_or_default();
        let message = match kind {
            "EC" | "OKP" | "RSA" if key.get("d").is_none() => continue,
            "EC" | "OKP" | "RSA" => format!("`keys[{number}]` holds a private key"),
            "oct" => format!("`keys[{number}]` is a shared secret, by which tokens from outside are never taken"),
            _ => format!("`keys[{number}]` is of no kind that signs tokens"),
        };
        found.push(at.blame(message).fix("state public keys of kind `RSA`, `EC` or `OKP`"));
    }
}

fn introspection(spot: &Spot<'_>, stated: &document::KeyManager, found: &mut Vec<Violation>) -> Option<Introspection> {
    let at = spot.key("introspection");
    let stated = stated.introspection.as_ref()?;
    check_url(&at.key("url"), &stated.url, found);
    for (key, text) in [
        ("client_id", &stated.client_id),
        ("client_secret", &stated.client_secret),
    ] {
        if text.is_empty() {
            found.push(at.key(key).blame(format!("`{key}` is empty")));
        }
    }
    Some(Introspection {
        url: stated.url.clone(),
        client_id: stated.client_id.clone(),
        client_secret: stated.client_secret.clone(),
    })
}

/// Whoever can answer for an issuer can issue, so it is asked over TLS, or where no network lies between.
fn check_url(at: &Spot<'_>, text: &str, found: &mut Vec<Violation>) {
    let violation = match text.parse::<Uri>() {
        Ok(uri)
            if uri
                .authority()
                .is_some_and(|authority| authority.as_str().contains('@')) =>
        {
            at.blame("a URL here holds no user and no password")
                .fix("remove what stands before the `@`")
        }
        Ok(uri) if is_safe(&uri) && !text.contains('#') => return,
        Ok(uri) if uri.scheme_str() == Some("http") && uri.host().is_some() => at
            .blame(format!(
                "`{text}` is asked over plain HTTP, where anybody on the way could answer"
            ))
            .fix("write `https://`; plain `http://` is taken on loopback alone"),
        _ => at
            .blame(format!("`{text}` is not an absolute URL"))
            .fix("write it as `https://host/path`"),
    };
    found.push(violation);
}

fn is_safe(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    match uri.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => is_loopback(host),
        _ => false,
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or_else(
        |_| host.eq_ignore_ascii_case("localhost"),
        |address| address.is_loopback(),
    )
}

fn claims(spot: &Spot<'_>, stated: &document::Claims, found: &mut Vec<Violation>) -> ClaimNames {
    let names = |key, stated: &Several, default: [&str; 2], found: &mut Vec<Violation>| {
        let list = spot.key(key);
        unrepeated(&list, &stated.texts, found);
        if stated.texts.iter().any(String::is_empty) {
            found.push(list.blame(format!("`{key}` names an empty claim")).fix("name a claim"));
        }
        if stated.texts.is_empty() {
            default.map(str::to_owned).to_vec()
        } else {
            stated.texts.clone()
        }
    };
    let roles = stated.roles.clone();
    if roles.as_ref().is_some_and(String::is_empty) {
        let at = spot.key("roles");
        found.push(
            at.blame("`roles` names an empty claim")
                .fix("name a claim, or remove it"),
        );
    }
    ClaimNames {
        client: names("client", &stated.client, ["azp", "client_id"], found),
        scopes: names("scopes", &stated.scopes, ["scope", "scp"], found),
        roles,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_alone() {
        let is_safe = |text: &str| is_safe(&text.parse().unwrap());
        for good in [
            "https://idp.example/jwks",
            "http://127.0.0.1:9/jwks",
            "http://127.9.9.9/",
            "http://[::1]/jwks",
            "http://LocalHost:80/jwks?a=b",
        ] {
            assert!(is_safe(good), "{good}");
        }
        for bad in [
            "http://idp.example/jwks",
            "http://localhost.evil.example/",
            "http://10.0.0.1/",
            "ftp://127.0.0.1/",
            "/jwks",
        ] {
            assert!(!is_safe(bad), "{bad}");
        }
    }
}
