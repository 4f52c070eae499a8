//! The endpoints over a registry on SQLite, a catalog and a clock that is stepped: requests in, answers out.

mod assertions;
mod authorize;
mod clients;
mod grants;
mod guessing;
mod hostile;
mod tokens;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use jsonwebtoken::Algorithm;
use parking_lot::Mutex;
use serde_json::Value;
use tower::ServiceExt;

use super::router;
use crate::model::catalog::Catalog;
use crate::model::instant::UnixTime;
use crate::model::key_manager::{ClaimNames, IssuerKeys, KeyManager};
use crate::model::name::{KeyManagerName, ScopeName, TenantName, TierName};
use crate::model::place::Place;
use crate::model::scope::Scope;
use crate::model::tenant::{Tenant, TenantState};
use crate::oauth::authority::Wanted;
use crate::oauth::keys::{Rotation, SigningKeys};
use crate::oauth::peer::Peer;
use crate::oauth::settings::OauthSettings;
use crate::oauth::{Authority, form};
use crate::registry::Registry;
use crate::registry::application::{NewApplication, TokenType};
use crate::registry::key_pair::{ClientProof, GrantType, KeyType, NewKeyPair};
use crate::registry::user::{NewUser, UserName};

const ISSUER: &str = "https://gate.example";
const START: u64 = 1_700_000_000;
const BACK: &str = "https://app.example/back";

/// A token endpoint and everything behind it.
struct Scene {
    router: Router,
    authority: Arc<Authority>,
    clock: Arc<AtomicU64>,
    catalog: Arc<Mutex<Arc<Catalog>>>,
    /// Keys of a key manager, whose public half the catalog has.
    issuer: Arc<SigningKeys>,
    directory: tempfile::TempDir,
}

/// An answer, taken in whole.
struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {} {}", self.status, self.text))
    }

    fn text(&self, name: &str) -> String {
        let json = self.json();
        json[name]
            .as_str()
            .unwrap_or_else(|| panic!("no {name} in {json}"))
            .to_owned()
    }

    fn error(&self) -> String {
        self.text("error")
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    fn refused(&self, status: u16, error: &str) {
        assert_eq!(
            (self.status.as_u16(), self.error().as_str()),
            (status, error),
            "{}",
            self.text
        );
        assert_eq!(self.header("cache-control"), "no-store");
    }

    #[track_caller]
    fn done(self) -> Self {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        self
    }
}

fn user(name: &str, tenant: &str) -> UserName {
    UserName {
        tenant: TenantName::parse(tenant).unwrap(),
        name: name.to_owned(),
    }
}

fn peer() -> Peer {
    Peer {
        address: "192.0.2.1".parse().unwrap(),
        is_tls: true,
        certificate: None,
    }
}

fn tenant(domain: &str) -> Tenant {
    Tenant {
        domain: TenantName::parse(domain).unwrap(),
        hostnames: Vec::new(),
        state: TenantState::Active,
        authorization: None,
        api_key: None,
        place: Place::default(),
    }
}

fn scope(key: &str, name: &str, roles: &[&str]) -> Scope {
    Scope {
        tenant: TenantName::root(),
        key: ScopeName::parse(key).unwrap(),
        name: name.to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        place: Place::default(),
    }
}

fn key_manager(issuer: &str, keys: IssuerKeys) -> KeyManager {
    KeyManager {
        name: KeyManagerName::parse("Foreign").unwrap(),
        tenant: TenantName::root(),
        issuer: issuer.to_owned(),
        keys,
        audiences: Vec::new(),
        claims: ClaimNames {
            client: Vec::new(),
            scopes: Vec::new(),
            roles: None,
        },
        introspection: None,
        place: Place::default(),
    }
}

fn catalog(set: &str) -> Catalog {
    Catalog::of(
        vec![tenant("carbon.super"), tenant("acme.example")],
        vec![
            scope("news_read", "Read the news", &["employee", "manager"]),
            scope("news_write", "Write the news", &["manager"]),
        ],
        vec![
            key_manager("https://issuer.example", IssuerKeys::Inline(set.to_owned())),
            key_manager(
                "https://remote.example",
                IssuerKeys::Url("https://remote.example/jwks".to_owned()),
            ),
        ],
    )
}

