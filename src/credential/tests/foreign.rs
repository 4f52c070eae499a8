//! Tokens of other issuers: their keys, their claims, and questions about what says nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use jsonwebtoken::{Algorithm, Header};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::world::*;
use crate::credential::caller::Proof;
use crate::credential::{Flaw, Judgement};
use crate::oauth::keys::SigningKeys;

const ISSUER: &str = "https://idp.example/realm";

struct Issuer {
    keys: SigningKeys,
    _directory: TempDir,
}

impl Issuer {
    fn new(algorithm: Algorithm) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            keys: SigningKeys::open(directory.path(), algorithm, START).unwrap(),
            _directory: directory,
        }
    }

    fn jwks(&self) -> String {
        self.keys.jwks(START).to_string()
    }

    fn token(&self, changes: Value) -> String {
        sign(&self.keys.current(START), "JWT", foreign(changes))
    }
}

fn foreign(changes: Value) -> Value {
    let mut stated = json!({ "sub": "ann", "aud": ["pets", "else"], "aut": null, "client_id": null });
    stated
        .as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    claims(ISSUER, stated)
}

fn inline(jwks: &str) -> String {
    format!(
        "[[key_managers]]\nname = \"Idp\"\nissuer = \"{ISSUER}\"\njwks = '{jwks}'\naudiences = [\"pets\"]\n\
         claims = {{ roles = \"realm.roles\" }}\n"
    )
}

fn at(url: &str) -> String {
    format!("[[key_managers]]\nname = \"Idp\"\nissuer = \"{ISSUER}\"\njwks_url = \"{url}\"\n")
}

async fn world(managers: &str) -> World {
    World::new(Algorithm::ES256)
        .await
        .serving("security = [\"oauth2\"]", managers)
}

#[tokio::test]
async fn a_foreign_token_says_what_its_key_manager_reads() {
    for algorithm in [Algorithm::ES256, Algorithm::RS256] {
        let issuer = Issuer::new(algorithm);
        let world = world(&inline(&issuer.jwks())).await;
        let token = issuer.token(json!({ "scope": null, "scp": ["b", "a"], "realm": { "roles": ["r"] } }));
        let caller = world.bearer(&token, START).unwrap();
        assert_eq!((caller.by, caller.client.as_str()), (Proof::ForeignToken, KEY));
        assert_eq!(
            (caller.user.as_ref().unwrap().name.as_str(), caller.subject.as_str()),
            ("ann", "ann")
        );
        assert_eq!(caller.scopes, [Box::from("a"), Box::from("b")]);
        assert_eq!(caller.roles, [Box::from("r")]);
        assert!(caller.application.is_some());
        assert!(Arc::ptr_eq(&caller, &world.bearer(&token, START).unwrap()));
        let own = issuer.token(json!({ "sub": KEY }));
        assert!(world.bearer(&own, START).unwrap().user.is_none());
        let unknown = issuer.token(json!({ "azp": "nobody" }));
        assert!(world.bearer(&unknown, START).unwrap().application.is_none());
        assert!(world.bearer(&token, START.plus(3629)).is_ok(), "clocks may differ");
        assert_eq!(world.bearer(&token, START.plus(3630)).unwrap_err(), Flaw::Expired);
    }
}

