//! Applications, keys, API keys and subscriptions: what can be done to them, and who may.

use serde_json::json;

use super::*;
use crate::registry::application::Application;
use crate::registry::subscription::SubscriptionState;
use crate::registry::token::Digest;

struct Desk {
    scene: Scene,
    token: String,
}

impl Desk {
    async fn of(name: &str) -> Self {
        let scene = Scene::begin().await;
        let token = scene.token(name).await;
        Self { scene, token }
    }

    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let asked = call(method, &format!("/admin/v1{path}")).token(&self.token);
        self.scene
            .send(body.iter().fold(asked, |asked, body| asked.json(body)))
            .await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(body)).await
    }

    async fn put(&self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, Some(body)).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None).await
    }

    /// Makes an application of tom's in acme.example; returns its path.
    async fn application(&self, name: &str) -> String {
        let new = json!({ "name": name, "owner": "tom", "tenant": "acme.example" });
        let made = self.post("/applications", new).await.is(201);
        made.header("location").strip_prefix("/admin/v1").unwrap().to_owned()
    }

    fn find(&self, path: &str) -> Option<Arc<Application>> {
        let uuid = path.rsplit('/').next().unwrap();
        self.scene.authority.registry.view().application_of(uuid)
    }
}

#[tokio::test]
async fn applications_are_made_changed_and_deleted() {
    let desk = Desk::of("admin@acme.example").await;
    let path = desk.application("Phone").await;
    let seen = desk.get(&path).await.is(200);
    let document = seen.json();
    let uuid = path.rsplit('/').next().unwrap();
    let expected = json!({ "uuid": uuid, "name": "Phone", "owner": "tom", "tenant": "acme.example",
        "tier": "Unlimited", "token_type": "jwt" });
    assert_eq!(document, expected);
    desk.put(&path, document.clone()).await.is(200);
    let mut changed = document.clone();
    changed["tier"] = json!("Large");
    changed["token_type"] = json!("opaque");
    assert_eq!(desk.put(&path, changed.clone()).await.is(200).json(), changed);
    let stale = call("PUT", &format!("/admin/v1{path}"))
        .token(&desk.token)
        .json(&document);
    let stale = desk.scene.send(stale.field("if-match", seen.header("etag"))).await;
    stale.refused(412, "stale");
    for (key, value) in [
        ("tier", "Bosses"),
        ("tier", "Glod"),
        ("name", "Other"),
        ("owner", "pub"),
        ("tenant", "x"),
    ] {
        let mut wrong = document.clone();
        wrong[key] = json!(value);
        let refused = desk.put(&path, wrong).await.refused(422, "refused").json();
        assert_eq!(refused["violations"][0]["pointer"], format!("/{key}"), "{refused}");
    }
    let again = json!({ "name": "Phone", "owner": "tom" });
    desk.post("/applications", again).await.refused(409, "conflict");
    let nobodys = json!({ "name": "New", "owner": "nobody" });
    desk.post("/applications", nobodys).await.refused(422, "refused");
    let elsewhere = json!({ "name": "New", "owner": "tom", "tenant": "carbon.super" });
    desk.post("/applications", elsewhere).await.refused(404, "missing");
    let listed = desk
        .get("/applications?tier=Large&owner=tom&q=PHO")
        .await
        .is(200)
        .json();
    assert_eq!((&listed["total"], &listed["items"][0]), (&json!(1), &changed));
    assert_eq!(desk.get("/applications?tier=Small").await.is(200).json()["total"], 0);
    desk.delete(&path).await.is(204);
    desk.delete(&path).await.refused(404, "missing");
    assert!(desk.find(&path).is_none());
}

