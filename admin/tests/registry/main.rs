//! The registry on both engines: every promise is kept on SQLite and on a real PostgreSQL server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the whole file is a test, its functions beside the tests too"
)]

mod applications;
mod audit;
mod filling;
mod following;
mod postgres;
mod secrets;
mod tokens;
mod users;

use admin::model::instant::UnixTime;
use admin::model::name::{ApiName, TenantName, TierName, VersionName};
use admin::registry::application::{ApplicationId, NewApplication, TokenType};
use admin::registry::key_pair::{ClientProof, GrantType, KeyType, NewKeyPair};
use admin::registry::subscription::{NewSubscription, Subscribed, SubscriptionState};
use admin::registry::token::{AuthorizationCode, Digest, Granted, NewToken, RefreshToken, TokenRecord};
use admin::registry::user::{NewUser, UserName};
use admin::registry::{Registry, RegistryError};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};
use std::sync::Arc;
use tempfile::TempDir;

/// Makes a test of each promise on each engine.
macro_rules! promises {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                super::$name($crate::Place::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                super::$name($crate::Place::postgres().await).await;
            })*
        }
    };
}
pub(crate) use promises;

/// Where a registry is; every one that is opened there is a process of its own.
pub(crate) struct Place {
    url: String,
    data: TempDir,
}

impl Place {
    fn sqlite() -> Self {
        Self {
            url: "sqlite".to_owned(),
            data: TempDir::new().unwrap(),
        }
    }

    async fn postgres() -> Self {
        Self {
            url: postgres::database().await,
            data: TempDir::new().unwrap(),
        }
    }

    pub(crate) async fn open(&self) -> Registry {
        Registry::open(&self.url, self.data.path(), NOW).await.unwrap()
    }

    /// Runs statements past the registry.
    pub(crate) async fn execute(&self, statements: &[String]) {
        let url = match self.url.as_str() {
            "sqlite" => format!("sqlite://{}/registry.db", self.data.path().display()),
            url => url.to_owned(),
        };
        let mut connection = AnyConnection::connect(&url).await.unwrap();
        for statement in statements {
            connection.execute(AssertSqlSafe(statement.as_str())).await.unwrap();
        }
        connection.close().await.unwrap();
    }
}

pub(crate) const NOW: UnixTime = UnixTime(1_000_000);
pub(crate) const LATER: UnixTime = UnixTime(1_003_600);
pub(crate) const PASSWORD: &str = "correct horse";

pub(crate) fn name(name: &str) -> UserName {
    UserName {
        tenant: TenantName::root(),
        name: name.to_owned(),
    }
}

pub(crate) async fn add_user(registry: &Registry, user: &str, roles: &[&str]) -> Result<(), RegistryError> {
    let user = NewUser {
        name: name(user),
        password: PASSWORD.to_owned(),
        roles: roles.iter().map(ToString::to_string).collect(),
    };
    registry.add_user(user, NOW).await
}

pub(crate) fn application(named: &str) -> NewApplication {
    NewApplication {
        name: named.to_owned(),
        owner: name("joe"),
        tier: TierName::parse("Unlimited").unwrap(),
        token_type: TokenType::Jwt,
    }
}

pub(crate) fn keys(application: ApplicationId, given: Option<&str>) -> NewKeyPair {
    NewKeyPair {
        application,
        key_type: KeyType::Production,
        grants: vec![GrantType::ClientCredentials, GrantType::JwtBearer],
        redirect_uris: vec!["https://a.example/back".to_owned(), "com.example.app:/back".to_owned()],
        proof: ClientProof::default(),
        given: given.map(|key| (key.to_owned(), "0123456789abcdef".to_owned())),
    }
}

/// Makes the user joe with an application that has the consumer key `shop`.
pub(crate) async fn add_shop(registry: &Registry) -> ApplicationId {
    add_user(registry, "joe", &["staff"]).await.unwrap();
    let id = registry.add_application(application("Shop"), NOW).await.unwrap();
    registry.add_key_pair(keys(id, Some("shop")), NOW).await.unwrap();
    id
}

pub(crate) fn subscription(application: ApplicationId, api: &str, version: &str) -> NewSubscription {
    NewSubscription {
        application,
        to: Subscribed {
            tenant: TenantName::root(),
            api: ApiName::parse(api).unwrap(),
            version: VersionName::parse(version).unwrap(),
        },
        tier: TierName::parse("Gold").unwrap(),
        state: SubscriptionState::Unblocked,
    }
}

pub(crate) fn granted(family: Option<&str>) -> Granted {
    Granted {
        consumer_key: "shop".to_owned(),
        user: Some(name("joe")),
        scopes: vec!["read".to_owned(), "write".to_owned()],
        family: family.map(str::to_owned),
        certificate: Some(Digest::of("certificate")),
    }
}

pub(crate) fn token(secret: &str, family: Option<&str>) -> NewToken {
    NewToken {
        digest: Digest::of(secret),
        record: Arc::new(TokenRecord {
            granted: granted(family),
            issued: NOW,
            expires: LATER,
        }),
    }
}

pub(crate) fn refresh_token(secret: &str, family: &str) -> RefreshToken {
    RefreshToken {
        digest: Digest::of(secret),
        granted: granted(Some(family)),
        authenticated: Some(NOW),
        expires: LATER,
    }
}

pub(crate) fn code(secret: &str, family: &str) -> AuthorizationCode {
    AuthorizationCode {
        digest: Digest::of(secret),
        granted: granted(Some(family)),
        redirect_uri: "https://a.example/back".to_owned(),
        challenge: "challenge".to_owned(),
        nonce: None,
        authenticated: NOW,
        expires: NOW.plus(600),
    }
}