#[tokio::test]
async fn every_claim_of_a_foreign_token_counts() {
    let issuer = Issuer::new(Algorithm::ES256);
    let world = world(&inline(&issuer.jwks())).await;
    for (changes, flaw) in [
        (json!({ "iss": "https://idp.example/realm/" }), Flaw::Issuer),
        (json!({ "iss": "https://IDP.example/realm" }), Flaw::Issuer),
        (json!({ "iss": null }), Flaw::Issuer),
        (json!({ "iss": [ISSUER] }), Flaw::Malformed),
        (json!({ "aud": "else" }), Flaw::Audience),
        (json!({ "aud": [] }), Flaw::Audience),
        (json!({ "aud": null }), Flaw::Audience),
        (json!({ "aud": { "pets": 1 } }), Flaw::Audience),
        (json!({ "azp": null }), Flaw::Malformed),
        (json!({ "azp": 7 }), Flaw::Malformed),
        (json!({ "exp": null }), Flaw::Malformed),
        (json!({ "exp": "1900000000" }), Flaw::Malformed),
        (json!({ "exp": -1 }), Flaw::Malformed),
        (json!({ "exp": 1e300 }), Flaw::Malformed),
        (json!({ "exp": 1_900_000_000_000_u64 }), Flaw::Malformed),
        (json!({ "exp": START.0 - 30 }), Flaw::Expired),
        (json!({ "iat": START.0 + 31 }), Flaw::NotYet),
        (json!({ "nbf": START.0 + 31 }), Flaw::NotYet),
        (json!({ "nonce": "n" }), Flaw::Malformed),
        (json!({ "at_hash": "n" }), Flaw::Malformed),
        (json!({ "typ": "ID" }), Flaw::Malformed),
        (json!({ "typ": "Refresh" }), Flaw::Malformed),
        (json!({ "scope": 7 }), Flaw::Malformed),
        (json!({ "cnf": { "jkt": "x" } }), Flaw::Binding),
        (json!({ "cnf": {} }), Flaw::Binding),
    ] {
        assert_eq!(
            world.bearer(&issuer.token(changes.clone()), START).unwrap_err(),
            flaw,
            "{changes}"
        );
    }
    assert!(
        world
            .bearer(
                &issuer.token(json!({ "aud": "pets", "exp": START.0 as f64 + 0.5 })),
                START
            )
            .is_ok()
    );
    let key = issuer.keys.current(START);
    assert!(
        world
            .bearer(&sign(&key, "logout+jwt", foreign(json!({}))), START)
            .is_err()
    );
    let stranger = Issuer::new(Algorithm::ES256);
    assert_eq!(world.bearer(&stranger.token(json!({})), START).unwrap_err(), Flaw::Key);
    let ours = sign(&world.keys.current(START), "at+jwt", foreign(json!({})));
    assert!(world.bearer(&ours, START).is_err(), "our key speaks for us alone");
    let theirs = sign(&key, "at+jwt", claims(&world.credentials.terms().issuer, json!({})));
    assert!(world.bearer(&theirs, START).is_err(), "theirs does not speak for us");
}

#[tokio::test]
async fn only_public_keys_for_signatures_are_taken() {
    let issuer = Issuer::new(Algorithm::RS256);
    let token = issuer.token(json!({}));
    let set = |change: &dyn Fn(&mut Value)| {
        let mut set: Value = serde_json::from_str(&issuer.jwks()).unwrap();
        change(&mut set["keys"][0]);
        set.to_string()
    };
    for (change, is_taken) in [
        (&(|_: &mut Value| {}) as &dyn Fn(&mut Value), true),
        (&|key| drop(key.as_object_mut().unwrap().remove("alg")), true),
        (&|key| key["alg"] = "RS512".into(), false),
        (&|key| key["use"] = "enc".into(), false),
        (&|key| key["key_ops"] = json!(["sign"]), false),
        (&|key| key["kid"] = "another".into(), false),
        (&|key| key["n"] = "AQAB".into(), false),
    ] {
        let world = world(&inline(&set(change))).await;
        assert_eq!(world.bearer(&token, START).is_ok(), is_taken, "{}", set(change));
    }
}

#[tokio::test]
async fn keys_are_fetched_once_and_again_when_they_rotate() {
    let (first, second) = (Issuer::new(Algorithm::ES256), Issuer::new(Algorithm::ES256));
    let server = Answering::with(&first.jwks()).await;
    let world = world(&at(&server.url)).await;
    let token = first.token(json!({}));
    assert!(matches!(
        world.credentials.bearer(&token, &world.on(START)),
        Judgement::Unknown(_)
    ));
    for number in 0..3 {
        let token = first.token(json!({ "jti": format!("{number}") }));
        assert!(world.bearer_fetched(&token, START).await.is_ok());
    }
    assert_eq!(server.asked(), 1);
    server.says(Some(&second.jwks()));
    assert!(
        world
            .bearer_fetched(&second.token(json!({})), START.plus(1))
            .await
            .is_ok(),
        "a new key is found at once"
    );
    assert_eq!(server.asked(), 2);
    assert_eq!(
        world
            .bearer_fetched(&first.token(json!({})), START.plus(1))
            .await
            .unwrap_err(),
        Flaw::Key
    );
    assert_eq!(
        world.bearer_fetched(&token, START.plus(1)).await.unwrap_err(),
        Flaw::Key,
        "what it proved is forgotten"
    );
}

