//! A key manager's signed word for a user is exchanged for a token of ours (RFC 7523), by the keys that it publishes.

use serde_json::{Value, json};

use crate::harness::*;

fn word(changes: &Value) -> Value {
    let at = now().0;
    let mut claims = json!({
        "iss": "https://other.test", "sub": "tom", "aud": "https://gate.test/oauth2/token",
        "iat": at, "exp": at + 60,
    });
    let claims_of = claims.as_object_mut().unwrap();
    claims_of.extend(changes.as_object().unwrap().clone());
    claims
}

struct Scene {
    origin: Origin,
    gateway: Gateway,
    app: App,
    words: usize,
}

impl Scene {
    async fn begin(issuer: &Issuer) -> Self {
        let origin = origin().start().await;
        let version =
            version("1.0")
                .to(&origin)
                .line("tiers = [\"Unlimited\"]")
                .asking("application_user", &["GET"], "/*");
        let gateway = gateway()
            .set("oauth.algorithm", "\"ES256\"")
            .set("oauth.issuer", "\"https://gate.test\"")
            .file("catalog/managers.toml", &issuer.key_manager(""))
            .api(&api("Pets", "/p").version(version))
            .start()
            .await;
        gateway.user("tom", &[]).await;
        let app = gateway.app("joe", "Phone").await;
        gateway.subscribe(&app, "Pets", "1.0").await;
        Self {
            origin,
            gateway,
            app,
            words: 0,
        }
    }

    /// Exchanges a word that nobody has heard yet.
    async fn exchange(&mut self, key: &IssuerKey, changes: Value) -> Reply {
        self.words += 1;
        let mut claims = word(&changes);
        claims["jti"] = format!("word {}", self.words).into();
        self.exchange_word(&key.sign(&claims)).await
    }

    async fn exchange_word(&self, word: &str) -> Reply {
        let form = format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={word}");
        self.gateway.ask("/oauth2/token", &self.app.keys, &form).await
    }

    #[track_caller]
    fn refused(reply: Reply) {
        assert_eq!(reply.expect(400).json()["error"], "invalid_grant");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_becomes_a_token_that_calls_for_the_user() {
    let key = IssuerKey::new("a");
    let issuer = Issuer::start(&[&key]).await;
    let mut scene = Scene::begin(&issuer).await;
    let granted = scene.exchange(&key, json!({})).await.expect(200).json();
    let token = granted["access_token"].as_str().unwrap();
    scene.gateway.call(get("/p/1.0/a").bearer(token)).await.expect(200);
    assert_eq!(scene.origin.requests().len(), 1);
    assert_eq!(issuer.asked(), 1);
    let once = key.sign(&word(&json!({ "jti": "once" })));
    scene.exchange_word(&once).await.expect(200);
    Scene::refused(scene.exchange_word(&once).await);
    for hostile in [
        json!({ "sub": "nobody" }),
        json!({ "aud": "https://else.test" }),
        json!({ "exp": now().0 - 60 }),
        json!({ "iss": "https://gate.test" }),
    ] {
        Scene::refused(scene.exchange(&key, hostile).await);
    }
    assert_eq!(issuer.asked(), 1, "known keys are not asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_may_rotate_be_down_and_be_imitated() {
    let (old, new) = (IssuerKey::new("a"), IssuerKey::new("b"));
    // Of the same name, but not the same key.
    let (forged, renewed) = (IssuerKey::new("a"), IssuerKey::new("b"));
    let issuer = Issuer::start(&[&old]).await;
    let mut scene = Scene::begin(&issuer).await;
    scene.exchange(&old, json!({})).await.expect(200);
    issuer.publish(&[&new]);
    scene.exchange(&new, json!({})).await.expect(200);
    Scene::refused(scene.exchange(&old, json!({})).await);
    Scene::refused(scene.exchange(&forged, json!({})).await);
    issuer.is_ill(true);
    scene.exchange(&new, json!({})).await.expect(200);
    for _ in 0..20 {
        Scene::refused(scene.exchange(&renewed, json!({})).await);
    }
    let asked = issuer.asked();
    assert!(asked <= 6, "asked {asked} times for 20 wrong signatures");
    issuer.is_ill(false);
    issuer.publish(&[&renewed]);
    eventually("a key of the same name to be seen", async || {
        scene.exchange(&renewed, json!({})).await.status == 200
    })
    .await;
    Scene::refused(scene.exchange(&new, json!({})).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn traffic_and_the_token_endpoint_share_what_is_known() {
    let key = IssuerKey::new("a");
    let issuer = Issuer::start(&[&key]).await;
    let mut scene = Scene::begin(&issuer).await;
    let at = now().0;
    let access = json!({ "iss": "https://other.test", "sub": "x", "client_id": "y", "iat": at, "exp": at + 60 });
    let reply = scene.gateway.call(get("/p/1.0/a").bearer(&key.sign(&access))).await;
    reply.refused(403, &scene.origin);
    assert_eq!(issuer.asked(), 1);
    issuer.is_ill(true);
    scene.exchange(&key, json!({})).await.expect(200);
    assert_eq!(issuer.asked(), 1);
}