#[tokio::test]
async fn secrets_are_shown_once() {
    let desk = Desk::of("admin@acme.example").await;
    let path = desk.application("Phone").await;
    let keys = format!("{path}/keys");
    let new = json!({ "key_type": "production", "grants": ["client_credentials"] });
    let made = desk.post(&keys, new.clone()).await.is(201);
    let one = made.header("location").strip_prefix("/admin/v1").unwrap().to_owned();
    let issued = made.json();
    let (key, secret) = (
        issued["consumer_key"].as_str().unwrap(),
        issued["consumer_secret"].as_str().unwrap(),
    );
    let view = desk.scene.authority.registry.view();
    assert_eq!(view.client(key).unwrap().secret, Digest::of(secret));
    desk.post(&keys, new).await.refused(409, "conflict");
    let mut seen = desk.get(&one).await.is(200).json();
    assert_eq!((&seen, &seen["consumer_key"]), (&issued["key"], &json!(key)));
    seen["grants"] = json!(["password", "refresh_token"]);
    assert_eq!(desk.put(&one, seen.clone()).await.is(200).json(), seen);
    seen["key_type"] = json!("sandbox");
    desk.put(&one, seen.clone()).await.refused(422, "refused");
    seen["key_type"] = json!("production");
    seen["certificate"] = json!("abc");
    let wrong = desk.put(&one, seen).await.refused(422, "refused").json();
    assert_eq!(wrong["violations"][0]["pointer"], "/certificate");
    let renewed = desk.post(&format!("{one}/secret"), json!({})).await.is(200).json();
    let other = renewed["consumer_secret"].as_str().unwrap();
    assert_eq!(view.client(key).unwrap().secret, Digest::of(other));
    let public = json!({ "key_type": "sandbox", "grants": ["authorization_code"], "public": true,
        "redirect_uris": ["https://app.example/back"] });
    assert_eq!(
        desk.post(&keys, public).await.is(201).json()["consumer_secret"],
        Value::Null
    );
    assert_eq!(desk.get(&keys).await.is(200).json()["total"], 2);
    let told = [desk.get(&keys).await, desk.get(&one).await, desk.get("/audit").await];
    assert!(
        told.iter()
            .all(|told| !told.text.contains(secret) && !told.text.contains(other))
    );
    desk.delete(&one).await.is(204);
    assert!(view.client(key).is_none());
    let others = desk.application("Other").await;
    desk.get(&one.replace(&path, &others)).await.refused(404, "missing");
}

#[tokio::test]
async fn api_keys_are_made_and_ended() {
    let desk = Desk::of("admin@acme.example").await;
    let keys = format!("{}/api-keys", desk.application("Phone").await);
    let new = json!({ "key_type": "sandbox", "networks": ["10.0.0.0/8", "192.0.2.7"], "referers": ["*.acme.example/*"],
        "expires": "2023-12-14T22:13:20Z" });
    let made = desk.post(&keys, new).await.is(201);
    let one = made.header("location").strip_prefix("/admin/v1").unwrap().to_owned();
    let secret = made.json()["api_key"].as_str().unwrap().to_owned();
    let view = desk.scene.authority.registry.view();
    assert!(view.api_key(&Digest::of(&secret)).is_some());
    let seen = desk.get(&one).await.is(200);
    assert_eq!(seen.json()["networks"], json!(["10.0.0.0/8", "192.0.2.7/32"]));
    assert_eq!(seen.json()["expires"], "2023-12-14T22:13:20Z");
    assert!(!seen.text.contains(&secret) && !desk.get("/audit").await.text.contains(&secret));
    for (key, value, pointer) in [
        ("networks", json!(["10.0.0.0/8", "nowhere"]), "/networks/1"),
        ("expires", json!("2022-01-01T00:00:00Z"), "/expires"),
        ("expires", json!("soon"), "/expires"),
    ] {
        let wrong = json!({ "key_type": "sandbox", key: value });
        let refused = desk.post(&keys, wrong).await.refused(422, "refused").json();
        assert_eq!(refused["violations"][0]["pointer"], pointer, "{refused}");
    }
    assert_eq!(desk.get(&keys).await.is(200).json()["total"], 1);
    desk.delete(&one).await.is(204);
    desk.delete(&one).await.refused(404, "missing");
    assert!(view.api_key(&Digest::of(&secret)).is_none());
}

