//! The admin API over a registry on SQLite, a catalog and a clock that is stepped: requests in, answers out.

mod audit;
mod catalog;
mod consumers;
mod documented;
mod serving;
mod sessions;
mod users;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::catalog::Changes;
use super::ports::{self, Ports};
use super::{About, Means, router};
use crate::control::change::{Author, Change};
use crate::control::history::History;
use crate::control::publish::{Publish, Revision};
use crate::control::{Changed, Control, ControlError};
use crate::http::traffic::{EndpointHealth, Traffic, TrafficHistory, VersionTraffic};
use crate::model::catalog::Catalog;
use crate::model::instant::UnixTime;
use crate::model::name::{TenantName, TierName};
use crate::model::source::NoReferences;
use crate::model::violation::Violation;
use crate::oauth::keys::{Rotation, SigningKeys};
use crate::oauth::peer::Peer;
use crate::oauth::settings::OauthSettings;
use crate::oauth::{Authority, form};
use crate::registry::Registry;
use crate::registry::application::{NewApplication, TokenType};
use crate::registry::key_pair::{ClientProof, GrantType, KeyType, NewKeyPair};
use crate::registry::user::{NewUser, UserName};

const START: u64 = 1_700_000_000;

/// The admin API and everything behind it.
struct Scene {
    router: Router,
    oauth: Router,
    authority: Arc<Authority>,
    idle: Arc<Idle>,
    means: Arc<Means>,
    clock: Arc<AtomicU64>,
    directory: tempfile::TempDir,
}

/// An answer, taken in whole.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        if status >= 400 {
            assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
            assert_eq!(self.json()["status"], status, "{self:?}");
        }
        self
    }

    #[track_caller]
    fn refused(self, status: u16, code: &str) -> Self {
        let answer = self.is(status);
        assert_eq!(answer.json()["code"], code, "{answer:?}");
        answer
    }

    /// Returns the session's cookie, as a browser sends it.
    fn cookie(&self) -> String {
        self.header("set-cookie").split(';').next().unwrap().to_owned()
    }
}

/// A request that is put together.
struct Call(http::request::Builder, Body);

fn call(method: &str, path: &str) -> Call {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    Call(
        Request::builder().method(method).uri(path).extension(peer()),
        Body::empty(),
    )
}

impl Call {
    fn field(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value), self.1)
    }

    fn token(self, token: &str) -> Self {
        self.field("authorization", &format!("Bearer {token}"))
    }

    fn json(self, body: &Value) -> Self {
        Self(
            self.0.header(header::CONTENT_TYPE, "application/json"),
            body.to_string().into(),
        )
    }

    fn body(self, body: &str) -> Self {
        Self(self.0, body.to_owned().into())
    }

    fn from(self, peer: Peer) -> Self {
        Self(self.0.extension(peer), self.1)
    }
}

fn peer() -> Peer {
    Peer {
        address: "192.0.2.1".parse().unwrap(),
        is_tls: true,
        certificate: None,
    }
}

fn user(name: &str) -> UserName {
    let (name, tenant) = name.split_once('@').unwrap_or((name, "carbon.super"));
    UserName {
        tenant: TenantName::parse(tenant).unwrap(),
        name: name.to_owned(),
    }
}

fn password(name: &str) -> String {
    format!("password of {name}")
}

/// Takes every catalog.
struct Nobody;

impl Publish for Nobody {
    fn prepare(&self, _: Revision, _: &Catalog) -> Result<Box<dyn FnOnce() + Send>, Vec<Violation>> {
        Ok(Box::new(|| {}))
    }
}

const CATALOG: &str = r#"
[[tiers]]
name = "Gold"
level = "subscription"
tenant = "acme.example"
limits = [{ requests = 9, per = "1m" }]
[[tiers]]
name = "Silver"
level = "subscription"
tenant = "acme.example"
limits = [{ requests = 5, per = "1m" }]
[[tenants]]
domain = "acme.example"
[[tenants]]
domain = "other.example"
[[tiers]]
name = "Large"
level = "application"
tenant = "acme.example"
limits = [{ requests = 9, per = "1m" }]
[[tiers]]
name = "Bosses"
level = "application"
tenant = "acme.example"
roles = ["boss"]
limits = [{ requests = 9, per = "1m" }]
"#;

