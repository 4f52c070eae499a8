//! What a version could not be protected with: the last look before a catalog is served.
//!
//! The catalog has been believed, so nothing should be found here, but for certificates, which the control plane does
//! not read, and fields that the server names. A catalog that fails is refused whole.

use http::HeaderName;

use super::tiers::Counted;
use crate::model::api::ApiVersion;
use crate::model::auth::AuthType;
use crate::model::resource::Resource;
use crate::model::security::{CredentialFields, Security};
use crate::registry::key_pair::KeyType;

/// Says what keeps a version from being protected as it demands.
pub(super) fn of_version(version: &ApiVersion, security: &Security, server: &CredentialFields) -> Vec<String> {
    let label = &version.version;
    let accepts = security.accepts;
    let mut found = Vec::new();
    if accepts.takes_authorization() && accepts.api_key && security.authorization == security.api_key {
        found.push(format!(
            "version `{label}` would have tokens and API keys in the same field `{}`",
            security.api_key
        ));
    }
    let fields = [
        (accepts.takes_authorization(), &security.authorization),
        (accepts.api_key, &security.api_key),
    ];
    for (_, field) in fields
        .into_iter()
        .filter(|(is_taken, field)| *is_taken && is_taken_already(server, field))
    {
        found.push(format!(
            "version `{label}` would have credentials in `{field}`, which says something else of the caller"
        ));
    }
    if accepts.mutual_tls && security.certificates.is_empty() {
        found.push(format!("version `{label}` takes client certificates and names none"));
    }
    for (number, der) in security.certificates.iter().enumerate() {
        let is_whole = x509_parser::parse_x509_certificate(der).is_ok_and(|(rest, _)| rest.is_empty());
        if !is_whole {
            found.push(format!(
                "certificate {} of `client_certificates` of version `{label}` is no X.509 certificate",
                number + 1
            ));
        }
    }
    if version.production.is_none() && version.sandbox.is_none() {
        found.push(format!("version `{label}` has no endpoint"));
    }
    found
}

/// Says which tiers of a version are not there to count.
pub(super) fn of_tiers(version: &ApiVersion, counted: &Counted) -> Vec<String> {
    let tps = version.max_tps;
    let parts = [
        (version.tier.is_some(), counted.tier, "tier"),
        (version.anonymous_tier.is_some(), counted.anonymous, "anonymous_tier"),
        (
            tps.production.is_some(),
            counted.cap(KeyType::Production).map(|cap| cap.tier),
            "max_tps.production",
        ),
        (
            tps.sandbox.is_some(),
            counted.cap(KeyType::Sandbox).map(|cap| cap.tier),
            "max_tps.sandbox",
        ),
    ];
    let missing = parts
        .into_iter()
        .filter(|(is_stated, found, _)| *is_stated && found.is_none());
    let told = missing.map(|(_, _, key)| format!("`{key}` of version `{}` would not be counted", version.version));
    told.collect()
}

/// Says what keeps a resource from being protected as it demands.
pub(super) fn of_resource(resource: &Resource, security: &Security, known_scopes: usize) -> Option<String> {
    let path = &resource.template;
    let accepts = security.accepts;
    let takes_nothing = !accepts.takes_application() && !accepts.mutual_tls;
    if resource.auth != AuthType::None && takes_nothing {
        return Some(format!(
            "resource `{path}` demands a credential, and its version takes none"
        ));
    }
    if known_scopes != resource.scopes.len() {
        return Some(format!(
            "resource `{path}` demands a scope that the catalog does not hold"
        ));
    }
    if resource.auth == AuthType::None && !resource.scopes.is_empty() {
        return Some(format!("resource `{path}` is open, and demands a scope"));
    }
    None
}

fn is_taken_already(server: &CredentialFields, field: &HeaderName) -> bool {
    server.certificate.as_ref() == Some(field) || server.assertion == *field
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::api::Api;
    use crate::model::catalog::Catalog;
    use crate::model::name::{ScopeName, TierName};
    use crate::model::source::{NoReferences, Source};

    fn api() -> Api {
        let text = "name = \"A\"\ncontext = \"/a\"\nscopes = [{ key = \"read\" }]\n[[versions]]\nversion = \"1\"\n\
                    security = [\"oauth2\", \"api_key\"]\nendpoints = { production = \"http://a\" }\n\
                    resources = [{ path = \"/\", methods = [\"GET\"], scopes = [\"read\"] }]\n";
        let source = Source {
            name: "a.toml".into(),
            text: text.into(),
        };
        Api::clone(&Catalog::believe(&[source], &NoReferences).unwrap().apis()[0])
    }

    /// Returns what is found wrong with a version that was tampered with.
    fn found(server: &CredentialFields, tamper: impl Fn(&mut ApiVersion)) -> Vec<String> {
        let mut version = api().versions.remove(0);
        tamper(&mut version);
        of_version(&version, &version.security.settle(server), server)
    }

    #[test]
    fn a_believed_version_can_be_protected() {
        assert!(found(&CredentialFields::default(), |_| {}).is_empty());
    }

    #[test]
    fn a_version_that_nothing_could_protect_is_refused() {
        let server = CredentialFields::default();
        let wrong = |tamper: fn(&mut ApiVersion)| found(&server, tamper).len();
        assert_eq!(wrong(|version| version.security.accepts.mutual_tls = true), 1);
        assert_eq!(wrong(|version| version.security.certificates.push(b"none".to_vec())), 1);
        assert_eq!(wrong(|version| version.production = None), 1);
        let field = |name| HeaderName::from_static(name);
        for server in [
            CredentialFields {
                authorization: field("apikey"),
                ..server.clone()
            },
            CredentialFields {
                certificate: Some(field("authorization")),
                ..server.clone()
            },
            CredentialFields {
                assertion: field("apikey"),
                ..server.clone()
            },
        ] {
            assert_eq!(found(&server, |_| {}).len(), 1, "{server:?}");
        }
    }

    #[test]
    fn a_tier_that_would_not_be_counted_is_refused() {
        let mut version = api().versions.remove(0);
        assert!(of_tiers(&version, &Counted::default()).is_empty());
        version.tier = TierName::parse("10KPerMin").ok();
        version.anonymous_tier = TierName::parse("Unauthenticated").ok();
        version.max_tps.production = Some(1);
        version.max_tps.sandbox = Some(1);
        assert_eq!(of_tiers(&version, &Counted::default()).len(), 4);
    }

    #[test]
    fn a_resource_that_nothing_could_protect_is_refused() {
        let version = api().versions.remove(0);
        let security = version.security.settle(&CredentialFields::default());
        let resource = &version.resources[0];
        assert_eq!(of_resource(resource, &security, 1), None);
        assert!(of_resource(resource, &security, 0).is_some(), "an unknown scope");
        let open = Resource {
            auth: AuthType::None,
            ..resource.clone()
        };
        assert!(
            of_resource(&open, &security, 1).is_some(),
            "an open resource with a scope"
        );
        let unscoped = Resource {
            scopes: Vec::<ScopeName>::new(),
            ..resource.clone()
        };
        let mut nothing = security;
        nothing.accepts = crate::model::security::Accepts::default();
        assert!(of_resource(&unscoped, &nothing, 0).is_some(), "nothing is taken");
    }
}
