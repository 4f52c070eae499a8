//! The word of key managers for users: taken when it is for us, of now, of their own tenant, and for the first time.

use serde_json::json;

use super::*;

const GRANT: (&str, &str) = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");

fn good() -> Value {
    json!({
        "iss": "https://issuer.example", "sub": "john", "aud": "https://gate.example/oauth2/token",
        "exp": START + 600, "iat": START, "jti": "1",
    })
}

impl Scene {
    async fn assert(&self, assertion: &str) -> Answer {
        self.token(&[GRANT, ("assertion", assertion), ("scope", "news_read news_write")])
            .await
    }
}

#[tokio::test]
async fn a_key_manager_vouches_for_a_user_once() {
    let scene = Scene::begin().await;
    let assertion = signed(&scene.issuer, Some("JWT"), &good());
    let answer = scene.assert(&assertion).await.done();
    assert_eq!(answer.text("scope"), "news_read news_write");
    assert_eq!(claims(&answer.text("access_token"))["sub"], "john@carbon.super");
    assert!(!answer.text("refresh_token").is_empty());
    scene.assert(&assertion).await.refused(400, "invalid_grant");
    let mut nameless = good();
    nameless.as_object_mut().unwrap().remove("jti");
    let nameless = signed(&scene.issuer, None, &nameless);
    scene.assert(&nameless).await.done();
    scene.assert(&nameless).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn keys_that_are_elsewhere_are_fetched_anew_where_the_known_ones_prove_nothing() {
    let scene = Scene::begin().await;
    let mut claims = good();
    claims["iss"] = json!("https://remote.example");
    scene.assert(&signed(&scene.issuer, None, &claims)).await.done();
}

#[tokio::test]
async fn hostile_words_are_refused() {
    let scene = Scene::begin().await;
    for (name, value) in [
        ("iss", json!("https://evil.example")),
        ("iss", json!(ISSUER)),
        ("sub", json!("nobody")),
        ("sub", json!("anna@acme.example")),
        ("sub", json!("")),
        ("sub", json!(["john"])),
        ("aud", json!("https://other.example")),
        ("aud", json!(null)),
        ("exp", json!(START)),
        ("exp", json!(START + 3_631)),
        ("exp", json!(null)),
        ("nbf", json!(START + 31)),
        ("jti", json!([])),
    ] {
        let mut claims = good();
        claims[name] = value.clone();
        let answer = scene.assert(&signed(&scene.issuer, None, &claims)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.error().as_str()),
            (400, "invalid_grant"),
            "{name} {value}"
        );
    }
    let mut timeless = good();
    timeless.as_object_mut().unwrap().remove("exp");
    scene
        .assert(&signed(&scene.issuer, None, &timeless))
        .await
        .refused(400, "invalid_grant");
    // A foreign access token, and our own keys in a foreign name, are no words of the issuer.
    scene
        .assert(&signed(&scene.issuer, Some("at+jwt"), &good()))
        .await
        .refused(400, "invalid_grant");
    scene
        .assert(&signed(&scene.authority.keys, None, &good()))
        .await
        .refused(400, "invalid_grant");
    let none = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#),
        URL_SAFE_NO_PAD.encode(good().to_string())
    );
    scene.assert(&none).await.refused(400, "invalid_grant");
    // None of them used up the name.
    scene.assert(&signed(&scene.issuer, None, &good())).await.done();
}

#[tokio::test]
async fn a_key_manager_of_another_tenant_is_nobody() {
    let scene = Scene::begin().await;
    let anna = user("anna", "acme.example");
    scene
        .client_of("acme", ClientProof::default(), TokenType::Jwt, (anna, &GrantType::ALL))
        .await;
    let assertion = signed(&scene.issuer, None, &good());
    let answer = scene
        .post_as("acme", "/oauth2/token", &[GRANT, ("assertion", &assertion)])
        .await;
    answer.refused(400, "invalid_grant");
}
