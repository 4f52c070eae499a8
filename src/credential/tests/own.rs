//! Our own tokens, API keys, passwords and certificates.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use serde_json::json;

use super::world::*;
use crate::credential::caller::{Caller, Proof};
use crate::credential::{Flaw, Judgement, Occasion, Terms};
use crate::head::ShownCertificate;
use crate::model::instant::UnixTime;
use crate::oauth::keys::SigningKeys;
use crate::registry::api_key::{NewApiKey, Restrictions};
use crate::registry::key_pair::KeyType;
use crate::registry::token::{Digest, Granted, NewToken, TokenRecord};
use crate::registry::user::NewUser;

#[tokio::test]
async fn a_token_of_ours_proves_its_client_and_its_user() {
    for algorithm in [Algorithm::ES256, Algorithm::RS256] {
        let world = World::new(algorithm).await;
        let caller = world.bearer(&world.token(json!({})), START).unwrap();
        assert_eq!(
            (caller.by, caller.client.as_str(), &caller.user),
            (Proof::Token, KEY, &None)
        );
        assert_eq!(caller.scopes, [Box::from("a"), Box::from("b")]);
        assert_eq!(caller.application.as_ref().unwrap().name, "Phone");
        let by_user = world.token(json!({ "aut": "APPLICATION_USER", "sub": "tom@carbon.super" }));
        assert_eq!(world.bearer(&by_user, START).unwrap().user, Some(tom()));
    }
}

#[tokio::test]
async fn a_repeated_token_is_the_same_caller_until_something_changes() {
    let world = World::new(Algorithm::ES256).await;
    let token = world.token(json!({ "family": "f1" }));
    let first = world.bearer(&token, START).unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &world.bearer(&token, START).unwrap()));
    assert_eq!(world.bearer(&token, START.plus(3599)).map(drop), Ok(()));
    assert_eq!(world.bearer(&token, START.plus(3600)).unwrap_err(), Flaw::Expired);
    world.registry.revoke_family("f1", START.plus(3600)).await.unwrap();
    assert_eq!(world.bearer(&token, START).unwrap_err(), Flaw::Revoked);

    let token = world.token(json!({ "jti": "another" }));
    world.bearer(&token, START).unwrap();
    world
        .registry
        .revoke(&Digest::of("another"), START.plus(3600))
        .await
        .unwrap();
    assert_eq!(world.bearer(&token, START).unwrap_err(), Flaw::Revoked);

    let token = world.token(json!({ "jti": "a third" }));
    world.bearer(&token, START).unwrap();
    world.registry.delete_key_pair(KEY).await.unwrap();
    assert_eq!(world.bearer(&token, START).unwrap_err(), Flaw::Unknown);
}

#[tokio::test]
async fn a_token_dies_with_its_user_even_when_another_gets_the_name() {
    let world = World::new(Algorithm::ES256).await;
    let name = crate::registry::user::UserName {
        name: "ann".to_owned(),
        ..tom()
    };
    let ann = |password: &str| NewUser {
        name: name.clone(),
        password: password.to_owned(),
        roles: Vec::new(),
    };
    world.registry.add_user(ann("first password"), START).await.unwrap();
    let token = world.token(json!({ "aut": "APPLICATION_USER", "sub": "ann@carbon.super" }));
    world.bearer(&token, START).unwrap();
    world.registry.delete_user(&name).await.unwrap();
    assert!(world.bearer(&token, START).is_err());
    world
        .registry
        .add_user(ann("second password"), START.plus(1))
        .await
        .unwrap();
    assert!(world.bearer(&token, START.plus(1)).is_err());
}

#[tokio::test]
async fn a_token_dies_with_its_key() {
    let world = World::new(Algorithm::ES256).await;
    let token = world.token(json!({ "exp": START.0 + 4_000_000_000_u64 }));
    world.bearer(&token, START).unwrap();
    let rotated = START.plus(10);
    world.keys.rotate(rotated).unwrap();
    assert!(world.bearer(&token, rotated).is_ok(), "rotation overlaps");
    let long_after = UnixTime(START.0 + 1_000_000_000);
    assert_eq!(world.bearer(&token, long_after).unwrap_err(), Flaw::Key);
}

