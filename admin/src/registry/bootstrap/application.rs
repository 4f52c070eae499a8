//! The applications of the file, believed, and what they name of the catalog.

use super::Planned;
use super::believe::Page;
use super::document::{self, Document};
use crate::model::api::{Api, ApiVersion, Subscribers};
use crate::model::catalog::Catalog;
use crate::model::name::{ApiName, TenantName, TierName, VersionName};
use crate::model::tier::{TierLevel, UNLIMITED};
use crate::registry::Result;
use crate::registry::api_key::{self, NewApiKey, Restrictions};
use crate::registry::application::{ApplicationId, NewApplication};
use crate::registry::client_certificate::believe_certificate;
use crate::registry::key_pair::{self, ClientProof, GrantType, NewKeyPair, Terms};
use crate::registry::rule;
use crate::registry::subscription::{NewSubscription, Subscribed, SubscriptionState};
use crate::registry::user::UserName;

impl Page<'_> {
    pub(super) fn applications(&mut self, document: &Document) -> Vec<Planned> {
        let each = document.applications.iter().enumerate();
        each.filter_map(|(index, stated)| self.application(&format!("applications[{index}]"), stated))
            .collect()
    }

    fn application(&mut self, path: &str, stated: &document::Application) -> Option<Planned> {
        let name_path = format!("{path}.name");
        self.check(&name_path, rule::label("an application's name", &stated.name, 160));
        let owner = self.owner(&format!("{path}.owner"), &stated.owner);
        let tier = self.tier(&format!("{path}.tier"), stated.tier.as_deref());
        let keys = each(path, "keys", &stated.keys).filter_map(|(path, keys)| self.keys(&path, keys));
        let keys = keys.collect();
        let api_keys = each(path, "api_keys", &stated.api_keys).filter_map(|(path, key)| self.api_key(&path, key));
        let api_keys = api_keys.collect();
        let owner = owner?;
        if let Some(tier) = &tier {
            let chosen = (TierLevel::Application, tier);
            self.usable(&format!("{path}.tier"), &owner.tenant, chosen, &owner);
        }
        self.once(&name_path, "application", &format!("{}` of `{owner}", stated.name));
        let subscriptions = each(path, "subscriptions", &stated.subscriptions)
            .filter_map(|(path, subscription)| self.subscription(&path, subscription, &owner))
            .collect();
        let types = stated.keys.iter().enumerate();
        for (index, keys) in types {
            if stated
                .keys
                .iter()
                .take(index)
                .any(|before| before.r#type == keys.r#type)
            {
                let word = keys.r#type.word();
                self.blame(
                    &format!("{path}.keys[{index}].type"),
                    format!("there is a {word} key pair already"),
                );
            }
        }
        Some(Planned {
            application: NewApplication {
                name: stated.name.clone(),
                owner,
                tier: tier?,
                token_type: stated.token_type,
            },
            keys,
            subscriptions,
            api_keys,
        })
    }

    fn tier(&mut self, path: &str, stated: Option<&str>) -> Option<TierName> {
        self.name(path, TierName::parse(stated.unwrap_or(UNLIMITED)))
    }

    fn keys(&mut self, path: &str, stated: &document::KeyPair) -> Option<NewKeyPair> {
        let secret_path = format!("{path}.consumer_secret");
        let secret = match (&stated.consumer_secret, stated.public) {
            (Some(secret), false) => self.secret(&secret_path, secret)?,
            // Never told, so that it is as good as none.
            (None, _) if stated.public || stated.jwks.is_some() || stated.certificate.is_some() => {
                rule::random::<32>().ok()?
            }
            (Some(_), true) => {
                self.blame(&secret_path, "a public client has no secret");
                return None;
            }
            (None, _) => {
                self.blame(
                    path,
                    "a key pair has a `consumer_secret`, `jwks` or a `certificate`, or is `public`",
                );
                return None;
            }
        };
        let proof = self.proof(path, stated)?;
        let key_path = format!("{path}.consumer_key");
        self.check(&key_path, key_pair::believe_key(&stated.consumer_key));
        self.check(&secret_path, key_pair::believe_secret(&secret));
        self.once(&key_path, "consumer key", &stated.consumer_key);
        let terms = Terms {
            grants: stated
                .grants
                .clone()
                .unwrap_or_else(|| vec![GrantType::ClientCredentials]),
            redirect_uris: stated.redirect_uris.clone(),
            proof,
        };
        self.check(&format!("{path}.redirect_uris"), key_pair::believe(&terms));
        Some(NewKeyPair {
            application: UNNUMBERED,
            key_type: stated.r#type,
            grants: terms.grants,
            redirect_uris: terms.redirect_uris,
            proof: terms.proof,
            given: Some((stated.consumer_key.clone(), secret)),
        })
    }

    /// Finds by what a client proves itself beside a secret: nothing, if it is public.
    fn proof(&mut self, path: &str, stated: &document::KeyPair) -> Option<ClientProof> {
        let mut proof = ClientProof {
            is_public: stated.public,
            ..ClientProof::default()
        };
        if let Some(jwks) = &stated.jwks {
            let path = format!("{path}.jwks");
            let jwks = self.shown(&path, jwks, stated.public)?;
            self.believed(&path, key_pair::believe_jwks(&jwks))?;
            proof.jwks = Some(jwks);
        }
        if let Some(certificate) = &stated.certificate {
            let path = format!("{path}.certificate");
            let certificate = self.shown(&path, certificate, stated.public)?;
            proof.certificate = Some(self.believed(&path, believe_certificate(&certificate))?);
        }
        Some(proof)
    }

    /// Finds what a client shows of itself, which nobody does who is public.
    fn shown(&mut self, path: &str, stated: &str, is_public: bool) -> Option<String> {
        if is_public {
            self.blame(path, "a public client proves itself by nothing");
            return None;
        }
        self.secret(path, stated)
    }

    fn believed<T>(&mut self, path: &str, believed: Result<T>) -> Option<T> {
        believed.map_err(|error| self.blame(path, error.to_string())).ok()
    }

    fn api_key(&mut self, path: &str, stated: &document::ApiKey) -> Option<(String, NewApiKey)> {
        let mut networks = Vec::with_capacity(stated.networks.len());
        for (path, text) in each(path, "networks", &stated.networks) {
            let address = || text.parse().map(|address: std::net::IpAddr| address.into());
            match text.parse().or_else(|_| address()) {
                Ok(network) => networks.push(network),
                Err(_) => self.blame(&path, format!("`{text}` is neither an address nor a network")),
            }
        }
        let restrictions = Restrictions {
            networks,
            referers: stated.referers.clone(),
        };
        let secret = self.secret(&format!("{path}.key"), &stated.key)?;
        self.check(&format!("{path}.key"), api_key::believe(&secret, &restrictions));
        let key = NewApiKey {
            application: UNNUMBERED,
            key_type: stated.r#type,
            restrictions,
            expires: None,
        };
        Some((secret, key))
    }

    fn subscription(
        &mut self,
        path: &str,
        stated: &document::Subscription,
        subscriber: &UserName,
    ) -> Option<NewSubscription> {
        let tenant = match &stated.tenant {
            Some(tenant) => self.tenant(&format!("{path}.tenant"), Some(tenant)),
            None => Some(subscriber.tenant.clone()),
        };
        let api = self.name(&format!("{path}.api"), ApiName::parse(&stated.api));
        let version = self.name(&format!("{path}.version"), VersionName::parse(&stated.version));
        let tier = self.tier(&format!("{path}.tier"), stated.tier.as_deref())?;
        let to = Subscribed {
            tenant: tenant?,
            api: api?,
            version: version?,
        };
        if let Some(catalog) = self.catalog {
            self.offered(path, catalog, (&to, &tier, &subscriber.tenant));
            self.usable(
                &format!("{path}.tier"),
                &to.tenant,
                (TierLevel::Subscription, &tier),
                subscriber,
            );
        }
        self.once(
            path,
            "a subscription to",
            &format!("{to}` in `{}", path.split(']').next().unwrap_or_default()),
        );
        Some(NewSubscription {
            application: UNNUMBERED,
            to,
            tier,
            state: SubscriptionState::Unblocked,
        })
    }

    /// Blames a subscription that the catalog does not offer.
    fn offered(&mut self, path: &str, catalog: &Catalog, wanted: (&Subscribed, &TierName, &TenantName)) {
        let (to, tier, subscriber) = wanted;
        let mut apis = catalog.apis().iter();
        let Some(api) = apis.find(|api| api.tenant == to.tenant && api.name == to.api) else {
            let message = format!("the catalog has no API `{}` of tenant `{}`", to.api, to.tenant);
            return self.blame(&format!("{path}.api"), message);
        };
        let Some(version) = api.versions.iter().find(|version| version.version == to.version) else {
            let message = format!("API `{}` has no version `{}`", to.api, to.version);
            return self.blame(&format!("{path}.version"), message);
        };
        if !takes(api, version, subscriber) {
            let message = format!(
                "API `{}` {} takes no subscribers of tenant `{subscriber}`",
                to.api, to.version
            );
            self.blame(path, message);
        }
        if version.tiers.is_empty() {
            self.blame(path, format!("API `{}` {} takes no subscriptions", to.api, to.version));
        } else if !version.tiers.contains(tier) {
            let place = format!("{path}.tier");
            self.blame(&place, format!("API `{}` {} has no tier `{tier}`", to.api, to.version));
        }
    }
}

fn takes(api: &Api, version: &ApiVersion, subscriber: &TenantName) -> bool {
    api.tenant == *subscriber
        || match &version.subscribers {
            Subscribers::All => true,
            Subscribers::Current => false,
            Subscribers::Listed(tenants) => tenants.contains(subscriber),
        }
}

/// Pairs the elements of a list with their paths.
fn each<'s, T>(path: &str, key: &str, list: &'s [T]) -> impl Iterator<Item = (String, &'s T)> + use<'s, T> {
    let path = format!("{path}.{key}");
    let numbered = list.iter().enumerate();
    numbered.map(move |(index, element)| (format!("{path}[{index}]"), element))
}

/// The number of an application that has none yet.
const UNNUMBERED: ApplicationId = ApplicationId(0);
