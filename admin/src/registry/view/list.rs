//! Lists for operators, in the order of names. They look at everything: requests do not come here.

use std::sync::Arc;

use super::View;
use crate::model::name::TenantName;
use crate::registry::api_key::ApiKey;
use crate::registry::application::{Application, ApplicationId};
use crate::registry::key_pair::Client;
use crate::registry::subscription::{Subscribed, Subscription};
use crate::registry::user::User;

/// How much the view holds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// API keys.
    pub api_keys: usize,
    /// Applications.
    pub applications: usize,
    /// Key pairs.
    pub clients: usize,
    /// Families of tokens that were revoked.
    pub families_revoked: usize,
    /// Opaque tokens that are known without asking the database.
    pub tokens: usize,
    /// Tokens that were revoked by themselves.
    pub tokens_revoked: usize,
    /// Users.
    pub users: usize,
}

/// A subscription with whose it is and what it is to.
#[derive(Clone, Debug)]
pub struct Right {
    /// Who subscribes.
    pub application: Arc<Application>,
    /// To what.
    pub to: Arc<Subscribed>,
    /// With which tier, and whether it lets calls through.
    pub subscription: Subscription,
}

impl View {
    /// Finds the application with a uuid. It looks at all of them.
    pub fn application_of(&self, uuid: &str) -> Option<Arc<Application>> {
        self.applications_that(|application| application.uuid == uuid).pop()
    }

    /// Lists the subscriptions that are wanted, by what they are to and who subscribes.
    pub fn subscriptions_that(&self, are_wanted: impl Fn(&Right) -> bool) -> Vec<Right> {
        let mut found = Vec::new();
        self.applications.each(|held| {
            let rights = held.subscriptions().into_iter().map(|(to, subscription)| Right {
                application: Arc::clone(&held.application),
                to,
                subscription,
            });
            found.extend(rights.filter(&are_wanted));
        });
        let order = |right: &Right| {
            let Subscribed { tenant, api, version } = &*right.to;
            let names = [tenant.as_str(), api.as_str(), version.as_str(), &right.application.name];
            (names.map(str::to_owned), right.subscription.id)
        };
        found.sort_by_cached_key(order);
        found
    }
    /// Counts what it holds.
    pub fn counts(&self) -> Counts {
        Counts {
            api_keys: self.api_keys.len(),
            applications: self.applications.len(),
            clients: self.clients.len(),
            families_revoked: self.families.len(),
            tokens: self.tokens.len(),
            tokens_revoked: self.revoked.len(),
            users: self.users.len(),
        }
    }

    /// Lists the users of a tenant, or of all.
    pub fn users(&self, tenant: Option<&TenantName>) -> Vec<Arc<User>> {
        let mut found = Vec::new();
        self.users.each(|user| {
            if tenant.is_none_or(|tenant| user.name.tenant == *tenant) {
                found.push(Arc::clone(user));
            }
        });
        found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// Lists the applications of a tenant, or of all.
    pub fn applications(&self, tenant: Option<&TenantName>) -> Vec<Arc<Application>> {
        self.applications_that(|application| tenant.is_none_or(|tenant| application.tenant() == tenant))
    }

    /// Finds the applications of a name in a tenant; each has another owner.
    pub fn applications_named(&self, tenant: &TenantName, name: &str) -> Vec<Arc<Application>> {
        self.applications_that(|application| application.name == name && application.tenant() == tenant)
    }

    /// Lists the key pairs of an application, production first.
    pub fn clients_of(&self, application: ApplicationId) -> Vec<Arc<Client>> {
        let mut found = self
            .applications
            .read(&application, |held| held.clients.clone())
            .unwrap_or_default();
        found.sort_unstable_by_key(|client| client.key_type.word());
        found
    }

    /// Lists the subscriptions of an application.
    pub fn subscriptions_of(&self, application: ApplicationId) -> Vec<(Arc<Subscribed>, Subscription)> {
        let found = self.applications.read(&application, super::held::Held::subscriptions);
        found.unwrap_or_default()
    }

    /// Lists the subscriptions to a version, with who subscribed. It looks at every application.
    pub fn subscriptions_to(&self, to: &Subscribed) -> Vec<(ApplicationId, Subscription)> {
        let names = (to.tenant.as_str(), to.api.as_str(), to.version.as_str());
        let mut found = Vec::new();
        self.applications.each(|held| {
            if let Some(subscription) = held.subscription(names) {
                found.push((held.application.id, subscription));
            }
        });
        found.sort_unstable_by_key(|(_, subscription)| subscription.id.0);
        found
    }

    /// Lists the API keys of an application, oldest first.
    pub fn api_keys_of(&self, application: ApplicationId) -> Vec<Arc<ApiKey>> {
        let digests = self.applications.read(&application, |held| held.api_keys.clone());
        let digests = digests.unwrap_or_default();
        let mut found: Vec<_> = digests.iter().filter_map(|digest| self.api_key(digest)).collect();
        found.sort_unstable_by_key(|key| key.id.0);
        found
    }

    fn applications_that(&self, are_wanted: impl Fn(&Application) -> bool) -> Vec<Arc<Application>> {
        let mut found = Vec::new();
        self.applications.each(|held| {
            if are_wanted(&held.application) {
                found.push(Arc::clone(&held.application));
            }
        });
        found.sort_unstable_by(|a, b| (&a.owner, &a.name).cmp(&(&b.owner, &b.name)));
        found
    }
}
