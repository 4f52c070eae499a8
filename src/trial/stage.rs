//! A stated caller, and the registry in which nobody else is.
//!
//! What the caller shows is a real credential that its registry knows: an opaque token, an API key, a password. The
//! scopes of a token are granted as the token endpoint grants them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};

use super::believe::Page;
use super::document::{self, Shows, State};
use crate::credential::Credentials;
use crate::explain::rehearsal::Shown;
use crate::model::instant::UnixTime;
use crate::model::name::{ApiName, TenantName, TierName, VersionName};
use crate::model::suggestion::did_you_mean;
use crate::model::tier::{TierLevel, UNLIMITED};
use crate::oauth::granting;
use crate::registry::application::{Application, ApplicationId, TokenType};
use crate::registry::key_pair::KeyType;
use crate::registry::subscription::{Subscribed, Subscription, SubscriptionId, SubscriptionState};
use crate::registry::token::{Granted, TokenRecord};
use crate::registry::user::UserName;
use crate::registry::view::{Staged, StagedApplication, View};

/// Somebody who calls, believed.
pub(super) struct Cast {
    users: Vec<(UserName, Vec<String>)>,
    application: Option<(Application, KeyType)>,
    subscriptions: Vec<(Subscribed, Subscription)>,
    shows: Shows,
    user: Option<UserName>,
    scopes: Vec<String>,
    /// The registry of a caller who is taken from anywhere, once a test needs it.
    stage: OnceLock<Arc<Stage>>,
}

/// A registry in which one caller is, and what that caller shows.
pub(super) struct Stage {
    pub(super) credentials: Credentials,
    pub(super) shown: Option<Shown>,
}

impl Stage {
    /// Sets the stage for a caller who calls from an address, from a moment on; without one for somebody unknown.
    pub(super) fn set(cast: Option<&Cast>, client: Option<IpAddr>, now: UnixTime) -> Self {
        let Some(cast) = cast else {
            let credentials = Credentials::staged(Arc::new(View::staged(Staged::default())), None);
            return Self {
                credentials,
                shown: None,
            };
        };
        let view = Arc::new(View::staged(cast.staged(now)));
        let client = client.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let user = cast.user.clone().filter(|_| cast.shows == Shows::Password);
        let shown = match (&user, cast.shows) {
            (Some(user), _) => Shown::Password(user.to_string(), PASSWORD.to_owned()),
            (None, Shows::ApiKey) => Shown::ApiKey(API_KEY.to_owned()),
            (None, Shows::Password | Shows::Token) => Shown::Token(TOKEN.to_owned()),
        };
        Self {
            credentials: Credentials::staged(view, user.map(|user| (user, PASSWORD, client))),
            shown: Some(shown),
        }
    }
}

impl Cast {
    /// Sets the stage for a caller who calls from an address; the same one again, where the address makes no difference.
    pub(super) fn stage(&self, client: Option<IpAddr>, now: UnixTime) -> Arc<Stage> {
        let set = || Arc::new(Stage::set(Some(self), client, now));
        match self.shows {
            // A password is known to be right where it is shown from.
            Shows::Password => set(),
            Shows::ApiKey | Shows::Token => Arc::clone(self.stage.get_or_init(set)),
        }
    }

    fn staged(&self, now: UnixTime) -> Staged {
        let application = self
            .application
            .clone()
            .map(|(application, key_type)| StagedApplication {
                application,
                key_type,
                consumer_key: CONSUMER_KEY.to_owned(),
                api_key: (self.shows == Shows::ApiKey).then(|| API_KEY.to_owned()),
                subscriptions: self.subscriptions.clone(),
            });
        let granted = Granted {
            consumer_key: CONSUMER_KEY.to_owned(),
            user: self.user.clone(),
            scopes: self.scopes.clone(),
            family: None,
            certificate: None,
        };
        let record = TokenRecord {
            granted,
            issued: now,
            expires: UnixTime(u64::MAX),
        };
        Staged {
            users: self.users.clone(),
            application,
            token: (self.shows == Shows::Token).then(|| (TOKEN.to_owned(), record)),
        }
    }
}