#[tokio::test]
async fn every_claim_of_a_token_of_ours_counts() {
    let world = World::new(Algorithm::ES256).await;
    for (changes, flaw) in [
        (json!({ "iss": "https://evil.test" }), Flaw::Issuer),
        (json!({ "iss": "https://localhost:8243/" }), Flaw::Issuer),
        (json!({ "aud": "another" }), Flaw::Audience),
        (json!({ "aud": [KEY] }), Flaw::Malformed),
        (json!({ "client_id": "nobody", "aud": "nobody" }), Flaw::Unknown),
        (json!({ "exp": START.0 }), Flaw::Expired),
        (json!({ "exp": "1900000000" }), Flaw::Malformed),
        (json!({ "exp": -1 }), Flaw::Malformed),
        (json!({ "exp": 1.5e9 }), Flaw::Malformed),
        (json!({ "exp": null }), Flaw::Malformed),
        (json!({ "iat": START.0 + 31 }), Flaw::NotYet),
        (json!({ "nbf": START.0 + 31 }), Flaw::NotYet),
        (json!({ "aut": "ADMIN" }), Flaw::Malformed),
        (json!({ "aut": "APPLICATION_USER", "sub": "tom" }), Flaw::Malformed),
        (
            json!({ "aut": "APPLICATION_USER", "sub": "nobody@carbon.super" }),
            Flaw::Unknown,
        ),
        (json!({ "cnf": { "x5t#S256": "AA" } }), Flaw::Malformed),
        (
            json!({ "cnf": { "x5t#S256": URL_SAFE_NO_PAD.encode([7; 32]) } }),
            Flaw::Binding,
        ),
        (json!({ "cnf": { "jkt": "x" } }), Flaw::Malformed),
    ] {
        assert_eq!(
            world.bearer(&world.token(changes.clone()), START).unwrap_err(),
            flaw,
            "{changes}"
        );
    }
    assert!(
        world
            .bearer(&world.token(json!({ "iat": START.0 + 30, "nbf": START.0 + 30 })), START)
            .is_ok()
    );
    let key = world.keys.current(START);
    for kind in ["JWT", "id+jwt", "", "at+jwt2"] {
        let token = sign(&key, kind, claims(&world.credentials.terms().issuer, json!({})));
        assert_eq!(world.bearer(&token, START).unwrap_err(), Flaw::Malformed, "{kind}");
    }
    let token = sign(
        &key,
        "application/AT+JWT",
        claims(&world.credentials.terms().issuer, json!({})),
    );
    assert!(world.bearer(&token, START).is_ok());
}

fn assembled(header: &str, payload: &[u8], signature: &str) -> String {
    [
        &URL_SAFE_NO_PAD.encode(header),
        ".",
        &URL_SAFE_NO_PAD.encode(payload),
        ".",
        signature,
    ]
    .concat()
}

