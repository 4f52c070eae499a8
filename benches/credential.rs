//! What does an access token cost?
//!
//! Claim: one that was verified before costs a digest and a few lookups, a small part of what checking its signature
//! does, however many others are remembered.

#![expect(clippy::expect_used, reason = "a bench ends at the first surprise")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use admin::model::catalog::Catalog;
use admin::model::instant::UnixTime;
use admin::model::name::{TenantName, TierName};
use admin::model::sample;
use admin::model::source::NoReferences;
use admin::oauth::keys::SigningKeys;
use admin::registry::Registry;
use admin::registry::application::{NewApplication, TokenType};
use admin::registry::key_pair::{ClientProof, GrantType, KeyType, NewKeyPair};
use admin::registry::user::{NewUser, UserName};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use jsonwebtoken::{Algorithm, Header};
use serde_json::json;
use tokio::runtime::Runtime;
use tollgate::credential::{Credentials, Judgement, Occasion, Terms};
use tollgate::snapshot::compile;

#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

fn tokens(criterion: &mut Criterion) {
    let data = tempfile::tempdir().expect("a directory");
    let runtime = Runtime::new().expect("a runtime");
    let registry = Arc::new(runtime.block_on(filled(data.path())));
    let keys = SigningKeys::open(&data.path().join("keys"), Algorithm::RS256, NOW).expect("keys");
    let keys = Arc::new(keys);
    let catalog = Catalog::believe(&sample::catalog(1, 1, 1), &NoReferences).expect("a sample is valid");
    let snapshot = compile(1, &catalog).expect("a sample compiles");
    let on = Occasion {
        version: snapshot.versions().first().expect("a version"),
        managers: &[],
        edition: (1, 0),
        claims: snapshot.tiers().claims(),
        certificate: None,
        client: IpAddr::V4(Ipv4Addr::LOCALHOST),
        referer: None,
        now: NOW,
    };
    let open = |tokens| {
        let terms = Terms {
            tokens,
            ..Terms::default()
        };
        Credentials::open(Arc::clone(&registry), Arc::clone(&keys), terms)
    };
    let judge = |credentials: &Credentials, token: &str| {
        let judgement = credentials.bearer(black_box(token), &on);
        assert!(matches!(judgement, Judgement::Proven(_)), "{judgement:?}");
    };
    let mut group = criterion.benchmark_group("credential");
    for count in [1, 10_000] {
        let credentials = open(100_000);
        let tokens: Vec<String> = (0..count).map(|number| token(&keys, number)).collect();
        let mut all = tokens.iter().cycle();
        tokens.iter().for_each(|token| judge(&credentials, token));
        group.bench_function(BenchmarkId::new("seen before, among", count), |bencher| {
            bencher.iter(|| judge(&credentials, all.next().expect("a token")));
        });
    }
    // Room for one, and two that take turns: neither is ever remembered when it comes.
    let (credentials, two) = (open(1), [token(&keys, 1), token(&keys, 2)]);
    let mut all = two.iter().cycle();
    group.bench_function("never seen", |bencher| {
        bencher.iter(|| judge(&credentials, all.next().expect("a token")));
    });
    group.finish();
}

/// Opens a registry with one application.
async fn filled(data: &Path) -> Registry {
    let registry = Registry::open("sqlite", data, NOW).await.expect("a registry");
    let owner = UserName {
        tenant: TenantName::root(),
        name: "owner".to_owned(),
    };
    let user = NewUser {
        name: owner.clone(),
        password: "owner-of-the-bench".to_owned(),
        roles: Vec::new(),
    };
    registry.add_user(user, NOW).await.expect("a user");
    let application = NewApplication {
        name: "Bench".to_owned(),
        owner,
        tier: TierName::parse("Unlimited").expect("a tier"),
        token_type: TokenType::Jwt,
    };
    let pair = NewKeyPair {
        application: registry
            .add_application(application, NOW)
            .await
            .expect("an application"),
        key_type: KeyType::Production,
        grants: vec![GrantType::ClientCredentials],
        redirect_uris: Vec::new(),
        proof: ClientProof::default(),
        given: Some((CLIENT.to_owned(), "bench-secret-of-some-length".to_owned())),
    };
    registry.add_key_pair(pair, NOW).await.expect("a key pair");
    registry
}

fn token(keys: &SigningKeys, number: usize) -> String {
    let key = keys.current(NOW);
    let header = Header {
        kid: Some(key.kid.clone()),
        typ: Some("at+jwt".to_owned()),
        ..Header::new(key.algorithm)
    };
    let claims = json!({
        "iss": Terms::default().issuer, "sub": CLIENT, "aud": CLIENT, "client_id": CLIENT, "azp": CLIENT,
        "exp": NOW.0 + 3600, "iat": NOW.0, "nbf": NOW.0, "jti": format!("token-{number}"), "scope": "read write",
        "aut": "APPLICATION", "keytype": "PRODUCTION",
    });
    jsonwebtoken::encode(&header, &claims, &key.key).expect("a token")
}

const NOW: UnixTime = UnixTime(1_800_000_000);
const CLIENT: &str = "bench-application";

criterion_group!(benches, tokens);
criterion_main!(benches);