const API: &str = r#"
name = "Pets"
tenant = "acme.example"
context = "/pets"
[[versions]]
version = "1.0"
state = "published"
tiers = ["Gold", "Silver"]
subscribers = ["carbon.super"]
[versions.endpoints]
production = ["http://127.0.0.1:9001"]
[[versions.resources]]
path = "/*"
methods = ["GET"]
"#;

/// Everybody who asks something in these tests.
const USERS: [(&str, &[&str]); 9] = [
    ("root", &["admin"]),
    ("pub", &["publisher"]),
    ("view", &["viewer", "employee"]),
    ("tom", &["employee"]),
    ("admin@acme.example", &["admin"]),
    ("pub@acme.example", &["publisher"]),
    ("view@acme.example", &["viewer"]),
    ("tom@acme.example", &["employee"]),
    ("admin@other.example", &["admin"]),
];

impl Scene {
    async fn begin() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let now = UnixTime(START);
        let registry = Registry::open("sqlite", directory.path(), now).await.unwrap();
        for (name, roles) in USERS {
            let new = NewUser {
                name: user(name),
                password: password(name),
                roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            };
            registry.add_user(new, now).await.unwrap();
        }
        let keys = SigningKeys::open_rotating(&directory.path().join("keys"), Rotation::default(), now).unwrap();
        let files = directory.path().join("catalog");
        std::fs::create_dir_all(files.join("apis")).unwrap();
        std::fs::write(files.join("shared.toml"), CATALOG).unwrap();
        std::fs::write(files.join("apis/pets.toml"), API).unwrap();
        let history = History::open(directory.path().join("revisions.jsonl"), 100).unwrap();
        let control = Control::new(Box::new(NoReferences), Box::new(Nobody)).keeping(files.clone(), history);
        let control = Arc::new(control);
        control.apply(Change::Reread(files.clone())).unwrap();
        let clock = Arc::new(AtomicU64::new(START));
        let (time, served) = (Arc::clone(&clock), Arc::clone(&control));
        let authority = Arc::new(Authority::new(
            Arc::new(registry),
            Arc::new(keys),
            OauthSettings::of("https://gate.example"),
            Box::new(move || served.catalog()),
            Box::new(move || UnixTime(time.load(Ordering::SeqCst))),
        ));
        let about = About {
            version: "1.2.3",
            started: now,
            is_read_only: Box::new(|| false),
        };
        let idle = Arc::new(Idle::default());
        let ports = Ports {
            changes: Arc::new(Files {
                control: Arc::clone(&control),
                directory: files,
            }),
            explain: idle.clone(),
            purge: idle.clone(),
            quotas: idle.clone(),
            reload: idle.clone(),
            traffic: idle.clone(),
        };
        let means = Means::new(Arc::clone(&authority), control, about, ports);
        let scene = Self {
            router: router(&means),
            oauth: crate::http::oauth::router(Arc::clone(&authority)),
            authority,
            idle,
            means,
            clock,
            directory,
        };
        scene.client().await;
        scene
    }

    /// Makes an application that gets tokens by password.
    async fn client(&self) {
        let application = NewApplication {
            name: "app".to_owned(),
            owner: user("tom"),
            tier: TierName::parse("Unlimited").unwrap(),
            token_type: TokenType::Jwt,
        };
        let registry = &self.authority.registry;
        let application = registry.add_application(application, self.now()).await.unwrap();
        let keys = NewKeyPair {
            application,
            key_type: KeyType::Production,
            grants: vec![GrantType::Password],
            redirect_uris: Vec::new(),
            given: Some((
                "client-of-the-tests".to_owned(),
                "secret-of-the-tests-0123456789".to_owned(),
            )),
            proof: ClientProof::default(),
        };
        registry.add_key_pair(keys, self.now()).await.unwrap();
    }

    fn now(&self) -> UnixTime {
        UnixTime(self.clock.load(Ordering::SeqCst))
    }

    fn step(&self, seconds: u64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    async fn send(&self, call: Call) -> Answer {
        let request = call.0.body(call.1).unwrap();
        answered(self.router.clone(), request).await
    }

    /// Gets a token of a user, with `tollgate:admin`.
    async fn token(&self, name: &str) -> String {
        self.token_with(name, "tollgate:admin tollgate:view").await
    }

    async fn token_with(&self, name: &str, scope: &str) -> String {
        let form = form::encode([
            ("grant_type", "password"),
            ("username", name),
            ("password", &password(name)),
            ("scope", scope),
            ("client_id", "client-of-the-tests"),
            ("client_secret", "secret-of-the-tests-0123456789"),
        ]);
        let request = Request::post("/oauth2/token")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .extension(peer())
            .body(form.into())
            .unwrap();
        let answer = answered(self.oauth.clone(), request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }
}

async fn answered(router: Router, request: Request<Body>) -> Answer {
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

/// Changes the catalog of a directory.
struct Files {
    control: Arc<Control>,
    directory: PathBuf,
}

impl Changes for Files {
    fn change(&self, change: Change, author: &Author) -> Result<Changed, ControlError> {
        self.control.change(change, author)
    }

    fn try_out(&self, change: Change) -> Result<Changed, ControlError> {
        self.control.try_out(change)
    }

    fn directory(&self) -> PathBuf {
        self.directory.clone()
    }
}

/// Serves no traffic, and remembers what it was asked to forget.
#[derive(Default)]
struct Idle {
    purged: parking_lot::Mutex<Vec<String>>,
}

impl ports::Explain for Idle {
    fn explain(&self, question: ports::Question) -> ports::Explaining {
        Box::pin(async move { Ok(serde_json::json!({ "decision": "permitted", "url": question.url })) })
    }

    fn recall(&self, request: &str) -> Vec<Value> {
        if request == "known" {
            vec![Value::from("refused")]
        } else {
            Vec::new()
        }
    }
}

impl Traffic for Idle {
    fn history(&self) -> TrafficHistory {
        let version = |tenant: &str| VersionTraffic {
            tenant: tenant.to_owned(),
            api: "Pets".to_owned(),
            version: "1".to_owned(),
            requests: 7,
            client_errors: 0,
            server_errors: 0,
            samples: Vec::new(),
        };
        TrafficHistory {
            interval_seconds: 10,
            most: 360,
            samples: Vec::new(),
            versions: vec![version("carbon.super"), version("acme.example")],
        }
    }

    fn endpoints(&self, version: (&str, &str, &str)) -> Option<Vec<EndpointHealth>> {
        (version == ("carbon.super", "Pets", "1")).then(Vec::new)
    }
}

impl ports::Purge for Idle {
    fn purge(&self, named: &ports::Named, _: &str) -> Result<(), ports::Refused> {
        self.purged.lock().push(serde_json::to_string(named).unwrap());
        Ok(())
    }

    fn tenant_of(&self, url: &str) -> Option<String> {
        let rest = url.strip_prefix("/t/").unwrap_or("carbon.super");
        rest.split('/').next().map(str::to_owned)
    }
}

impl ports::Quotas for Idle {
    fn show(&self, application: &str, user: Option<&str>) -> Option<Value> {
        Some(serde_json::json!({ "application": application, "user": user }))
    }

    fn reset(&self, application: &str, user: Option<&str>) -> Option<Value> {
        self.show(application, user)
    }
}

impl ports::Reload for Idle {
    fn reload(&self) -> Result<ports::Reloaded, Vec<Violation>> {
        Ok(ports::Reloaded {
            revision: 7,
            apis: 3,
            unchanged: false,
        })
    }
}
