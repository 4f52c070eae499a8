//! How the view takes changes in: each state as it is now, whatever was before.
//!
//! Only one edit or follower at a time comes here. What hangs on an application that is not there is not taken in.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::View;
use super::held::Held;
use crate::model::instant::UnixTime;
use crate::registry::api_key::ApiKey;
use crate::registry::application::{Application, ApplicationId};
use crate::registry::change::State;
use crate::registry::key_pair::Client;
use crate::registry::sql::api_key::ApiKeyRow;
use crate::registry::sql::client::ClientRow;
use crate::registry::sql::subscription::Bond;
use crate::registry::token::{Digest, TokenRecord};
use crate::registry::user::{User, UserName};

impl View {
    /// Takes a state in.
    pub(in crate::registry) fn apply(&self, state: State) {
        match state {
            State::ApiKey(_, Some(row)) => self.put_api_key(row),
            State::ApiKey(digest, None) => self.remove_api_key(&digest),
            State::Application(_, Some(application)) => self.put_application(application),
            State::Application(id, None) => self.remove_application(id),
            State::Client(_, Some(row)) => self.put_client(row),
            State::Client(consumer_key, None) => self.remove_client(&consumer_key),
            State::Family(family, Some(expires)) => drop(self.families.put(family.into(), expires)),
            State::Family(family, None) => drop(self.families.remove(family.as_str())),
            State::Revocation(digest, Some(expires)) => {
                self.revoked.put(digest, expires);
                self.tokens.remove(&digest);
            }
            State::Revocation(digest, None) => drop(self.revoked.remove(&digest)),
            State::Subscriptions(id, bonds) => self.set_subscriptions(id, bonds),
            State::User(_, Some(user)) => self.put_user(user),
            State::User(name, None) => self.remove_user(&name),
        }
    }

    /// Adds subscriptions of an application to those that it has.
    pub(in crate::registry) fn add_subscription(&self, id: ApplicationId, (to, mut subscription): Bond) {
        let to = {
            let mut names = self.names.lock();
            subscription.tier = names.tier(&subscription.tier);
            names.version(to)
        };
        self.applications.update(&id, |held| held.subscribe(to, subscription));
    }

    /// Knows an opaque token.
    pub(in crate::registry) fn put_token(&self, digest: Digest, record: Arc<TokenRecord>) {
        self.tokens.insert(digest, record);
    }

    /// Forgets what has ended.
    pub(in crate::registry) fn sweep(&self, now: UnixTime) {
        self.revoked.retain(|expires| *expires > now);
        self.families.retain(|expires| *expires > now);
        self.tokens.retain(|_, record| record.expires > now);
        self.names.lock().sweep();
    }

    fn put_user(&self, mut user: User) {
        user.name.tenant = self.names.lock().tenant(&user.name.tenant);
        self.users.put(user.name.clone(), Arc::new(user));
    }

    fn remove_user(&self, name: &UserName) {
        self.users.remove(name);
        self.tokens
            .retain(|_, record| record.granted.user.as_ref() != Some(name));
    }

    fn put_application(&self, mut application: Application) {
        {
            let mut names = self.names.lock();
            application.owner.tenant = names.tenant(&application.owner.tenant);
            application.tier = names.tier(&application.tier);
        }
        let application = Arc::new(application);
        let fresh = Arc::clone(&application);
        let (clients, api_keys) = self.applications.change(
            application.id,
            || Held::new(Arc::clone(&application)),
            |held| {
                held.application = fresh;
                (held.clients.clone(), held.api_keys.clone())
            },
        );
        for client in clients {
            let application = Arc::clone(&application);
            self.add_client(Client {
                application,
                ..Client::clone(&client)
            });
        }
        for digest in api_keys {
            self.api_keys.update(&digest, |key| {
                let application = Arc::clone(&application);
                *key = Arc::new(ApiKey {
                    application,
                    ..ApiKey::clone(key)
                });
            });
        }
    }

    fn remove_application(&self, id: ApplicationId) {
        let Some(held) = self.applications.remove(&id) else {
            return;
        };
        for client in held.clients {
            self.remove_client(&client.consumer_key);
        }
        for digest in held.api_keys {
            self.api_keys.remove(&digest);
        }
    }

    fn put_client(&self, row: ClientRow) {
        match self.application(row.application) {
            Some(application) => self.add_client(row.of(application)),
            None => self.remove_client(&row.consumer_key),
        }
    }

    fn add_client(&self, client: Client) {
        let client = Arc::new(client);
        let before = self
            .clients
            .put(client.consumer_key.as_str().into(), Arc::clone(&client));
        self.count_certified(before.as_deref(), Some(&client));
        if let Some(before) = before.filter(|before| before.application.id != client.application.id) {
            self.applications.update(&before.application.id, |held| {
                held.clients.retain(|known| known.consumer_key != before.consumer_key);
            });
        }
        self.applications.update(&client.application.id, |held| {
            held.clients.retain(|known| known.consumer_key != client.consumer_key);
            held.clients.reserve_exact(1);
            held.clients.push(Arc::clone(&client));
        });
    }

    fn remove_client(&self, consumer_key: &str) {
        let Some(client) = self.clients.remove(consumer_key) else {
            return;
        };
        self.count_certified(Some(&client), None);
        self.applications.update(&client.application.id, |held| {
            held.clients.retain(|known| known.consumer_key != consumer_key);
        });
        self.tokens
            .retain(|_, record| record.granted.consumer_key != consumer_key);
    }

    fn count_certified(&self, before: Option<&Client>, after: Option<&Client>) {
        let is_certified = |client: Option<&Client>| client.is_some_and(|client| client.proof.certificate.is_some());
        match (is_certified(before), is_certified(after)) {
            (false, true) => self.certified.fetch_add(1, Ordering::Relaxed),
            (true, false) => self.certified.fetch_sub(1, Ordering::Relaxed),
            (false, false) | (true, true) => 0,
        };
    }

    fn put_api_key(&self, row: ApiKeyRow) {
        let digest = row.digest;
        let Some(application) = self.application(row.application) else {
            return self.remove_api_key(&digest);
        };
        let id = application.id;
        self.api_keys.put(digest, Arc::new(row.of(application)));
        self.applications.update(&id, |held| {
            if !held.api_keys.contains(&digest) {
                held.api_keys.push(digest);
            }
        });
    }

    fn remove_api_key(&self, digest: &Digest) {
        if let Some(key) = self.api_keys.remove(digest) {
            self.applications.update(&key.application.id, |held| {
                held.api_keys.retain(|known| known != digest);
            });
        }
    }

    fn set_subscriptions(&self, id: ApplicationId, bonds: Vec<Bond>) {
        let bonds: Vec<_> = {
            let mut names = self.names.lock();
            let shared = bonds.into_iter().map(|(to, mut subscription)| {
                subscription.tier = names.tier(&subscription.tier);
                (names.version(to), subscription)
            });
            shared.collect()
        };
        self.applications.update(&id, |held| {
            held.unsubscribe_all();
            for (to, subscription) in bonds {
                held.subscribe(to, subscription);
            }
        });
    }
}