/// Shows whose it is, not what is shown.
impl fmt::Debug for Cast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cast")
            .field("shows", &self.shows)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl Page<'_> {
    /// Believes a caller.
    pub(super) fn cast(&mut self, path: &str, stated: &document::Caller) -> Option<Cast> {
        self.fits(path, stated);
        let by_default = document::Application::default();
        let has_application = stated.shows != Shows::Password;
        let application = stated.application.as_ref().unwrap_or(&by_default);
        let application_path = format!("{path}.application");
        let owner = self.user(&format!("{application_path}.owner"), &application.owner)?;
        let mut users = vec![(owner.clone(), application.owner_roles.clone())];
        let user = match &stated.user {
            Some(stated) => Some((
                self.user(&format!("{path}.user.name"), &stated.name)?,
                stated.roles.clone(),
            )),
            None => None,
        };
        if user.as_ref().is_some_and(|(user, _)| *user == owner) && !application.owner_roles.is_empty() {
            let message = "the owner is the user, whose `roles` are stated".to_owned();
            let fix = Some("leave `owner_roles` out".to_owned());
            self.blame_with(&format!("{application_path}.owner_roles"), message, fix);
        }
        users.extend(user.clone());
        let subscriptions = self.subscriptions(&application_path, application, &owner);
        let asked = self.granted(path, stated, (&owner, &application.owner_roles), user.as_ref())?;
        let application = self.application(&application_path, application, owner)?;
        Some(Cast {
            users,
            application: has_application.then_some(application),
            subscriptions,
            shows: stated.shows,
            user: user.map(|(name, _)| name),
            scopes: asked,
            stage: OnceLock::new(),
        })
    }

    /// Blames what a caller who shows such a credential does not have.
    fn fits(&mut self, path: &str, stated: &document::Caller) {
        let has_scopes = !stated.scopes.is_empty() || stated.granted.is_some();
        match stated.shows {
            Shows::Password if stated.user.is_none() => self.blame(path, "who shows a password is a `user`"),
            Shows::Password if stated.application.is_some() => {
                self.blame(
                    &format!("{path}.application"),
                    "who shows a password calls without an application",
                );
            }
            Shows::ApiKey if stated.user.is_some() => {
                self.blame(
                    &format!("{path}.user"),
                    "an API key is an application's, on behalf of no user",
                );
            }
            Shows::ApiKey | Shows::Password if has_scopes => {
                let key = if stated.granted.is_some() { "granted" } else { "scopes" };
                self.blame(&format!("{path}.{key}"), "only a token holds scopes");
            }
            Shows::ApiKey | Shows::Password | Shows::Token => {}
        }
        if stated.granted.is_some() && !stated.scopes.is_empty() {
            self.blame(&format!("{path}.granted"), "`scopes` and `granted` are both stated");
        }
    }

    /// Grants scopes as the token endpoint does.
    fn granted(
        &mut self,
        path: &str,
        stated: &document::Caller,
        (owner, owner_roles): (&UserName, &[String]),
        user: Option<&(UserName, Vec<String>)>,
    ) -> Option<Vec<String>> {
        let is_given = stated.granted.is_some();
        let key = if is_given { "granted" } else { "scopes" };
        let texts = stated.granted.as_ref().unwrap_or(&stated.scopes);
        let requested = match granting::requested(Some(&texts.join(" "))) {
            Ok(requested) => requested,
            Err(error) => {
                self.blame(&format!("{path}.{key}"), error.to_string());
                return None;
            }
        };
        let scopes = self.catalog.scopes();
        Some(match user {
            _ if is_given => requested,
            Some((user, roles)) => granting::for_user(&requested, scopes, &user.tenant, roles),
            None => granting::for_application(&requested, scopes, &owner.tenant, owner_roles),
        })
    }

    fn application(
        &mut self,
        path: &str,
        stated: &document::Application,
        owner: UserName,
    ) -> Option<(Application, KeyType)> {
        let at = (path, TierLevel::Application);
        let tier = self.tier(at, stated.tier.as_deref(), &owner.tenant)?;
        let application = Application {
            id: ApplicationId(1),
            uuid: CONSUMER_KEY.to_owned(),
            name: stated.name.clone(),
            owner,
            tier,
            token_type: TokenType::Opaque,
        };
        Some((application, stated.key))
    }

    fn subscriptions(
        &mut self,
        path: &str,
        application: &document::Application,
        owner: &UserName,
    ) -> Vec<(Subscribed, Subscription)> {
        let each = application.subscriptions.iter().zip(1..).enumerate();
        each.filter_map(|(index, (stated, id))| {
            let path = format!("{path}.subscriptions[{index}]");
            self.subscription(&path, stated, (owner, id))
        })
        .collect()
    }

    fn subscription(
        &mut self,
        path: &str,
        stated: &document::Subscription,
        (owner, id): (&UserName, i64),
    ) -> Option<(Subscribed, Subscription)> {
        let tenant = match &stated.tenant {
            Some(tenant) => self.tenant(&format!("{path}.tenant"), tenant)?,
            None => owner.tenant.clone(),
        };
        let api = self.name(&format!("{path}.api"), ApiName::parse(&stated.api))?;
        let version = self.name(&format!("{path}.version"), VersionName::parse(&stated.version))?;
        let tier = self.tier((path, TierLevel::Subscription), stated.tier.as_deref(), &tenant)?;
        let to = Subscribed { tenant, api, version };
        self.offered(path, &to);
        let subscription = Subscription {
            id: SubscriptionId(id),
            state: state(stated.state),
            tier,
            version: to.version.clone(),
        };
        Some((to, subscription))
    }

    /// Blames a subscription to what the catalog does not have.
    fn offered(&mut self, path: &str, to: &Subscribed) {
        let catalog = self.catalog;
        let of_tenant = || catalog.apis().iter().filter(|api| api.tenant == to.tenant);
        let Some(api) = of_tenant().find(|api| api.name == to.api) else {
            let fix = did_you_mean(to.api.as_str(), of_tenant().map(|api| api.name.as_str()));
            let message = format!("the catalog has no API `{}` of tenant `{}`", to.api, to.tenant);
            return self.blame_with(&format!("{path}.api"), message, fix);
        };
        if api.versions.iter().all(|version| version.version != to.version) {
            let known: Vec<_> = api.versions.iter().map(|version| version.version.to_string()).collect();
            let message = format!("API `{}` has no version `{}`", to.api, to.version);
            let fix = Some(format!("one of {}", known.join(", ")));
            self.blame_with(&format!("{path}.version"), message, fix);
        }
    }

    fn tier(
        &mut self,
        (path, level): (&str, TierLevel),
        stated: Option<&str>,
        tenant: &TenantName,
    ) -> Option<TierName> {
        let path = format!("{path}.tier");
        let tier = self.name(&path, TierName::parse(stated.unwrap_or(UNLIMITED)))?;
        let name = tier.as_str();
        if name != UNLIMITED && self.catalog.find_tier(tenant, level, name).is_none() {
            let tiers = self.catalog.tiers().iter();
            let known = tiers.filter(|tier| tier.level == level && tier.tenant == *tenant);
            let fix = did_you_mean(name, known.map(|tier| tier.name.as_str()).chain([UNLIMITED]));
            self.blame_with(&path, format!("unknown tier `{name}` of tenant `{tenant}`"), fix);
        }
        Some(tier)
    }
}

fn state(stated: State) -> SubscriptionState {
    match stated {
        State::Blocked => SubscriptionState::Blocked,
        State::OnHold => SubscriptionState::OnHold,
        State::ProductionOnlyBlocked => SubscriptionState::ProductionBlocked,
        State::Rejected => SubscriptionState::Rejected,
        State::TierUpdatePending => SubscriptionState::TierUpdatePending,
        State::Unblocked => SubscriptionState::Unblocked,
    }
}

/// What stated callers show. It proves nothing to a gateway: it is known to staged registries alone, which serve nobody.
const TOKEN: &str = "policy-test-token-known-to-its-test-alone-0";
const API_KEY: &str = "tgk_policy-test-key-known-to-its-test-alone";
const PASSWORD: &str = "policy-test-password";
const CONSUMER_KEY: &str = "policy-test";