impl Scene {
    async fn begin() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let now = UnixTime(START);
        let registry = Registry::open("sqlite", directory.path(), now).await.unwrap();
        for (name, tenant, roles) in [
            ("tom", "carbon.super", &["employee"][..]),
            ("john", "carbon.super", &["employee", "manager"][..]),
            ("owner", "carbon.super", &["employee"][..]),
            ("anna", "acme.example", &["employee"][..]),
        ] {
            let new = NewUser {
                name: user(name, tenant),
                password: format!("password of {name}"),
                roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            };
            registry.add_user(new, now).await.unwrap();
        }
        let rotation = Rotation {
            algorithm: Algorithm::ES256,
            ..Rotation::default()
        };
        let open =
            |name: &str| SigningKeys::open_rotating(&directory.path().join(name), rotation.clone(), now).unwrap();
        let issuer = Arc::new(open("issuer"));
        let clock = Arc::new(AtomicU64::new(START));
        let catalog = Arc::new(Mutex::new(Arc::new(catalog(&issuer.jwks(now)))));
        let (time, served) = (Arc::clone(&clock), Arc::clone(&catalog));
        let authority = Authority::new(
            Arc::new(registry),
            Arc::new(open("keys")),
            OauthSettings::of(ISSUER),
            Box::new(move || Arc::clone(&served.lock())),
            Box::new(move || UnixTime(time.load(Ordering::SeqCst))),
        );
        let remote = Arc::clone(&issuer);
        let authority = authority.fetching(Box::new(move |_, wanted| {
            let set = match wanted {
                Wanted::Known => r#"{"keys":[]}"#.to_owned(),
                Wanted::Newer => remote.jwks(now).to_string(),
            };
            Box::pin(async move { Some(set) })
        }));
        let authority = Arc::new(authority);
        let scene = Self {
            router: router(Arc::clone(&authority)),
            authority,
            clock,
            catalog,
            issuer,
            directory,
        };
        scene.client("app", ClientProof::default(), TokenType::Jwt).await;
        scene
    }

    /// Makes an application `name` with the consumer key `name-consumer-key` and every grant.
    async fn client(&self, name: &str, proof: ClientProof, token_type: TokenType) {
        self.client_of(
            name,
            proof,
            token_type,
            (user("owner", "carbon.super"), &GrantType::ALL),
        )
        .await;
    }

    async fn client_of(
        &self,
        name: &str,
        proof: ClientProof,
        token_type: TokenType,
        (owner, grants): (UserName, &[GrantType]),
    ) {
        let registry = &self.authority.registry;
        let application = NewApplication {
            name: name.to_owned(),
            owner,
            tier: TierName::parse("Unlimited").unwrap(),
            token_type,
        };
        let application = registry.add_application(application, self.now()).await.unwrap();
        let keys = NewKeyPair {
            application,
            key_type: KeyType::Production,
            grants: grants.to_vec(),
            redirect_uris: vec![BACK.to_owned(), "http://127.0.0.1/native".to_owned()],
            given: Some((key(name), secret(name))),
            proof,
        };
        registry.add_key_pair(keys, self.now()).await.unwrap();
    }

    fn now(&self) -> UnixTime {
        UnixTime(self.clock.load(Ordering::SeqCst))
    }

    fn step(&self, seconds: u64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response: Response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// Sends a form as the client `app` by Basic.
    async fn post(&self, path: &str, pairs: &[(&str, &str)]) -> Answer {
        self.post_as("app", path, pairs).await
    }

    async fn post_as(&self, client: &str, path: &str, pairs: &[(&str, &str)]) -> Answer {
        let request = post(path, pairs).header(header::AUTHORIZATION, basic(&key(client), &secret(client)));
        self.send(
            request
                .extension(peer())
                .body(form::encode(pairs.iter().copied()).into())
                .unwrap(),
        )
        .await
    }

    /// Sends a form without any proof beside what stands in it.
    async fn post_bare(&self, path: &str, pairs: &[(&str, &str)], peer: Peer) -> Answer {
        let request = post(path, pairs).extension(peer);
        self.send(request.body(form::encode(pairs.iter().copied()).into()).unwrap())
            .await
    }

    async fn token(&self, pairs: &[(&str, &str)]) -> Answer {
        self.post("/oauth2/token", pairs).await
    }

    /// Gets tokens for a user by password.
    async fn password(&self, client: &str, name: &str, scope: &str) -> Answer {
        let password = format!("password of {}", name.split('@').next().unwrap());
        let pairs = [
            ("grant_type", "password"),
            ("username", name),
            ("password", &password),
            ("scope", scope),
        ];
        self.post_as(client, "/oauth2/token", &pairs).await
    }

    async fn is_active(&self, token: &str) -> bool {
        self.post("/oauth2/introspect", &[("token", token)]).await.done().json()["active"] == true
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::get(path).extension(peer());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

fn post(path: &str, _pairs: &[(&str, &str)]) -> http::request::Builder {
    Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
}

fn key(client: &str) -> String {
    format!("{client}-consumer-key")
}

fn secret(client: &str) -> String {
    format!("{client}-consumer-secret-of-enough-length")
}

fn basic(key: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{key}:{secret}")))
}

/// Reads the claims of a token without believing them.
fn claims(token: &str) -> Value {
    part(token, 1)
}

fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Signs claims with keys of somebody.
fn signed(keys: &SigningKeys, typ: Option<&str>, claims: &Value) -> String {
    let key = keys.current(UnixTime(START));
    let mut header = jsonwebtoken::Header::new(key.algorithm);
    header.typ = typ.map(str::to_owned);
    header.kid = Some(key.kid.clone());
    jsonwebtoken::encode(&header, claims, &key.key).unwrap()
}

const CREDENTIALS: [(&str, &str); 1] = [("grant_type", "client_credentials")];
