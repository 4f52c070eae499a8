//! Who did what is kept, and told to those who may know it.

use serde_json::json;

use super::*;
use crate::registry::audit::Record;

/// Returns records as `actor action object outcome`, the latest first.
async fn records(scene: &Scene, name: &str, query: &str) -> Vec<String> {
    let token = scene.token(name).await;
    let asked = call("GET", &format!("/admin/v1/audit{query}")).token(&token);
    let told = scene.send(asked).await.is(200).json();
    let text = |item: &Value, key: &str| item[key].as_str().unwrap().to_owned();
    let items = told["items"].as_array().unwrap().iter();
    items
        .map(|item| {
            ["actor", "action", "object", "outcome"]
                .map(|key| text(item, key))
                .join(" ")
        })
        .collect()
}

#[tokio::test]
async fn changes_are_kept_with_what_was_before_and_after() {
    let scene = Scene::begin().await;
    let token = scene.token("admin@acme.example").await;
    let send = async |call: Call| scene.send(call.token(&token)).await;
    let new = json!({ "name": "new", "password": "password of new", "roles": ["a"] });
    send(call("POST", "/admin/v1/users").json(&new)).await.is(201);
    scene.step(10);
    send(call("PUT", "/admin/v1/users/new").json(&json!({ "name": "new", "roles": ["b"] })))
        .await
        .is(200);
    send(call("PUT", "/admin/v1/users/new/password").json(&json!({ "password": "another password" })))
        .await
        .is(204);
    send(call("DELETE", "/admin/v1/users/new")).await.is(204);
    send(call("DELETE", "/admin/v1/users/new")).await.is(404);
    let actor = "admin@acme.example";
    let expected = ["delete", "set_password", "put", "make"].map(|action| format!("{actor} {action} user new done"));
    assert_eq!(records(&scene, "view@acme.example", "").await, expected);
    assert_eq!(records(&scene, "view", "?tenant=acme.example").await, expected);
    assert!(records(&scene, "admin@other.example", "").await.is_empty());
    assert_eq!(records(&scene, actor, "?action=put").await, expected[2..3]);
    assert_eq!(records(&scene, actor, "?actor=nobody").await.len(), 0);
    assert_eq!(records(&scene, actor, "?object=USER%20N&limit=1").await, expected[..1]);
    assert_eq!(
        records(&scene, actor, "?until=2023-11-14T22:13:30Z").await,
        expected[3..]
    );
    assert_eq!(
        records(&scene, actor, "?since=2023-11-14T22:13:30Z").await,
        expected[..3]
    );
    let put = send(call("GET", "/admin/v1/audit?action=put")).await.is(200).json();
    let put = &put["items"][0];
    assert_eq!(
        (&put["before"]["roles"], &put["after"]["roles"]),
        (&json!(["a"]), &json!(["b"]))
    );
    assert_eq!(
        (&put["at"], &put["address"]),
        (&json!("2023-11-14T22:13:30Z"), &json!("192.0.2.1"))
    );
    let all = send(call("GET", "/admin/v1/audit")).await.is(200);
    assert!(!all.text.contains("password of new") && !all.text.contains("another password"));
    send(call("GET", "/admin/v1/audit?since=yesterday"))
        .await
        .refused(400, "malformed");
    let page = send(call("GET", "/admin/v1/audit?limit=3")).await.is(200).json();
    assert_eq!(page["next"], "/admin/v1/audit?limit=3&offset=3");
}

#[tokio::test]
async fn sign_ins_are_kept_also_those_that_are_refused() {
    let scene = Scene::begin().await;
    let sign_in = async |name: &str, password: &str| {
        let body = json!({ "user": name, "password": password });
        scene.send(call("POST", "/admin/v1/session").json(&body)).await
    };
    let session = sign_in("root", &password("root")).await.is(200);
    sign_in("root", "wrong").await.is(401);
    sign_in("my s3cret", "root").await.is(401);
    let csrf = session.json()["csrf"].as_str().unwrap().to_owned();
    let out = call("DELETE", "/admin/v1/session").field("cookie", &session.cookie());
    scene.send(out.field("x-csrf-token", &csrf)).await.is(204);
    let expected = [
        "root@carbon.super sign_out console done",
        "unknown sign_in_refused console wrong password, or no such user",
        "root@carbon.super sign_in_refused console wrong password, or no such user",
        "root@carbon.super sign_in console done",
    ];
    assert_eq!(records(&scene, "root", "").await, expected);
}

#[tokio::test]
async fn a_page_that_is_full_of_large_records_leads_to_the_next() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    let large = Record {
        at: scene.now(),
        actor: "root@carbon.super".to_owned(),
        tenant: TenantName::root(),
        address: None,
        action: "put".into(),
        object: "api Large".to_owned(),
        before: Some(json!("b".repeat(65_000))),
        after: Some(json!("a".repeat(65_000))),
        revision: None,
        outcome: "done".into(),
    };
    for _ in 0..40 {
        scene.authority.registry.audit(&large).await.unwrap();
    }
    let mut path = "/admin/v1/audit?limit=500".to_owned();
    let mut ids = Vec::new();
    loop {
        let told = scene.send(call("GET", &path).token(&token)).await.is(200);
        assert!(told.text.len() < 5 << 20, "{}", told.text.len());
        let page = told.json();
        let items = page["items"].as_array().unwrap();
        ids.extend(items.iter().map(|item| item["id"].as_i64().unwrap()));
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut path),
            None => break,
        }
    }
    assert!(ids.len() == 40 && ids.is_sorted_by(|a, b| a > b), "{ids:?}");
}