#[tokio::test]
async fn who_comes_late_for_a_new_key_leaves_the_question_about_the_next_one() {
    let issuers = [(); 3].map(|()| Issuer::new(Algorithm::ES256));
    let [first, second, third] = &issuers;
    let server = Answering::with(&first.jwks()).await;
    let world = world(&at(&server.url)).await;
    world.bearer_fetched(&first.token(json!({})), START).await.unwrap();
    server.says(Some(&second.jwks()));
    let both = ["one", "other"].map(|jti| {
        world
            .credentials
            .bearer(&second.token(json!({ "jti": jti })), &world.on(START))
    });
    for judged in both {
        let Judgement::Unknown(fetch) = judged else {
            panic!("its key is not known");
        };
        world.credentials.obtain(fetch, START).await;
    }
    assert_eq!(server.asked(), 2);
    server.says(Some(&third.jwks()));
    world.bearer_fetched(&third.token(json!({})), START).await.unwrap();
}

#[tokio::test]
async fn an_issuer_is_not_asked_for_every_key_that_somebody_makes_up() {
    let issuer = Issuer::new(Algorithm::ES256);
    let server = Answering::with(&issuer.jwks()).await;
    let world = world(&at(&server.url)).await;
    let stranger = Issuer::new(Algorithm::ES256);
    for second in 0..60 {
        for number in 0..5 {
            let token = stranger.token(json!({ "jti": format!("{second} {number}") }));
            let _ = world.bearer_fetched(&token, START.plus(second)).await;
        }
    }
    assert!(server.asked() <= 31, "{} times in a minute", server.asked());
    assert!(world.bearer(&issuer.token(json!({})), START.plus(60)).is_ok());
}

/// Says the set of an issuer, and signs for it, as if its key had this name, or none.
fn named(issuer: &Issuer, kid: Option<&str>) -> (String, impl Fn(&str) -> String) {
    let mut set: Value = serde_json::from_str(&issuer.jwks()).unwrap();
    let key = set["keys"][0].as_object_mut().unwrap();
    match kid {
        Some(kid) => drop(key.insert("kid".to_owned(), kid.into())),
        None => drop(key.remove("kid")),
    }
    let (key, kid) = (issuer.keys.current(START), kid.map(str::to_owned));
    let sign = move |jti: &str| {
        let header = Header {
            kid: kid.clone(),
            ..Header::new(key.algorithm)
        };
        jsonwebtoken::encode(&header, &foreign(json!({ "jti": jti })), &key.key).unwrap()
    };
    (set.to_string(), sign)
}

#[tokio::test]
async fn a_key_that_takes_the_name_of_another_or_has_none_is_found_at_once() {
    for kid in [Some("the only one"), None] {
        let (first, second) = (Issuer::new(Algorithm::ES256), Issuer::new(Algorithm::ES256));
        let ((old_set, old), (new_set, new)) = (named(&first, kid), named(&second, kid));
        let server = Answering::with(&old_set).await;
        let world = world(&at(&server.url)).await;
        world.bearer_fetched(&old("1"), START).await.unwrap();
        server.says(Some(&new_set));
        world.bearer_fetched(&new("1"), START).await.unwrap();
        assert_eq!(server.asked(), 2, "{kid:?}");
        for jti in ["1", "2"] {
            let gone = world.bearer_fetched(&old(jti), START).await;
            assert_eq!(gone.unwrap_err(), Flaw::Signature, "{kid:?}");
        }
        assert_eq!(server.asked(), 3, "asked once whether it is back: {kid:?}");
    }
}

#[tokio::test]
async fn any_key_without_a_name_may_have_signed_a_token_without_one() {
    let (first, second) = (Issuer::new(Algorithm::ES256), Issuer::new(Algorithm::ES256));
    let ((one, old), (other, new)) = (named(&first, None), named(&second, None));
    let key = |set: &str| serde_json::from_str::<Value>(set).unwrap()["keys"][0].clone();
    let both = json!({ "keys": [key(&one), key(&other)] }).to_string();
    let world = world(&inline(&both)).await;
    assert!(world.bearer(&old("1"), START).is_ok());
    assert!(world.bearer(&new("1"), START).is_ok());
}