#[tokio::test]
async fn no_header_talks_a_key_into_proving_what_it_did_not_sign() {
    for algorithm in [Algorithm::ES256, Algorithm::RS256] {
        let world = World::new(algorithm).await;
        let key = world.keys.current(START);
        let payload = claims(&world.credentials.terms().issuer, json!({})).to_string();
        for alg in [
            "none", "None", "NONE", "nOnE", "", "HS256", "HS512", "RS1", "ES256K", "dir", "rs256",
        ] {
            let header = json!({ "alg": alg, "typ": "at+jwt", "kid": key.kid }).to_string();
            for signature in ["", "AA", &"A".repeat(86)] {
                let token = assembled(&header, payload.as_bytes(), signature);
                assert!(world.bearer(&token, START).is_err(), "{alg} {signature}");
            }
        }
        // The public key as a shared secret (CVE-2015-9235).
        let jwks: serde_json::Value = serde_json::from_str(&world.keys.jwks(START)).unwrap();
        let secrets = [
            jwks.to_string(),
            jwks["keys"][0].to_string(),
            jwks["keys"][0]["n"].to_string(),
            String::new(),
        ];
        for secret in secrets {
            for hs in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
                let mut header = Header::new(hs);
                header.kid = Some(key.kid.clone());
                header.typ = Some("at+jwt".to_owned());
                let claims = claims(&world.credentials.terms().issuer, json!({}));
                let token =
                    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap();
                assert!(world.bearer(&token, START).is_err());
            }
        }
        // Keys that the token brings along, signed with them.
        let other = tempfile::tempdir().unwrap();
        let other = SigningKeys::open(other.path(), algorithm, START).unwrap();
        let foreign = other.current(START);
        let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(
            serde_json::from_str::<serde_json::Value>(&other.jwks(START)).unwrap()["keys"][0].clone(),
        )
        .unwrap();
        for kid in [
            key.kid.clone(),
            foreign.kid.clone(),
            format!("../{}", key.kid),
            "' OR 1=1 --".to_owned(),
        ] {
            let header = Header {
                kid: Some(kid),
                typ: Some("at+jwt".to_owned()),
                jku: Some("https://evil.test/jwks".to_owned()),
                x5u: Some("https://evil.test/x5u".to_owned()),
                jwk: Some(jwk.clone()),
                ..Header::new(algorithm)
            };
            let claims = claims(&world.credentials.terms().issuer, json!({}));
            let token = jsonwebtoken::encode(&header, &claims, &foreign.key).unwrap();
            assert!(world.bearer(&token, START).is_err());
        }
    }
}

#[tokio::test]
async fn a_token_is_written_in_one_way_only() {
    let world = World::new(Algorithm::ES256).await;
    let token = world.token(json!({}));
    let parts: Vec<_> = token.split('.').collect();
    let (header, payload, signature) = (parts[0], parts[1], parts[2]);
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut last = signature.to_owned().into_bytes();
    let end = last.len() - 1;
    last[end] += 1;
    let zero = URL_SAFE_NO_PAD.encode([0; 64]);
    let der = URL_SAFE_NO_PAD.encode([0x30, 6, 2, 1, 0, 2, 1, 0]);
    let long = URL_SAFE_NO_PAD.encode([&raw[..], &[0]].concat());
    for bad in [
        format!("{token}."),
        format!(".{token}"),
        format!("{token}="),
        format!("{header}.{payload}."),
        format!("{header}.{payload}"),
        format!("{header}..{signature}"),
        format!("{header}.{payload}.{signature}.{signature}"),
        format!("{header}.{payload}.{}", URL_SAFE.encode(&raw)),
        format!("{header}.{payload}.{}", STANDARD.encode(&raw)),
        format!("{header}.{payload}.{}", String::from_utf8(last).unwrap()),
        format!("{header}.{payload}.{zero}"),
        format!("{header}.{payload}.{der}"),
        format!("{header}.{payload}.{long}"),
        format!("{header}.{payload}.{signature}\n"),
        format!("{header}. {payload}.{signature}"),
        format!("{header}.{payload}.{token}"),
        token.replace('.', ".."),
        "x".repeat(17 << 10),
        format!("{header}.{}.{signature}", "A".repeat(17 << 10)),
    ] {
        assert!(world.bearer(&bad, START).is_err(), "{bad}");
    }
    let kid = &world.keys.current(START).kid;
    for header in [
        format!(r#"{{"alg":"ES256","alg":"none","typ":"at+jwt","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}","crit":["exp"],"exp":1}}"#),
        format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}","b64":false}}"#),
        format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}","zip":"DEF"}}"#),
        format!(r#"{{"alg":"ES256","typ":["at+jwt"],"kid":"{kid}"}}"#),
        format!(r#"{{"alg":["ES256"],"typ":"at+jwt","kid":"{kid}"}}"#),
        r#"{"alg":"ES256","typ":"at+jwt","kid":7}"#.to_owned(),
        "[]".to_owned(),
        String::new(),
    ] {
        let key = world.keys.current(START);
        let signed = [URL_SAFE_NO_PAD.encode(&header), ".".to_owned(), payload.to_owned()].concat();
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key.key, key.algorithm).unwrap();
        let error = world.bearer(&format!("{signed}.{signature}"), START).unwrap_err();
        assert!(matches!(error, Flaw::Malformed | Flaw::Issuer), "{header} {error:?}");
    }
    let twice = br#"{"iss":"https://localhost:8243","iss":"https://localhost:8243"}"#;
    let key = world.keys.current(START);
    let signed = [header, ".", &URL_SAFE_NO_PAD.encode(twice)].concat();
    let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key.key, key.algorithm).unwrap();
    assert_eq!(
        world.bearer(&format!("{signed}.{signature}"), START).unwrap_err(),
        Flaw::Malformed
    );
    assert!(world.bearer(&token, START).is_ok());
}

