//! Those who run the gateway manage it over the admin listener: they sign in, and the next request knows what they did.

use serde_json::json;

use crate::harness::*;

/// A browser that is signed in.
struct Browser<'g> {
    gateway: &'g Gateway,
    cookie: String,
    csrf: String,
}

impl<'g> Browser<'g> {
    async fn sign_in(gateway: &'g Gateway, user: &str) -> Self {
        let shown = json!({ "user": user, "password": PASSWORD });
        let reply = gateway
            .admin(written("POST", "/admin/v1/session", &shown))
            .await
            .expect(200);
        let cookie = reply.header("set-cookie").unwrap();
        assert!(cookie.starts_with("tollgate_console=") && cookie.contains("; HttpOnly; SameSite=Strict"));
        Self {
            gateway,
            cookie: cookie.split(';').next().unwrap().to_owned(),
            csrf: reply.json()["csrf"].as_str().unwrap().to_owned(),
        }
    }

    async fn send(&self, call: Call) -> Reply {
        let call = call.header("Cookie", &self.cookie).header("X-CSRF-Token", &self.csrf);
        self.gateway.admin(call).await
    }
}

fn written(method: &str, path: &str, body: &serde_json::Value) -> Call {
    call(method, path)
        .header("Content-Type", "application/json")
        .body(body.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_by_the_api_is_known_to_the_next_request() {
    let origin = origin().start().await;
    let closed = version("1.0").to(&origin).asking("any", &["GET"], "/*");
    let gateway = gateway()
        .set("oauth.algorithm", "\"ES256\"")
        .api(&api("Pets", "/p").version(closed))
        .start()
        .await;
    gateway.user("boss", &["admin"]).await;
    let app = gateway.app("joe", "Phone").await;
    gateway.subscribe(&app, "Pets", "1.0").await;
    let token = gateway.app_token(&app.keys).await;
    let ask = async || gateway.call(get("/p/1.0/a").bearer(&token)).await.status;
    assert_eq!(ask().await, 200);

    let browser = Browser::sign_in(&gateway, "boss").await;
    let listed = browser
        .send(get("/admin/v1/subscriptions?api=Pets"))
        .await
        .expect(200)
        .json();
    let mut right = listed["items"][0].clone();
    let path = format!("/admin/v1/subscriptions/{}", right["id"]);
    for (state, expected) in [("blocked", 401), ("unblocked", 200), ("blocked", 401)] {
        right["state"] = json!(state);
        browser.send(written("PUT", &path, &right)).await.expect(200);
        let seen = origin.requests().len();
        assert_eq!(ask().await, expected, "{state}");
        assert_eq!(origin.requests().len(), seen + usize::from(expected == 200));
    }
    browser.send(call("DELETE", &path)).await.expect(204);
    assert_eq!(ask().await, 403);
    let application = format!("/admin/v1/applications/{}", right["application"].as_str().unwrap());
    browser.send(call("DELETE", &application)).await.expect(204);
    assert_eq!(ask().await, 401);
    let audit = browser
        .send(get("/admin/v1/audit?actor=boss%40carbon.super"))
        .await
        .expect(200)
        .json();
    let actions: Vec<_> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["action"].clone())
        .collect();
    assert_eq!(actions, ["delete", "delete", "put", "put", "put", "sign_in"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_is_on_the_admin_listener_alone() {
    let origin = origin().start().await;
    let gateway = gateway()
        .set("oauth.algorithm", "\"ES256\"")
        .api(&api("All", "/admin").version(version("v1").to(&origin)))
        .start()
        .await;
    gateway.user("boss", &["admin"]).await;
    let shown = json!({ "user": "boss", "password": PASSWORD });
    gateway.call(written("POST", "/admin/v1/session", &shown)).await;
    let seen = origin.requests().len();
    gateway.admin(get("/admin/v1/status")).await.expect(401);
    gateway.admin(get("/nowhere")).await.expect(404);
    let browser = Browser::sign_in(&gateway, "boss").await;
    let status = browser.send(get("/admin/v1/status")).await.expect(200);
    assert_eq!(
        (&status.json()["apis"], status.header("tollgate-revision")),
        (&json!(1), Some("1"))
    );
    let reloaded = browser.send(call("POST", "/admin/v1/reload")).await.expect(200).json();
    assert_eq!(reloaded["unchanged"], true, "{reloaded}");
    gateway.edit("apis/broken.toml", "name = 7\n");
    let refused = browser.send(call("POST", "/admin/v1/reload")).await.expect(422).json();
    assert!(
        refused["violations"][0]["file"]
            .as_str()
            .unwrap()
            .ends_with("apis/broken.toml"),
        "{refused}"
    );
    assert_eq!(origin.requests().len(), seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_is_read_only_of_those_who_are_let_in() {
    let gateway = gateway().set("oauth.algorithm", "\"ES256\"").start().await;
    gateway.user("boss", &["admin"]).await;
    // A body that never comes is answered all the same.
    let length = format!("{}", 3 << 20);
    let announced = |path: &str| call("POST", path).header("Content-Length", &length);
    gateway.admin(announced("/admin/v1/users")).await.expect(401);
    gateway.admin(announced("/admin/v1/session")).await.expect(413);
    gateway.admin(announced("/oauth2/token")).await.expect(413);
    gateway.admin(announced("/explain")).await.expect(413);
    let browser = Browser::sign_in(&gateway, "boss").await;
    let roles: Vec<_> = (0..20_000).map(|number| format!("role {number}")).collect();
    let new = json!({ "name": "new", "password": "password of new", "roles": roles });
    let whole = browser.send(written("POST", "/admin/v1/users", &new)).await.expect(422);
    assert!(whole.text().contains("there may be 200 roles"), "{whole:?}");
    let too_long = json!({ "name": "a".repeat(4 << 20) }).to_string();
    let chunks: Vec<_> = too_long.as_bytes().chunks(1 << 20).collect();
    for call in [
        call("POST", "/admin/v1/users").header("Content-Length", &format!("{}", 5 << 20)),
        call("POST", "/admin/v1/users")
            .header("Content-Type", "application/json")
            .chunked(&chunks),
    ] {
        browser.send(call).await.expect(413);
    }
    let some = new.to_string();
    let chunks: Vec<_> = some.as_bytes().chunks(50_000).collect();
    let chunked = call("POST", "/admin/v1/users")
        .header("Content-Type", "application/json")
        .chunked(&chunks);
    browser.send(chunked).await.expect(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_edited_by_the_api_decides_the_next_request_and_is_in_the_file() {
    let origin = origin().start().await;
    let open = version("1.0").to(&origin).asking("none", &["GET"], "/pets/{id}");
    let gateway = gateway().api(&api("Pets", "/p").version(open)).start().await;
    gateway.user("boss", &["admin"]).await;
    gateway.call(get("/p/1.0/pets/7")).await.expect(200);
    let browser = Browser::sign_in(&gateway, "boss").await;
    // The name of a resource has slashes, which stand in the path as %2F.
    let path = "/admin/v1/apis/Pets/versions/1.0/resources/GET%20%2Fpets%2F%7Bid%7D";
    let mut resource = browser.send(get(path)).await.expect(200).json();
    resource["auth"] = json!("any");
    browser.send(written("PUT", path, &resource)).await.expect(200);
    let seen = origin.requests().len();
    gateway.call(get("/p/1.0/pets/7")).await.expect(401);
    assert_eq!(origin.requests().len(), seen);
    let restored = browser.send(call("POST", "/admin/v1/revisions/1/restore")).await;
    assert_eq!(restored.expect(200).json()["revision"], 3);
    gateway.call(get("/p/1.0/pets/7")).await.expect(200);
    let endpoints = browser
        .send(get("/admin/v1/apis/Pets/versions/1.0/endpoints"))
        .await
        .expect(200);
    assert_eq!(endpoints.json()["endpoints"][0]["state"], "healthy");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hands_do_to_the_files_is_in_the_audit() {
    let origin = origin().start().await;
    let pets = |state: &str| api("Pets", "/p").version(version("1.0").to(&origin).state(state));
    let gateway = gateway().api(&pets("published")).start().await;
    gateway.user("boss", &["admin"]).await;
    let browser = Browser::sign_in(&gateway, "boss").await;
    gateway.edit_api(&pets("blocked"));
    gateway.reloaded();
    let asked = async || {
        browser
            .send(get("/admin/v1/audit?actor=files"))
            .await
            .expect(200)
            .json()
    };
    let mut audit = asked().await;
    eventually("the edit in the audit", async || {
        audit = asked().await;
        audit["total"] != 0
    })
    .await;
    let record = &audit["items"][0];
    assert_eq!(
        (&record["object"], &record["revision"]),
        (&json!("version 1.0 of Pets"), &json!(2)),
        "{audit}"
    );
    let states = (json!({ "state": "published" }), json!({ "state": "blocked" }));
    assert_eq!((&record["before"], &record["after"]), (&states.0, &states.1));
}