#[tokio::test]
async fn wrong_signatures_have_an_issuer_asked_as_seldom_as_unknown_names_and_do_not_hide_a_rotation() {
    let (first, second) = (Issuer::new(Algorithm::ES256), Issuer::new(Algorithm::ES256));
    let forger = Issuer::new(Algorithm::ES256);
    let ((old_set, old), (new_set, new)) = (named(&first, Some("a")), named(&second, Some("a")));
    let (_, forge) = named(&forger, Some("a"));
    let (_, made_up) = named(&forger, Some("made up"));
    let server = Answering::with(&old_set).await;
    let world = world(&at(&server.url)).await;
    world.bearer_fetched(&old("1"), START).await.unwrap();
    let flood = async |second: u64| {
        for number in 0..5 {
            for token in [
                forge(&format!("{second} {number}")),
                made_up(&format!("{second} {number}")),
            ] {
                assert!(world.bearer_fetched(&token, START.plus(second)).await.is_err());
            }
        }
    };
    for second in 0..60 {
        flood(second).await;
    }
    assert!(server.asked() <= 32, "{} times in a minute", server.asked());
    assert!(world.bearer(&old("2"), START.plus(60)).is_ok());
    server.says(Some(&new_set));
    for second in 60..62 {
        flood(second).await;
        let _ = world.bearer_fetched(&new("1"), START.plus(second)).await;
    }
    assert!(
        world.bearer_fetched(&new("1"), START.plus(62)).await.is_ok(),
        "a rotation is seen within two seconds, however many forge"
    );
}

#[tokio::test]
async fn an_issuer_that_is_down_is_asked_less_and_less_often() {
    let issuer = Issuer::new(Algorithm::ES256);
    let server = Answering::with(&issuer.jwks()).await;
    server.says(None);
    let world = world(&at(&server.url)).await;
    for second in 0..60 {
        let token = issuer.token(json!({ "jti": format!("{second}") }));
        let judged = world.bearer_fetched(&token, START.plus(second)).await;
        assert_eq!(judged.unwrap_err(), Flaw::Unreachable);
    }
    assert!(
        (2..=9).contains(&server.asked()),
        "{} times in a minute",
        server.asked()
    );
}

#[tokio::test]
async fn the_keys_of_an_issuer_that_is_served_no_longer_are_forgotten_and_prove_nothing() {
    let issuer = Issuer::new(Algorithm::ES256);
    let server = Answering::with(&issuer.jwks()).await;
    let world = world(&at(&server.url)).await;
    let token = issuer.token(json!({}));
    world.bearer_fetched(&token, START).await.unwrap();
    let served: Vec<_> = world.snapshot.key_managers().iter().cloned().collect();
    world.credentials.refresh(served.iter(), START).await;
    assert!(world.bearer(&token, START).is_ok());
    world.credentials.refresh([].iter(), START).await;
    server.says(Some(&Issuer::new(Algorithm::ES256).jwks()));
    assert_eq!(world.bearer_fetched(&token, START).await.unwrap_err(), Flaw::Key);
}

#[tokio::test]
async fn keys_are_kept_while_their_issuer_is_down() {
    let issuer = Issuer::new(Algorithm::ES256);
    let server = Answering::with(&issuer.jwks()).await;
    let world = world(&at(&server.url)).await;
    world.bearer_fetched(&issuer.token(json!({})), START).await.unwrap();
    for answer in [None, Some("{}"), Some("{\"keys\":[]}"), Some("no json")] {
        server.says(answer);
        let managers: Vec<_> = world.snapshot.key_managers().iter().cloned().collect();
        let asked = server.asked();
        let later = START.plus(300 * (asked as u64 + 1));
        world.credentials.refresh(managers.iter(), later).await;
        assert_eq!(server.asked(), asked + 1, "they had grown old");
        let token = issuer.token(json!({ "jti": format!("{answer:?}"), "exp": later.0 + 60 }));
        assert!(world.bearer(&token, later).is_ok(), "{answer:?}");
    }
    let down = super::foreign::world(&at("http://127.0.0.1:9/")).await;
    assert_eq!(
        down.bearer_fetched(&issuer.token(json!({})), START).await.unwrap_err(),
        Flaw::Unreachable
    );
}