#[test]
fn nothing_made_up_proves_anybody() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::new(Algorithm::ES256));
    let token = world.token(json!({}));
    let characters = "[A-Za-z0-9._~+/=-]{0,200}";
    let proves = |judgement| matches!(judgement, Judgement::Proven(_));
    proptest!(|(text in characters, any in ".{0,100}", at in 0..token.len(), byte in any::<u8>())| {
        let on = world.on(START);
        prop_assert!(!proves(world.credentials.bearer(&text, &on)));
        prop_assert!(!proves(world.credentials.bearer(&any, &on)));
        prop_assert!(!proves(world.credentials.api_key(&any, &on)));
        prop_assert!(!proves(world.credentials.basic(&any, &on)));
        let mut bytes = token.clone().into_bytes();
        if bytes[at] != byte {
            bytes[at] = byte;
            prop_assert!(!proves(world.credentials.bearer(&String::from_utf8_lossy(&bytes), &on)));
        }
    });
}

#[tokio::test]
async fn a_flood_of_others_pushes_no_verified_token_out() {
    let world = World::new(Algorithm::ES256).await;
    let token = world.token(json!({}));
    let first = world.bearer(&token, START).unwrap();
    let (rest, _) = token.rsplit_once('.').unwrap();
    for number in 0..200_u64 {
        let mut raw = [7; 64];
        raw[..8].copy_from_slice(&number.to_be_bytes());
        let _ = world.bearer(&format!("{rest}.{}", URL_SAFE_NO_PAD.encode(raw)), START);
    }
    assert!(std::sync::Arc::ptr_eq(&first, &world.bearer(&token, START).unwrap()));
}

#[tokio::test]
async fn a_version_may_take_the_tokens_of_others_only() {
    let managers = "[[key_managers]]\nname = \"Other\"\nissuer = \"urn:o\"\njwks_url = \"https://o.example/keys\"\n";
    let world = World::new(Algorithm::ES256)
        .await
        .serving("security = [\"oauth2\"]\nkey_managers = [\"Other\"]", managers);
    assert_eq!(world.bearer(&world.token(json!({})), START).unwrap_err(), Flaw::Issuer);
    let world = world.serving("security = [\"oauth2\"]\nkey_managers = [\"Resident\"]", managers);
    assert!(world.bearer(&world.token(json!({})), START).is_ok());
}

#[tokio::test]
async fn a_random_token_is_what_the_registry_says() {
    let world = World::new(Algorithm::ES256).await;
    let token = "A".repeat(43);
    assert_eq!(world.bearer_fetched(&token, START).await.unwrap_err(), Flaw::Unknown);
    assert_eq!(
        world.bearer(&token, START).unwrap_err(),
        Flaw::Unknown,
        "not asked again at once"
    );
    let token = "B".repeat(43);
    let granted = Granted {
        consumer_key: KEY.to_owned(),
        user: Some(tom()),
        scopes: vec!["a".to_owned()],
        family: None,
        certificate: None,
    };
    let record = TokenRecord {
        granted,
        issued: START,
        expires: START.plus(60),
    };
    let digest = Digest::of(&token);
    let new = NewToken {
        digest,
        record: record.into(),
    };
    world.registry.add_token(new).await.unwrap();
    assert_eq!(world.bearer_fetched(&token, START).await.unwrap().user, Some(tom()));
    assert_eq!(
        world.bearer_fetched(&token, START.plus(60)).await.unwrap_err(),
        Flaw::Expired
    );
    world.registry.revoke(&digest, START.plus(60)).await.unwrap();
    assert_eq!(world.bearer(&token, START).unwrap_err(), Flaw::Revoked);
}

