//! Views of consumers that no database knows: the callers that a policy test states.
//!
//! They go in as what is read from a database does, so that requests find them in the same tables by the same rules.

use std::sync::Arc;

use super::View;
use crate::model::instant::UnixTime;
use crate::registry::api_key::{ApiKeyId, Restrictions};
use crate::registry::application::{Application, ApplicationId};
use crate::registry::change::State;
use crate::registry::key_pair::{KeyType, Terms};
use crate::registry::sql::api_key::ApiKeyRow;
use crate::registry::sql::client::ClientRow;
use crate::registry::subscription::{Subscribed, Subscription};
use crate::registry::token::{Digest, TokenRecord};
use crate::registry::user::{User, UserName};

/// Consumers that are stated, and are in no database. It has no `Debug`: it holds what they show.
#[derive(Default)]
pub struct Staged {
    /// Users, with the roles that each has.
    pub users: Vec<(UserName, Vec<String>)>,
    /// The application.
    pub application: Option<StagedApplication>,
    /// An opaque token, and what it stands for.
    pub token: Option<(String, TokenRecord)>,
}

/// An application that is stated, with what it holds.
pub struct StagedApplication {
    /// The application.
    pub application: Application,
    /// Which endpoints its key leads to.
    pub key_type: KeyType,
    /// The consumer key of its key pair.
    pub consumer_key: String,
    /// An API key of it.
    pub api_key: Option<String>,
    /// What it has subscribed to.
    pub subscriptions: Vec<(Subscribed, Subscription)>,
}

impl View {
    /// Knows what is stated, and nobody else.
    pub fn staged(staged: Staged) -> Self {
        let view = Self::with_room_for(16);
        for (name, roles) in staged.users {
            let mut user = User {
                name,
                roles,
                created: UnixTime(0),
                password_set: UnixTime(0),
            };
            user.roles.sort_unstable();
            view.apply(State::User(user.name.clone(), Some(user)));
        }
        if let Some(application) = staged.application {
            application.enter(&view);
        }
        if let Some((token, record)) = staged.token {
            view.put_token(Digest::of(&token), Arc::new(record));
        }
        view
    }
}

impl StagedApplication {
    fn enter(self, view: &View) {
        let id = self.application.id;
        view.apply(State::Application(id, Some(self.application)));
        view.apply(State::Client(
            self.consumer_key.clone(),
            Some(ClientRow {
                application: id,
                consumer_key: self.consumer_key,
                // Nobody knows a secret of it: a client that is stated shows tokens, and asks for none.
                secret: Digest([0; 32]),
                key_type: self.key_type,
                terms: Terms::default(),
            }),
        ));
        if let Some(key) = self.api_key {
            let digest = Digest::of(&key);
            view.apply(State::ApiKey(digest, Some(api_key(id, digest, self.key_type))));
        }
        view.apply(State::Subscriptions(id, self.subscriptions));
    }
}

fn api_key(application: ApplicationId, digest: Digest, key_type: KeyType) -> ApiKeyRow {
    ApiKeyRow {
        id: ApiKeyId(1),
        digest,
        application,
        key_type,
        restrictions: Restrictions::default(),
        expires: None,
    }
}
