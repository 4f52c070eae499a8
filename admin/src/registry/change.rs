//! What a change is about, how the log names it, and what is read of it for the view.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sqlx::AnyConnection;

use super::application::{Application, ApplicationId};
use super::sql::api_key::ApiKeyRow;
use super::sql::client::ClientRow;
use super::sql::subscription::Bond;
use super::sql::{api_key, application, client, revocation, subscription, user};
use super::token::Digest;
use super::user::{User, UserName};
use crate::model::instant::UnixTime;
use crate::model::name::TenantName;

/// What a change is about.
///
/// The order is that in which the view takes things in, not that of letters: what hangs on an application comes after it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Subject {
    User(UserName),
    Application(ApplicationId),
    Client(String),
    ApiKey(Digest),
    /// All of an application's.
    Subscriptions(ApplicationId),
    Revocation(Digest),
    Family(String),
}

/// A subject as it is now; `None` where it is gone.
pub(super) enum State {
    ApiKey(Digest, Option<ApiKeyRow>),
    Application(ApplicationId, Option<Application>),
    Client(String, Option<ClientRow>),
    Family(String, Option<UnixTime>),
    Revocation(Digest, Option<UnixTime>),
    Subscriptions(ApplicationId, Vec<Bond>),
    User(UserName, Option<User>),
}

impl Subject {
    /// Names it for the log.
    pub(super) fn write(&self) -> (&'static str, String) {
        match self {
            Self::ApiKey(digest) => ("api_key", encoded(digest)),
            Self::Application(id) => ("application", id.0.to_string()),
            Self::Client(consumer_key) => ("client", consumer_key.clone()),
            Self::Family(family) => ("family", family.clone()),
            Self::Revocation(digest) => ("revocation", encoded(digest)),
            Self::Subscriptions(id) => ("subscriptions", id.0.to_string()),
            Self::User(name) => ("user", name.to_string()),
        }
    }

    /// Reads what the log says; `None` for what a later version wrote.
    pub(super) fn read(noun: &str, name: &str) -> Option<Self> {
        let id = || name.parse().ok().map(ApplicationId);
        match noun {
            "api_key" => decoded(name).map(Self::ApiKey),
            "application" => id().map(Self::Application),
            "client" => Some(Self::Client(name.to_owned())),
            "family" => Some(Self::Family(name.to_owned())),
            "revocation" => decoded(name).map(Self::Revocation),
            "subscriptions" => id().map(Self::Subscriptions),
            "user" => {
                let (name, tenant) = name.rsplit_once('@')?;
                let tenant = TenantName::parse(tenant).ok()?;
                let name = name.to_owned();
                Some(Self::User(UserName { tenant, name }))
            }
            _ => None,
        }
    }

    /// Reads it as it is now.
    pub(super) async fn load(self, db: &mut AnyConnection) -> sqlx::Result<State> {
        Ok(match self {
            Self::ApiKey(digest) => State::ApiKey(digest, api_key::find(db, &digest).await?),
            Self::Application(id) => State::Application(id, application::find(db, id).await?),
            Self::Client(key) => {
                let row = client::find(db, &key).await?;
                State::Client(key, row)
            }
            Self::Family(family) => {
                let expires = revocation::find_family(db, &family).await?;
                State::Family(family, expires)
            }
            Self::Revocation(digest) => State::Revocation(digest, revocation::find(db, &digest).await?),
            Self::Subscriptions(id) => State::Subscriptions(id, subscription::of(db, id).await?),
            Self::User(name) => {
                let row = user::find(db, &name).await?;
                State::User(name, row)
            }
        })
    }
}

fn encoded(digest: &Digest) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest.0)
}

fn decoded(text: &str) -> Option<Digest> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
    bytes.try_into().ok().map(Digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_read_as_it_was_written() {
        let name = UserName {
            tenant: TenantName::root(),
            name: "a@b".to_owned(),
        };
        for subject in [
            Subject::User(name),
            Subject::Application(ApplicationId(7)),
            Subject::Client("key".to_owned()),
            Subject::ApiKey(Digest::of("a")),
            Subject::Subscriptions(ApplicationId(7)),
            Subject::Revocation(Digest::of("b")),
            Subject::Family("family".to_owned()),
        ] {
            let (noun, name) = subject.write();
            assert_eq!(Subject::read(noun, &name), Some(subject));
        }
        assert_eq!(Subject::read("moon", "1"), None);
        assert_eq!(Subject::read("application", "x"), None);
    }
}