#[tokio::test]
async fn an_api_key_is_taken_from_where_it_says() {
    let world = World::new(Algorithm::ES256).await;
    let new = |restrictions, expires| NewApiKey {
        application: world.application,
        key_type: KeyType::Sandbox,
        restrictions,
        expires,
    };
    let restrictions = Restrictions {
        networks: vec!["192.0.2.0/24".parse().unwrap()],
        referers: vec!["*.example.com/*".to_owned()],
    };
    let (_, key) = world
        .registry
        .add_api_key(new(restrictions, None), START)
        .await
        .unwrap();
    let from = |client: &str, referer| Occasion {
        client: client.parse().unwrap(),
        referer,
        ..world.on(START)
    };
    let judged = |key: &str, on: &Occasion<'_>| told(world.credentials.api_key(key, on));
    let allowed = Some("https://www.example.com/x");
    assert!(
        judged(&key, &from("192.0.2.9", None)).is_ok(),
        "a listed address needs no referer"
    );
    assert_eq!(judged(&key, &from("192.0.3.9", allowed)).unwrap_err(), Flaw::Restricted);

    let restrictions = Restrictions {
        networks: Vec::new(),
        referers: vec!["*.example.com/*".to_owned()],
    };
    let expires = Some(START.plus(10));
    let (id, key) = world
        .registry
        .add_api_key(new(restrictions, expires), START)
        .await
        .unwrap();
    let caller = judged(&key, &from("192.0.3.9", allowed)).unwrap();
    assert_eq!((caller.by, caller.key_type), (Proof::ApiKey, KeyType::Sandbox));
    assert_eq!(judged(&key, &from("192.0.3.9", None)).unwrap_err(), Flaw::Restricted);
    let late = Occasion {
        now: START.plus(10),
        ..from("192.0.3.9", allowed)
    };
    assert_eq!(judged(&key, &late).unwrap_err(), Flaw::Expired);
    world.registry.revoke_api_key(id).await.unwrap();
    assert!(judged(&key, &from("192.0.3.9", allowed)).is_err());
    assert_eq!(judged("tgk_nothing", &world.on(START)).unwrap_err(), Flaw::Unknown);
}

#[tokio::test]
async fn a_password_is_believed_until_it_is_changed() {
    let world = World::new(Algorithm::ES256).await;
    let encoded = |text: &str| STANDARD.encode(text);
    let basic = async |text: &str, now: UnixTime| {
        let encoded = encoded(text);
        world
            .fetched(|| world.credentials.basic(&encoded, &world.on(now)), now)
            .await
    };
    for name in ["tom", "tom@carbon.super"] {
        let caller = basic(&format!("{name}:correct horse"), START).await.unwrap();
        assert_eq!((caller.by, &caller.user), (Proof::Basic, &Some(tom())));
    }
    assert!(matches!(
        world
            .credentials
            .basic(&encoded("tom:correct horse"), &world.on(START.plus(299))),
        Judgement::Proven(_)
    ));
    assert!(matches!(
        world
            .credentials
            .basic(&encoded("tom:correct horse"), &world.on(START.plus(300))),
        Judgement::Unknown(_)
    ));
    for bad in [
        "tom:wrong",
        "nobody:correct horse",
        "tom@acme.example:correct horse",
        "Tom:correct horse",
    ] {
        assert_eq!(basic(bad, START).await.unwrap_err(), Flaw::Signature, "{bad}");
    }
    for malformed in ["tom", ":x", "to\u{7}m:x"] {
        assert_eq!(
            basic(malformed, START).await.unwrap_err(),
            Flaw::Malformed,
            "{malformed}"
        );
    }
    world
        .registry
        .set_password(&tom(), "another password", START)
        .await
        .unwrap();
    assert_eq!(basic("tom:correct horse", START).await.unwrap_err(), Flaw::Signature);
}