#[tokio::test]
async fn only_safe_addresses_are_asked() {
    use crate::credential::outbound::{Outbound, OutboundError};
    let server = Answering::with("{}").await;
    let outbound = Outbound::default();
    assert!(outbound.read(&server.url).await.is_ok());
    for url in [
        "http://192.0.2.1/",
        "http://localhost.evil.test/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "x",
    ] {
        assert!(
            matches!(outbound.read(url).await, Err(OutboundError::NotSecure)),
            "{url}"
        );
    }
    server.says(Some(&"x".repeat(300 << 10)));
    assert!(matches!(outbound.read(&server.url).await, Err(OutboundError::TooLong)));
}

fn asking(url: &str) -> String {
    format!(
        "[[key_managers]]\nname = \"Opaque\"\nissuer = \"{ISSUER}\"\n\
         introspection = {{ url = \"{url}\", client_id = \"gate way\", client_secret = \"s:ecret\" }}\n"
    )
}

#[tokio::test]
async fn a_token_that_says_nothing_is_asked_about_and_remembered() {
    let server =
        Answering::with(&foreign(json!({ "active": true, "iss": null, "exp": START.0 + 1000 })).to_string()).await;
    let world = world(&asking(&server.url)).await;
    for token in ["opaque-token", &"A".repeat(43), "v4.public.abc.def", "a.b"] {
        let before = server.asked();
        for _ in 0..3 {
            let caller = world.bearer_fetched(token, START).await.unwrap();
            assert_eq!((caller.by, caller.subject.as_str()), (Proof::ForeignToken, "ann"));
        }
        assert_eq!(server.asked(), before + 1, "{token}");
    }
    let last = server.last.lock().clone();
    assert!(last.contains("token=a.b&token_type_hint=access_token"), "{last}");
    assert!(last.contains("Z2F0ZSUyMHdheTpzJTNBZWNyZXQ="), "{last}");
    server.says(Some("{\"active\":false}"));
    assert!(world.bearer("opaque-token", START.plus(59)).is_ok());
    assert_eq!(
        world.bearer_fetched("opaque-token", START.plus(60)).await.unwrap_err(),
        Flaw::Unknown
    );
}

#[tokio::test]
async fn an_answer_that_is_no_yes_is_a_no() {
    let server = Answering::with("{\"active\":false}").await;
    let world = world(&asking(&server.url)).await;
    for (number, (answer, flaw)) in [
        (Some("{\"active\":false}".to_owned()), Flaw::Unknown),
        (Some("{\"active\":\"true\"}".to_owned()), Flaw::Unreachable),
        (Some("{}".to_owned()), Flaw::Unreachable),
        (Some("[]".to_owned()), Flaw::Unreachable),
        (None, Flaw::Unreachable),
        (
            Some(foreign(json!({ "active": true, "iss": "urn:evil" })).to_string()),
            Flaw::Issuer,
        ),
        (
            Some(foreign(json!({ "active": true, "exp": START.0 - 60 })).to_string()),
            Flaw::Expired,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        server.says(answer.as_deref());
        let token = format!("token-{number}");
        assert_eq!(
            world.bearer_fetched(&token, START).await.unwrap_err(),
            flaw,
            "{answer:?}"
        );
        let asked = server.asked();
        assert_eq!(world.bearer(&token, START).unwrap_err(), flaw, "it is remembered");
        assert_eq!(server.asked(), asked);
    }
    server.asked.store(0, Ordering::SeqCst);
}

#[tokio::test]
async fn what_a_changed_key_manager_proved_is_forgotten() {
    let issuer = Issuer::new(Algorithm::ES256);
    let world = world(&inline(&issuer.jwks())).await;
    let token = issuer.token(json!({}));
    world.bearer(&token, START).unwrap();
    let world = world.serving(
        "security = [\"oauth2\"]",
        &inline(&Issuer::new(Algorithm::ES256).jwks()),
    );
    assert_eq!(world.bearer(&token, START).unwrap_err(), Flaw::Key);
    let world = world.serving("security = [\"oauth2\"]", "");
    assert_eq!(world.bearer(&token, START).unwrap_err(), Flaw::Issuer);
}