#[tokio::test]
async fn subscriptions_are_made_blocked_and_ended() {
    let desk = Desk::of("admin@acme.example").await;
    let path = desk.application("Phone").await;
    let uuid = path.rsplit('/').next().unwrap();
    let new = |version: &str, tier: Option<&str>| json!({ "application": uuid, "api": "Pets", "version": version, "tier": tier });
    for (wrong, pointer) in [
        (new("2.0", None), "/version"),
        (new("1.0", Some("Bronze")), "/tier"),
        (json!({ "application": uuid, "api": "Cats", "version": "1.0" }), "/api"),
        (
            json!({ "application": "x", "api": "Pets", "version": "1.0" }),
            "/application",
        ),
        (
            json!({ "application": uuid, "api": "Pets", "version": "1.0", "state": "on_hold" }),
            "/state",
        ),
    ] {
        let refused = desk.post("/subscriptions", wrong).await.refused(422, "refused").json();
        assert_eq!(refused["violations"][0]["pointer"], pointer, "{refused}");
    }
    let made = desk.post("/subscriptions", new("1.0", None)).await.is(201);
    let one = made.header("location").strip_prefix("/admin/v1").unwrap().to_owned();
    let mut seen = desk.get(&one).await.is(200).json();
    assert_eq!(
        (&seen["tier"], &seen["state"], &seen["owner"]),
        (&json!("Gold"), &json!("unblocked"), &json!("tom@acme.example"))
    );
    desk.post("/subscriptions", new("1.0", None))
        .await
        .refused(409, "conflict");
    let application = desk.find(&path).unwrap();
    let state = || {
        desk.scene.authority.registry.view().subscriptions_of(application.id)[0]
            .1
            .state
            .word()
    };
    for (word, expected) in [
        ("blocked", "BLOCKED"),
        ("production_only_blocked", "PROD_ONLY_BLOCKED"),
        ("unblocked", "UNBLOCKED"),
    ] {
        seen["state"] = json!(word);
        assert_eq!(desk.put(&one, seen.clone()).await.is(200).json(), seen);
        assert_eq!(state(), expected);
        let listed = desk
            .get(&format!(
                "/subscriptions?api=Pets&version=1.0&state={word}&application={uuid}"
            ))
            .await;
        assert_eq!(listed.is(200).json()["items"], json!([seen]));
    }
    seen["tier"] = json!("Silver");
    assert_eq!(desk.put(&one, seen.clone()).await.is(200).json()["tier"], "Silver");
    seen["version"] = json!("2.0");
    desk.put(&one, seen).await.refused(422, "refused");
    desk.delete(&one).await.is(204);
    desk.get(&one).await.refused(404, "missing");
}

#[tokio::test]
async fn a_subscription_across_tenants_is_blocked_by_who_provides_and_ended_by_either() {
    let desk = Desk::of("root").await;
    let view = desk.scene.authority.registry.view();
    let uuid = view.applications(None).first().unwrap().uuid.clone();
    let new = json!({ "application": uuid, "api": "Pets", "version": "1.0", "tenant": "acme.example" });
    let made = desk.post("/subscriptions", new).await.is(201);
    let path = made.header("location").to_owned();
    let mut blocked = made.json();
    blocked["state"] = json!("blocked");
    for (name, seen, put) in [
        ("pub", 200, 403),
        ("view@acme.example", 200, 403),
        ("admin@other.example", 404, 404),
        ("admin@acme.example", 200, 200),
    ] {
        let token = desk.scene.token(name).await;
        desk.scene.send(call("GET", &path).token(&token)).await.is(seen);
        desk.scene
            .send(call("PUT", &path).token(&token).json(&blocked))
            .await
            .is(put);
    }
    let token = desk.scene.token("admin@acme.example").await;
    desk.scene.send(call("DELETE", &path).token(&token)).await.is(204);
}

