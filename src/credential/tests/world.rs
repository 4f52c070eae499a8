//! A registry, keys, a version and an issuer, for the tests of this folder.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jsonwebtoken::{Algorithm, Header};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::credential::caller::Caller;
use crate::credential::{Credentials, Flaw, Judgement, Occasion, Terms};
use crate::head::ShownCertificate;
use crate::model::catalog::Catalog;
use crate::model::instant::UnixTime;
use crate::model::name::{TenantName, TierName};
use crate::model::source::{NoReferences, Source};
use crate::oauth::keys::{SigningKey, SigningKeys};
use crate::registry::Registry;
use crate::registry::application::{ApplicationId, NewApplication, TokenType};
use crate::registry::key_pair::{ClientProof, GrantType, KeyType, NewKeyPair};
use crate::registry::user::{NewUser, UserName};
use crate::snapshot::{Snapshot, compile};

pub(super) const START: UnixTime = UnixTime(1_800_000_000);
pub(super) const KEY: &str = "consumer-key-1";

pub(super) struct World {
    pub(super) credentials: Credentials,
    pub(super) registry: Arc<Registry>,
    pub(super) keys: Arc<SigningKeys>,
    pub(super) application: ApplicationId,
    pub(super) snapshot: Snapshot,
    pub(super) directory: TempDir,
}

pub(super) fn tom() -> UserName {
    UserName {
        tenant: TenantName::root(),
        name: "tom".to_owned(),
    }
}

/// Compiles an API with one version; `version` goes into it, `more` behind it.
pub(super) fn snapshot(version: &str, more: &str) -> Snapshot {
    let text = format!(
        "name = \"Pets\"\ncontext = \"/pets\"\n[[versions]]\nversion = \"1.0\"\nstate = \"published\"\ntiers = []\n{version}\n\
         [versions.endpoints]\nproduction = [\"http://127.0.0.1:9001\"]\n[[versions.resources]]\npath = \"/cats\"\nmethods = [\"GET\"]\n"
    );
    let source = |name: &str, text: String| Source {
        name: name.into(),
        text: text.into(),
    };
    let sources = [source("pets.toml", text), source("more.toml", more.to_owned())];
    compile(1, &Catalog::believe(&sources, &NoReferences).unwrap()).unwrap()
}

impl World {
    pub(super) async fn new(algorithm: Algorithm) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let registry = Arc::new(Registry::open("sqlite", directory.path(), START).await.unwrap());
        let keys = Arc::new(SigningKeys::open(&directory.path().join("keys"), algorithm, START).unwrap());
        let user = NewUser {
            name: tom(),
            password: "correct horse".to_owned(),
            roles: vec!["employee".to_owned()],
        };
        registry.add_user(user, START).await.unwrap();
        let application = NewApplication {
            name: "Phone".to_owned(),
            owner: tom(),
            tier: TierName::parse("Unlimited").unwrap(),
            token_type: TokenType::Jwt,
        };
        let application = registry.add_application(application, START).await.unwrap();
        let pair = NewKeyPair {
            application,
            key_type: KeyType::Production,
            grants: vec![GrantType::ClientCredentials],
            redirect_uris: Vec::new(),
            proof: ClientProof::default(),
            given: Some((KEY.to_owned(), "a-consumer-secret-of-some-length".to_owned())),
        };
        registry.add_key_pair(pair, START).await.unwrap();
        let credentials = Credentials::open(Arc::clone(&registry), Arc::clone(&keys), Terms::default());
        Self {
            credentials,
            registry,
            keys,
            application,
            snapshot: snapshot("security = [\"oauth2\", \"api_key\", \"basic\"]", ""),
            directory,
        }
    }

    pub(super) fn serving(mut self, version: &str, more: &str) -> Self {
        self.snapshot = snapshot(version, more);
        self
    }

    pub(super) fn on(&self, now: UnixTime) -> Occasion<'_> {
        Occasion {
            version: &self.snapshot.versions()[0],
            managers: self.snapshot.key_managers().of_tenant("carbon.super"),
            edition: (1, 0),
            claims: self.snapshot.tiers().claims(),
            certificate: None,
            client: IpAddr::V4(Ipv4Addr::LOCALHOST),
            referer: None,
            now,
        }
    }

    pub(super) fn with<'a>(&'a self, certificate: &'a ShownCertificate, now: UnixTime) -> Occasion<'a> {
        Occasion {
            certificate: Some(certificate),
            ..self.on(now)
        }
    }

    pub(super) fn bearer(&self, token: &str, now: UnixTime) -> Result<Arc<Caller>, Flaw> {
        told(self.credentials.bearer(token, &self.on(now)))
    }

    /// Judges as the gateway does: fetches what must be fetched.
    pub(super) async fn fetched(&self, judge: impl Fn() -> Judgement, now: UnixTime) -> Result<Arc<Caller>, Flaw> {
        for _ in 0..5 {
            match judge() {
                Judgement::Unknown(fetch) => self.credentials.obtain(fetch, now).await,
                judged => return told(judged),
            }
        }
        panic!("it never ends");
    }

    pub(super) async fn bearer_fetched(&self, token: &str, now: UnixTime) -> Result<Arc<Caller>, Flaw> {
        self.fetched(|| self.credentials.bearer(token, &self.on(now)), now)
            .await
    }

    /// Signs what an access token of ours says, with some of it changed; `null` takes a claim away.
    pub(super) fn token(&self, changes: Value) -> String {
        sign(
            &self.keys.current(START),
            "at+jwt",
            claims(&self.credentials.terms().issuer, changes),
        )
    }
}

