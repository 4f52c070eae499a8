//! What questions are asked of: the catalog and the registry of `conf`, and requests.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use admin::model::catalog::Catalog;
use admin::model::instant::UnixTime;
use admin::model::sample;
use admin::model::source::{NoReferences, Source};
use admin::oauth::keys::SigningKeys;
use admin::registry::Registry;
use admin::registry::bootstrap::Bootstrap;
use http::{HeaderMap, HeaderValue, Method};
use jsonwebtoken::{Algorithm, Header};
use serde_json::json;
use tollgate::credential::{Credentials, Terms};
use tollgate::head::{Head, Scheme};
use tollgate::model::security::CredentialFields;
use tollgate::quota::Secret;
use tollgate::settings::Limits;
use tollgate::snapshot::{Snapshot, compile, compile_for};

use crate::scratch::Scratch;

/// What is served.
const CATALOG: &str = include_str!("../conf/catalog/apis/orders.toml");
/// What fills the registry.
const REGISTRY: &str = include_str!("../conf/bootstrap.toml");

/// What is served, and to whom. It is never dropped: questions refer to it until the process ends.
pub(crate) struct World {
    pub(crate) snapshot: Snapshot,
    pub(crate) credentials: Credentials,
    keys: Arc<SigningKeys>,
}

impl World {
    /// Makes it.
    pub(crate) fn new() -> &'static Self {
        let catalog = Catalog::believe(&[source("orders.toml", CATALOG)], &NoReferences).expect("a catalog");
        let data = Scratch::new("world").expect("a directory");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let registry = runtime.block_on(async {
            let registry = Registry::open("sqlite", data.path(), NOW).await.expect("a registry");
            let bootstrap = Bootstrap::believe(&source("bootstrap.toml", REGISTRY), &NoReferences, Some(&catalog));
            let bootstrap = bootstrap.expect("consumers");
            assert!(registry.fill(bootstrap, NOW).await.expect("a registry"));
            registry
        });
        let keys = SigningKeys::open(&data.path().join("keys"), Algorithm::ES256, NOW).expect("keys");
        let (registry, keys) = (Arc::new(registry), Arc::new(keys));
        std::mem::forget(runtime);
        Box::leak(Box::new(Self {
            snapshot: compile_for(1, &catalog, (&CredentialFields::default(), &secret())).expect("a snapshot"),
            credentials: Credentials::open(registry, Arc::clone(&keys), Terms::default()),
            keys,
        }))
    }

    /// Issues a token.
    pub(crate) fn token(&self) -> String {
        let key = self.keys.current(NOW);
        let header = Header {
            kid: Some(key.kid.clone()),
            typ: Some("at+jwt".to_owned()),
            ..Header::new(key.algorithm)
        };
        let claims = json!({
            "iss": Terms::default().issuer, "sub": CLIENT, "aud": CLIENT, "client_id": CLIENT, "azp": CLIENT,
            "exp": NOW.0 + 3600, "iat": NOW.0, "nbf": NOW.0, "jti": "token", "scope": "read", "aut": "APPLICATION",
            "keytype": "PRODUCTION",
        });
        jsonwebtoken::encode(&header, &claims, &key.key).expect("a token")
    }
}

fn source(name: &str, text: &str) -> Source {
    Source {
        name: name.into(),
        text: text.into(),
    }
}

/// Compiles a sample of so many APIs.
pub(crate) fn sampled(apis: usize) -> Snapshot {
    let catalog = Catalog::believe(&sample::catalog(apis, 1, 5), &NoReferences).expect("a sample is valid");
    compile(1, &catalog).expect("a sample compiles")
}

/// Makes the fields of a request.
pub(crate) fn headers(token: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "bench.example"),
        ("accept", "*/*"),
        ("user-agent", "bench/1.0"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(token) = token {
        let value = HeaderValue::from_str(&format!("Bearer {token}")).expect("a token is a value");
        headers.insert("authorization", value);
    }
    headers
}

/// Makes the head of a request.
pub(crate) fn head<'a>(path: &'a str, headers: &'a HeaderMap) -> Head<'a> {
    Head {
        method: &Method::GET,
        path: path.as_bytes(),
        target_bytes: path.len(),
        query: "",
        certificate: None,
        host: Some("bench.example"),
        headers,
        raw: b"",
        scheme: Scheme::Http,
        client: CALLER,
    }
}

/// Returns limits that no request reaches.
pub(crate) fn limits() -> Limits {
    Limits {
        connections: 1000,
        header_count: 100,
        header_bytes: 32 * 1024,
        uri_bytes: 8 * 1024,
        request_body: 1024 * 1024,
        requests_per_connection: 1000,
        http2_streams: 100,
    }
}

/// Returns what keys of counts are made with.
pub(crate) fn secret() -> Secret {
    Secret::new([7; 16])
}

/// Who calls.
pub(crate) const CALLER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// When.
pub(crate) const NOW: UnixTime = UnixTime(1_800_000_000);
const CLIENT: &str = "bench-application";