#[tokio::test]
async fn whoever_guesses_passwords_is_slowed_and_nobody_else() {
    let world = World::new(Algorithm::ES256).await;
    let judge = |text: &str, client: &str, now| {
        let on = Occasion {
            client: client.parse().unwrap(),
            ..world.on(now)
        };
        world.credentials.basic(&STANDARD.encode(text), &on)
    };
    let guess = async |from: &str| {
        for guess in 0..5 {
            let text = format!("tom:guess {guess}");
            let judged = world.fetched(|| judge(&text, from, START), START).await;
            assert_eq!(judged.unwrap_err(), Flaw::Signature);
        }
    };
    guess("192.0.2.1").await;
    let right = "tom:correct horse";
    assert!(matches!(
        judge(right, "192.0.2.1", START),
        Judgement::Unproven(Flaw::Slowed)
    ));
    assert!(world.fetched(|| judge(right, "192.0.2.2", START), START).await.is_ok());
    guess("192.0.2.2").await;
    assert!(
        matches!(judge(right, "192.0.2.2", START), Judgement::Proven(_)),
        "what is known needs no try"
    );
    assert!(
        matches!(judge(right, "192.0.2.1", START), Judgement::Unproven(Flaw::Slowed)),
        "what is known is known where it was shown: elsewhere it would tell whoever guesses"
    );
    assert!(matches!(
        judge("tom:x", "192.0.2.1", START.plus(60)),
        Judgement::Unknown(_)
    ));
}

struct Issued {
    shown: ShownCertificate,
    pem: String,
}

fn client(issuer: Option<&CertifiedIssuer<'_, KeyPair>>, usage: Option<ExtendedKeyUsagePurpose>, days: i64) -> Issued {
    let now = time::OffsetDateTime::from_unix_timestamp(i64::try_from(START.0).unwrap()).unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.not_before = now - time::Duration::days(10);
    params.not_after = now + time::Duration::days(days);
    params.extended_key_usages = usage.into_iter().collect();
    let key = KeyPair::generate().unwrap();
    let certificate = match issuer {
        Some(issuer) => params.signed_by(&key, issuer).unwrap(),
        None => params.self_signed(&key).unwrap(),
    };
    Issued {
        shown: ShownCertificate::new(certificate.der(), Vec::new()),
        pem: certificate.pem(),
    }
}

fn authority(is_authority: bool) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    if is_authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

#[tokio::test]
async fn a_certificate_is_listed_or_signed_by_a_listed_authority() {
    let (ca, fake, other) = (authority(true), authority(false), authority(true));
    let listed = client(None, None, 10);
    let security = |pem: &str| format!("security = [\"mutual_tls\"]\nclient_certificates = '''{pem}'''");
    let all = [listed.pem.as_str(), &ca.pem(), &fake.pem()].concat();
    let world = World::new(Algorithm::ES256).await.serving(&security(&all), "");
    let judged = |issued: &Issued| {
        let on = world.with(&issued.shown, START);
        told(world.credentials.certificate(&issued.shown, &on)).map(|caller| caller.by)
    };
    let for_clients = Some(ExtendedKeyUsagePurpose::ClientAuth);
    assert_eq!(judged(&listed), Ok(Proof::Certificate));
    assert_eq!(
        judged(&client(Some(&ca), for_clients.clone(), 10)),
        Ok(Proof::Certificate)
    );
    assert_eq!(judged(&client(Some(&ca), None, 10)), Ok(Proof::Certificate));
    assert_eq!(
        judged(&client(Some(&ca), Some(ExtendedKeyUsagePurpose::ServerAuth), 10)),
        Err(Flaw::Audience)
    );
    assert_eq!(judged(&client(Some(&ca), for_clients.clone(), -1)), Err(Flaw::Expired));
    assert_eq!(
        judged(&client(Some(&fake), for_clients.clone(), 10)),
        Err(Flaw::Unknown),
        "it is no authority"
    );
    assert_eq!(judged(&client(Some(&other), for_clients, 10)), Err(Flaw::Unknown));
    assert_eq!(judged(&client(None, None, 10)), Err(Flaw::Unknown));
}