#[tokio::test]
async fn who_was_blocked_cannot_end_the_block() {
    let provider = Desk::of("root").await;
    let api = json!({ "name": "Open", "context": "/open", "versions": [{ "version": "1.0", "state": "published",
        "tiers": ["Unlimited"], "endpoints": { "production": "http://127.0.0.1:9001" },
        "subscribers": "all_tenants", "resources": [{ "path": "/", "methods": ["GET"] }] }] });
    provider.post("/apis", api).await.is(201);
    let consumer = Desk {
        token: provider.scene.token("admin@acme.example").await,
        scene: provider.scene,
    };
    let path = consumer.application("Phone").await;
    let uuid = path.rsplit('/').next().unwrap();
    let wanted = |state: &str| json!({ "application": uuid, "api": "Open", "version": "1.0", "tenant": "carbon.super", "state": state });
    for state in ["blocked", "production_only_blocked"] {
        let chosen = consumer.post("/subscriptions", wanted(state)).await;
        chosen.refused(403, "forbidden");
    }
    let made = consumer.post("/subscriptions", wanted("unblocked")).await.is(201);
    let one = made.header("location").to_owned();
    let delete = async |token: &str| consumer.scene.send(call("DELETE", &one).token(token)).await;
    let application = consumer.find(&path).unwrap().id;
    let registry = &consumer.scene.authority.registry;
    let right = || registry.view().subscriptions_of(application)[0].1.clone();
    for state in [
        SubscriptionState::Blocked,
        SubscriptionState::ProductionBlocked,
        SubscriptionState::OnHold,
        SubscriptionState::Rejected,
    ] {
        registry.set_subscription_state(right().id, state).await.unwrap();
        let refused = delete(&consumer.token).await.refused(409, "conflict");
        assert!(refused.text.contains("carbon.super"), "{refused:?}");
        let again = consumer.post("/subscriptions", wanted("unblocked")).await;
        again.refused(409, "conflict");
        assert_eq!(right().state, state);
    }
    delete(&provider.token).await.is(204);
    consumer.post("/subscriptions", wanted("unblocked")).await.is(201);
    consumer
        .delete(&format!("/subscriptions/{}", right().id.0))
        .await
        .is(204);
}

/// What there is of each noun, and every way to look at it and to change it.
struct World {
    desk: Desk,
    reads: Vec<String>,
    writes: Vec<(&'static str, String, Value)>,
}

async fn world() -> World {
    let desk = Desk::of("root").await;
    let path = desk.application("Phone").await;
    let uuid = path.rsplit('/').next().unwrap().to_owned();
    let place = |answer: Answer| answer.is(201).header("location").to_owned();
    let pair = json!({ "key_type": "production", "grants": ["client_credentials"] });
    let sandbox = json!({ "key_type": "sandbox" });
    let key = place(desk.post(&format!("{path}/keys"), pair).await);
    let api_key = place(desk.post(&format!("{path}/api-keys"), sandbox.clone()).await);
    let right = json!({ "application": uuid, "api": "Pets", "version": "1.0" });
    let made = desk.post("/subscriptions", right.clone()).await.is(201);
    let subscription = made.header("location").to_owned();
    let application = desk.get(&path).await.json();
    let path = format!("/admin/v1{path}");
    let (keys, api_keys) = (format!("{path}/keys"), format!("{path}/api-keys"));
    let new = json!({ "name": "Tab", "owner": "tom", "tenant": "acme.example" });
    let writes = vec![
        ("POST", "/admin/v1/applications".to_owned(), new),
        ("PUT", path.clone(), application),
        ("POST", keys.clone(), sandbox.clone()),
        ("POST", format!("{key}/secret"), json!({})),
        ("POST", api_keys.clone(), sandbox),
        ("POST", "/admin/v1/subscriptions".to_owned(), right),
        ("PUT", subscription.clone(), made.json()),
        ("DELETE", subscription.clone(), json!({})),
        ("DELETE", api_key.clone(), json!({})),
        ("DELETE", key.clone(), json!({})),
        ("DELETE", path.clone(), json!({})),
    ];
    let reads = vec![path, keys, key, api_keys, api_key, subscription];
    World { desk, reads, writes }
}

#[tokio::test]
async fn who_may_do_what_to_consumers() {
    let World { desk, reads, writes } = world().await;
    for (name, read, write) in [
        ("pub", 200, 403),
        ("view", 200, 403),
        ("pub@acme.example", 200, 403),
        ("view@acme.example", 200, 403),
        ("admin@other.example", 404, 404),
        ("tom", 403, 403),
    ] {
        let token = desk.scene.token(name).await;
        for path in &reads {
            desk.scene.send(call("GET", path).token(&token)).await.is(read);
        }
        for (method, path, body) in &writes {
            let answer = desk.scene.send(call(method, path).token(&token).json(body)).await;
            // What names a thing in its body is told that there is no such thing.
            let is_named = write == 404 && path == "/admin/v1/subscriptions";
            let expected = if is_named { 422 } else { write };
            assert_eq!(answer.status.as_u16(), expected, "{name} {method} {path}: {answer:?}");
        }
    }
    let token = desk.scene.token("admin@acme.example").await;
    for (method, path, body) in writes.iter().filter(|(method, ..)| *method == "DELETE") {
        desk.scene
            .send(call(method, path).token(&token).json(body))
            .await
            .is(204);
    }
}
