//! Consumers: users, applications, their keys and subscriptions, and the tokens that the gateway itself gives them.

use admin::model::instant::UnixTime;
use admin::model::name::{ApiName, TenantName, TierName, VersionName};
use admin::registry::api_key::{NewApiKey, Restrictions};
use admin::registry::application::{ApplicationId, NewApplication, TokenType};
use admin::registry::key_pair::{ClientProof, GrantType, Issued, KeyType, NewKeyPair};
use admin::registry::subscription::{NewSubscription, Subscribed, SubscriptionId, SubscriptionState};
use admin::registry::user::{NewUser, UserName};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::caller::{Call, Reply, post};
use super::gateway::Gateway;

/// The password of everybody.
pub(crate) const PASSWORD: &str = "correct horse";

/// An application with a key pair for production.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) id: ApplicationId,
    pub(crate) keys: Issued,
}

/// Returns the present moment.
pub(crate) fn now() -> UnixTime {
    tollgate::credential::now()
}

/// Writes what `Authorization` says of a name and a password.
pub(crate) fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

fn user_name(name: &str) -> UserName {
    let (name, tenant) = name.split_once('@').unwrap_or((name, "carbon.super"));
    UserName {
        tenant: TenantName::parse(tenant).unwrap(),
        name: name.to_owned(),
    }
}

impl Call {
    /// Shows a token.
    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }
}

impl Gateway {
    /// Makes a user, `name` or `name@tenant`.
    pub(crate) async fn user(&self, name: &str, roles: &[&str]) -> UserName {
        let user = NewUser {
            name: user_name(name),
            password: PASSWORD.to_owned(),
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
        };
        self.registry().add_user(user, now()).await.unwrap();
        user_name(name)
    }

    /// Makes an application whose tokens are signed; its owner is made where there is none.
    pub(crate) async fn app(&self, owner: &str, name: &str) -> App {
        self.app_with(owner, name, TokenType::Jwt).await
    }

    pub(crate) async fn app_with(&self, owner: &str, name: &str, token_type: TokenType) -> App {
        let owner = match self.registry().view().user(&user_name(owner)) {
            Some(known) => known.name.clone(),
            None => self.user(owner, &[]).await,
        };
        let application = NewApplication {
            name: name.to_owned(),
            owner,
            tier: TierName::parse("Unlimited").unwrap(),
            token_type,
        };
        let id = self.registry().add_application(application, now()).await.unwrap();
        let keys = self.keys(id, KeyType::Production, ClientProof::default()).await;
        App { id, keys }
    }

    pub(crate) async fn keys(&self, application: ApplicationId, key_type: KeyType, proof: ClientProof) -> Issued {
        let pair = NewKeyPair {
            application,
            key_type,
            grants: vec![
                GrantType::ClientCredentials,
                GrantType::JwtBearer,
                GrantType::Password,
                GrantType::RefreshToken,
            ],
            redirect_uris: Vec::new(),
            proof,
            given: None,
        };
        self.registry().add_key_pair(pair, now()).await.unwrap()
    }

    pub(crate) async fn sandbox_keys(&self, app: &App) -> Issued {
        self.keys(app.id, KeyType::Sandbox, ClientProof::default()).await
    }

    pub(crate) async fn api_key(&self, app: &App, restrictions: Restrictions) -> String {
        let key = NewApiKey {
            application: app.id,
            key_type: KeyType::Production,
            restrictions,
            expires: None,
        };
        self.registry().add_api_key(key, now()).await.unwrap().1
    }

    /// Subscribes an application to a version of an API of the root tenant, unblocked.
    pub(crate) async fn subscribe(&self, app: &App, api: &str, version: &str) -> SubscriptionId {
        self.subscribe_to(app, "carbon.super", api, version, SubscriptionState::Unblocked)
            .await
    }

    #[expect(clippy::too_many_arguments, reason = "a subscription is as many words")]
    pub(crate) async fn subscribe_to(
        &self,
        app: &App,
        tenant: &str,
        api: &str,
        version: &str,
        state: SubscriptionState,
    ) -> SubscriptionId {
        let subscription = NewSubscription {
            application: app.id,
            to: Subscribed {
                tenant: TenantName::parse(tenant).unwrap(),
                api: ApiName::parse(api).unwrap(),
                version: VersionName::parse(version).unwrap(),
            },
            tier: TierName::parse("Unlimited").unwrap(),
            state,
        };
        self.registry().subscribe(subscription, now()).await.unwrap()
    }

    /// Asks one of the gateway's own paths with a form, as a client that is known by its secret.
    pub(crate) async fn ask(&self, path: &str, keys: &Issued, form: &str) -> Reply {
        let known_as = basic(&keys.consumer_key, &keys.consumer_secret);
        self.call(form_to(path, form).header("Authorization", &known_as)).await
    }

    /// Asks the token endpoint, which must give something.
    pub(crate) async fn grant(&self, keys: &Issued, form: &str) -> Value {
        self.ask("/oauth2/token", keys, form).await.expect(200).json()
    }

    /// Gets an application's own token.
    pub(crate) async fn app_token(&self, keys: &Issued) -> String {
        access(&self.grant(keys, "grant_type=client_credentials").await)
    }

    /// Makes an application that subscribes to a version, and gets its own token.
    pub(crate) async fn subscriber(&self, name: &str, (api, version): (&str, &str)) -> String {
        let app = self.app("joe", name).await;
        self.subscribe(&app, api, version).await;
        self.app_token(&app.keys).await
    }

    /// Gets a user's token with these scopes.
    pub(crate) async fn user_token(&self, keys: &Issued, user: &str, scope: &str) -> String {
        access(&self.user_grant(keys, user, scope).await)
    }

    pub(crate) async fn user_grant(&self, keys: &Issued, user: &str, scope: &str) -> Value {
        let (scope, password) = (scope.replace(' ', "+"), PASSWORD.replace(' ', "+"));
        let form = format!("grant_type=password&username={user}&password={password}&scope={scope}");
        self.grant(keys, &form).await
    }
}

/// Writes a form to one of the gateway's own paths.
pub(crate) fn form_to(path: &str, form: &str) -> Call {
    post(path, form).header("Content-Type", "application/x-www-form-urlencoded")
}

fn access(granted: &Value) -> String {
    granted["access_token"].as_str().unwrap().to_owned()
}