pub(super) fn told(judgement: Judgement) -> Result<Arc<Caller>, Flaw> {
    match judgement {
        Judgement::Proven(caller) => Ok(caller),
        Judgement::Unproven(flaw) => Err(flaw),
        Judgement::Unknown(fetch) => panic!("{fetch:?}"),
    }
}

pub(super) fn claims(issuer: &str, changes: Value) -> Value {
    let mut claims = json!({
        "iss": issuer, "sub": KEY, "aud": KEY, "client_id": KEY, "azp": KEY, "exp": START.0 + 3600, "iat": START.0,
        "nbf": START.0, "jti": "jti-1", "scope": "b a", "aut": "APPLICATION", "keytype": "PRODUCTION",
    });
    let fields = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(fields.remove(name)),
            value => drop(fields.insert(name.clone(), value.clone())),
        }
    }
    claims
}

pub(super) fn sign(key: &SigningKey, kind: &str, claims: Value) -> String {
    let header = Header {
        kid: Some(key.kid.clone()),
        typ: Some(kind.to_owned()),
        ..Header::new(key.algorithm)
    };
    jsonwebtoken::encode(&header, &claims, &key.key).unwrap()
}

/// Somebody who answers every request with the same JSON, and counts.
pub(super) struct Answering {
    pub(super) url: String,
    pub(super) answer: Arc<Mutex<Option<String>>>,
    pub(super) asked: Arc<AtomicUsize>,
    pub(super) last: Arc<Mutex<String>>,
}

impl Answering {
    pub(super) async fn with(text: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/x", listener.local_addr().unwrap());
        let this = Self {
            url,
            answer: Arc::new(Mutex::new(Some(text.to_owned()))),
            asked: Arc::default(),
            last: Arc::default(),
        };
        let (answer, asked, last) = (
            Arc::clone(&this.answer),
            Arc::clone(&this.asked),
            Arc::clone(&this.last),
        );
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = vec![0; 16 << 10];
                let mut length = 0;
                loop {
                    let read = stream.read(&mut request[length..]).await.unwrap_or(0);
                    length += read;
                    let text = String::from_utf8_lossy(&request[..length]).into_owned();
                    let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
                        let stated = head.to_lowercase();
                        let stated = stated
                            .split("content-length: ")
                            .nth(1)
                            .and_then(|rest| rest.lines().next());
                        body.len() >= stated.and_then(|length| length.parse().ok()).unwrap_or(0)
                    });
                    if whole || read == 0 {
                        *last.lock() = text;
                        break;
                    }
                }
                asked.fetch_add(1, Ordering::SeqCst);
                let (status, body) = match answer.lock().clone() {
                    Some(body) => ("200 OK", body),
                    None => ("503 Unavailable", String::new()),
                };
                let text = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(text.as_bytes()).await;
            }
        });
        this
    }

    pub(super) fn says(&self, text: Option<&str>) {
        *self.answer.lock() = text.map(str::to_owned);
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}
