//! Tokens of other issuers: verified by their keys, through rotation and outage, and asked about no more than needed.

use admin::registry::application::TokenType;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::harness::*;

fn claims() -> Value {
    let at = now().0;
    json!({
        "iss": "https://other.test", "aud": "pets", "sub": "someone", "client_id": "theirs",
        "iat": at, "exp": at + 600,
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

async fn serving(manager: &str) -> (Origin, Gateway) {
    let origin = origin().start().await;
    let version = version("1.0")
        .to(&origin)
        .line("tiers = []")
        .asking("any", &["GET"], "/*");
    let gateway = gateway()
        .set("oauth.algorithm", "\"ES256\"")
        .file("catalog/managers.toml", manager)
        .api(&api("Pets", "/p").version(version))
        .start()
        .await;
    (origin, gateway)
}

fn call(token: &str) -> Call {
    get("/p/1.0/a").bearer(token)
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_rotated_and_withdrawn_while_calls_flow_and_outages_are_borne() {
    let (old, new) = (IssuerKey::new("old"), IssuerKey::new("new"));
    let issuer = Issuer::start(&[&old]).await;
    let (origin, gateway) = serving(&issuer.key_manager("audiences = [\"pets\"]")).await;
    let mut caller = gateway.connect().await;
    let first = old.sign(&claims());
    caller.call(call(&first)).await.expect(200);
    issuer.publish(&[&old, &new]);
    caller.call(call(&new.sign(&claims()))).await.expect(200);
    caller.call(call(&first)).await.expect(200);
    let asked = issuer.asked();
    assert!(asked <= 2, "asked {asked} times");
    issuer.is_ill(true);
    for number in 0..20 {
        let fresh = new.sign(&with("jti", number.into()));
        caller.call(call(&fresh)).await.expect(200);
    }
    assert_eq!(issuer.asked(), asked, "known keys are not asked for");
    assert_eq!(origin.requests().len(), 23);
    assert_eq!(origin.last_request().header("authorization"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_keys_are_asked_for_a_few_times_however_many_name_them() {
    let (key, stranger) = (IssuerKey::new("known"), IssuerKey::new("unknown"));
    let issuer = Issuer::start(&[&key]).await;
    let (origin, gateway) = serving(&issuer.key_manager("")).await;
    let mut callers = Vec::new();
    for _ in 0..8 {
        callers.push(gateway.connect().await);
    }
    let flood = callers.into_iter().enumerate().map(|(lane, mut caller)| {
        tokio::spawn(async move {
            for number in 0..50 {
                let key = IssuerKey::new(&format!("{lane}-{number}"));
                caller.call(call(&key.sign(&claims()))).await.expect(401);
            }
        })
    });
    let flood: Vec<_> = flood.collect();
    for lane in flood {
        lane.await.unwrap();
    }
    gateway
        .call(call(&stranger.sign(&claims())))
        .await
        .refused(401, &origin);
    let asked = issuer.asked();
    assert!((1..=12).contains(&asked), "asked {asked} times for 400 tokens");
    gateway.call(call(&key.sign(&claims()))).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_was_never_reached_proves_nobody_and_is_not_hammered() {
    let key = IssuerKey::new("a");
    let issuer = Issuer::start(&[&key]).await;
    issuer.is_ill(true);
    let (origin, gateway) = serving(&issuer.key_manager("")).await;
    for _ in 0..30 {
        gateway.call(call(&key.sign(&claims()))).await.refused(401, &origin);
    }
    assert!(issuer.asked() <= 6, "asked {} times", issuer.asked());
    issuer.is_ill(false);
    eventually("the issuer to be asked again", async || {
        gateway.call(call(&key.sign(&claims()))).await.status == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_kind_issuer_audience_or_time_is_refused() {
    let (key, other) = (IssuerKey::new("a"), IssuerKey::new("a"));
    let issuer = Issuer::start(&[&key]).await;
    let (origin, gateway) = serving(&issuer.key_manager("audiences = [\"pets\"]")).await;
    let at = now().0;
    let mut hostile = vec![
        other.sign(&claims()),
        key.sign(&with("iss", "https://other.test/".into())),
        key.sign(&with("iss", json!(["https://other.test"]))),
        key.sign(&with("iss", Value::Null)),
        key.sign(&with("aud", "dogs".into())),
        key.sign(&with("aud", json!(["dogs", 1]))),
        key.sign(&with("aud", Value::Null)),
        key.sign(&with("exp", (at - 60).into())),
        key.sign(&with("exp", Value::Null)),
        key.sign(&with("exp", (at + 600).to_string().into())),
        key.sign(&with("nbf", (at + 600).into())),
        key.sign(&with("iat", (at + 600).into())),
        key.sign(&with("client_id", Value::Null)),
        key.sign(&with("nonce", "n".into())),
        key.sign(&with("cnf", json!({ "jkt": "x" }))),
    ];
    let good = key.sign(&claims());
    let parts: Vec<&str> = good.split('.').collect();
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    for header in [
        r#"{"alg":"none","kid":"a"}"#,
        r#"{"alg":"None"}"#,
        r#"{"alg":"HS256","kid":"a"}"#,
        r#"{"alg":"RS256","kid":"a"}"#,
        r#"{"alg":"ES384","kid":"a"}"#,
        r#"{"alg":"ES256","kid":"a","crit":["exp"]}"#,
        r#"{"alg":"ES256","kid":"a","kid":"a"}"#,
        r#"{"alg":["ES256"],"kid":"a"}"#,
    ] {
        hostile.push(format!("{}.{}.{}", encode(header), parts[1], parts[2]));
        hostile.push(format!("{}.{}.", encode(header), parts[1]));
    }
    hostile.push(format!("{}.{}", parts[0], parts[1]));
    hostile.push(format!("{good}."));
    hostile.push(format!("{}..{}", parts[0], parts[2]));
    hostile.push(format!("{}.{}.{}", parts[0], parts[1], "AAAA"));
    hostile.push(format!("{good}="));
    // A public key is no shared secret.
    let secret = jsonwebtoken::EncodingKey::from_secret(key.jwk().to_string().as_bytes());
    let header = jsonwebtoken::Header {
        kid: Some("a".to_owned()),
        ..Default::default()
    };
    hostile.push(jsonwebtoken::encode(&header, &claims(), &secret).unwrap());
    let mut caller = gateway.connect().await;
    for token in &hostile {
        let fault = caller.call(call(token)).await.refused(401, &origin).json();
        assert_eq!(fault["code"], "900901", "{token}");
    }
    caller.call(call(&good)).await.expect(200);
    for token in &hostile {
        caller.call(call(token)).await.expect(401);
    }
    origin.only_request();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_takes_tokens_of_the_key_managers_it_names_at_the_next_request() {
    let key = IssuerKey::new("a");
    let issuer = Issuer::start(&[&key]).await;
    let (origin, gateway) = serving(&issuer.key_manager("")).await;
    let token = key.sign(&claims());
    gateway.call(call(&token)).await.expect(200);
    let version = version("1.0")
        .to(&origin)
        .line("tiers = []\nkey_managers = [\"Resident\"]")
        .asking("any", &["GET"], "/*");
    gateway.edit_api(&api("Pets", "/p").version(version));
    gateway.reloaded();
    gateway.call(call(&token)).await.expect(401);
    origin.only_request();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_is_asked_about_a_token_once_whatever_it_says() {
    let issuer = Issuer::start(&[]).await;
    let (origin, gateway) = serving(&issuer.oracle()).await;
    issuer.introspects(json!({ "active": false }));
    let mut caller = gateway.connect().await;
    for _ in 0..10 {
        caller.call(call("unknown-token")).await.refused(401, &origin);
    }
    assert_eq!(issuer.asked(), 1);
    let question = issuer.origin().last_request();
    assert_eq!(
        question.header("authorization"),
        Some(basic("gateway", "top%20secret").as_str())
    );
    assert_eq!(question.body, b"token=unknown-token&token_type_hint=access_token");
    issuer.introspects(json!({ "active": true, "client_id": "theirs", "sub": "x", "exp": now().0 + 600 }));
    for _ in 0..10 {
        caller.call(call("known-token")).await.expect(200);
    }
    assert_eq!(issuer.asked(), 2);
    issuer.is_ill(true);
    caller.call(call("known-token")).await.expect(200);
    let served = origin.requests().len();
    for _ in 0..10 {
        caller.call(call("third-token")).await.expect(401);
    }
    assert!(issuer.asked() <= 5, "asked {} times", issuer.asked());
    assert_eq!(origin.requests().len(), served);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_ours_is_shown_to_no_other_issuer() {
    let issuer = Issuer::start(&[]).await;
    issuer.introspects(json!({ "active": true, "client_id": "theirs", "sub": "x", "exp": now().0 + 600 }));
    let (origin, gateway) = serving(&issuer.oracle()).await;
    let version = version("1.0")
        .to(&origin)
        .line("tiers = []\nkey_managers = [\"Oracle\"]")
        .asking("any", &["GET"], "/*");
    gateway.edit_api(&api("Pets", "/p").version(version));
    gateway.reloaded();
    gateway.user("tom", &[]).await;
    let random = gateway.app_with("owner", "Phone", TokenType::Opaque).await;
    let signed = gateway.app_with("owner", "Tablet", TokenType::Jwt).await;
    let granted = gateway.user_grant(&random.keys, "tom", "").await;
    let given_back = gateway.app_token(&random.keys).await;
    let form = format!("token={given_back}");
    gateway.ask("/revoke", &random.keys, &form).await.expect(200);
    let mut ours = vec![
        gateway.app_token(&random.keys).await,
        gateway.app_token(&signed.keys).await,
        given_back,
        gateway.api_key(&random, Default::default()).await,
    ];
    for name in ["access_token", "refresh_token"] {
        ours.push(granted[name].as_str().unwrap().to_owned());
    }
    let key = IssuerKey::new("a-key-that-is-gone");
    let issuer_of_ours = gateway
        .get("/.well-known/openid-configuration")
        .await
        .expect(200)
        .json();
    ours.push(key.sign(&with("iss", issuer_of_ours["issuer"].clone())));
    for token in &ours {
        for _ in 0..2 {
            gateway.call(call(token)).await.refused(401, &origin);
        }
        assert_eq!(issuer.asked(), 0, "{token}");
    }
    gateway.call(call(&"a".repeat(43))).await.expect(200);
    assert_eq!(issuer.asked(), 1, "another's of the same form");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_plainly_yes_is_no() {
    let issuer = Issuer::start(&[]).await;
    let (origin, gateway) = serving(&issuer.oracle()).await;
    let at = now().0;
    for (place, answer) in [
        json!({ "active": "true", "client_id": "c" }),
        json!({ "active": 1, "client_id": "c" }),
        json!({ "client_id": "c" }),
        json!({ "active": true }),
        json!({ "active": true, "client_id": "c", "exp": at - 60 }),
        json!({ "active": true, "client_id": "c", "nbf": at + 600 }),
        json!({ "active": true, "client_id": "c", "iss": "https://evil.test" }),
        json!([]),
        Value::Null,
    ]
    .into_iter()
    .enumerate()
    {
        issuer.introspects(answer.clone());
        let reply = gateway.call(call(&format!("token-{place}"))).await;
        assert_eq!(reply.refused(401, &origin).json()["code"], "900901", "{answer}");
    }
}