#[tokio::test]
async fn a_bound_token_needs_its_certificate() {
    let world = World::new(Algorithm::ES256).await;
    let (mine, yours) = (client(None, None, 10).shown, client(None, None, 10).shown);
    let thumbprint = URL_SAFE_NO_PAD.encode(mine.digest().0);
    let token = world.token(json!({ "cnf": { "x5t#S256": thumbprint } }));
    for _ in 0..2 {
        assert_eq!(world.bearer(&token, START).unwrap_err(), Flaw::Binding);
        let shown = |certificate| told(world.credentials.bearer(&token, &world.with(certificate, START)));
        assert_eq!(shown(&yours).unwrap_err(), Flaw::Binding);
        assert!(shown(&mine).is_ok());
    }
}

#[tokio::test]
async fn a_backend_is_told_who_calls_in_seconds_and_once() {
    let world = World::new(Algorithm::RS256).await;
    let caller = world.bearer(&world.token(json!({})), START).unwrap();
    let about = crate::credential::Subject {
        caller: &caller,
        version: &world.snapshot.versions()[0],
        by_default: false,
    };
    let first = world.credentials.assertion(about, START).await.unwrap();
    assert_eq!(
        world.credentials.assertion(about, START.plus(800)).await.unwrap(),
        first
    );
    assert_ne!(
        world.credentials.assertion(about, START.plus(840)).await.unwrap(),
        first
    );
    let text = first.to_str().unwrap();
    let payload = URL_SAFE_NO_PAD.decode(text.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(claims["exp"], START.0 + 900);
    assert_eq!(claims["http://wso2.org/claims/applicationname"], "Phone");
    assert_eq!(claims["http://wso2.org/claims/usertype"], "APPLICATION");
    assert_eq!(claims["http://wso2.org/claims/apicontext"], "/pets/1.0");
    let (signed, signature) = text.rsplit_once('.').unwrap();
    let kid = world.keys.current(START).kid.clone();
    let key = world.keys.verifying(&kid, START).unwrap();
    assert!(jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &key.key, key.algorithm).unwrap());
    assert!(world.bearer(text, START).is_err(), "it is no access token");
    let none = crate::credential::Credentials::new(std::sync::Arc::clone(world.registry.view()));
    assert!(none.assertion(about, START).await.is_none());
    let _ = (Terms::default(), &world.directory);
}

#[tokio::test]
async fn what_a_backend_is_told_has_half_a_minute_left_and_outlives_the_credential_by_no_more() {
    let world = World::new(Algorithm::ES256).await;
    let caller = world.bearer(&world.token(json!({})), START).unwrap();
    for (left, expected) in [(-20, 30), (0, 30), (29, 30), (31, 31), (300, 300), (5_000, 900)] {
        let caller = Caller {
            expires: Some(UnixTime(START.0.saturating_add_signed(left))),
            digest: Digest::of(&left.to_string()),
            ..Caller::clone(&caller)
        };
        let about = crate::credential::Subject {
            caller: &caller,
            version: &world.snapshot.versions()[0],
            by_default: false,
        };
        for later in [0, 1, 20, 29] {
            let now = START.plus(later);
            let told = world.credentials.assertion(about, now).await.unwrap();
            let payload = told.to_str().unwrap().split('.').nth(1).unwrap().to_owned();
            let claims: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
            let exp = claims["exp"].as_u64().unwrap();
            assert!(exp >= now.0 + 30, "{left} {later}");
            assert!(exp <= (START.0 + expected).max(now.0 + 30), "{left} {later}");
        }
    }
}
