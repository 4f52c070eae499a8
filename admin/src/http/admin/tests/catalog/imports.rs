//! Other people's formats become APIs, and what is not taken over is told.

use super::*;

const PETS: &str = r#"
openapi: 3.0.3
info: { title: Zoo, version: "1.0" }
servers: [{ url: http://127.0.0.1:9001/v1 }]
paths:
  /animals:
    get: { responses: { "200": { description: all } }, security: [] }
    post: { responses: { "201": { description: made } } }
x-odd: true
"#;

#[tokio::test]
async fn an_openapi_document_becomes_an_api_and_then_a_version_of_it() {
    let scene = Scene::begin().await;
    let token = scene.token("pub").await;
    let body = json!({"document": PETS, "context": "/zoo"});
    let tried = scene
        .tell(&token, "POST", "/import/openapi?dry_run=true", &body)
        .await
        .is(200)
        .json();
    assert_eq!(
        (&tried["edited"][0]["object"], scene.file("apis/zoo.toml")),
        (&json!("API Zoo"), None)
    );
    let made = scene
        .tell(&token, "POST", "/import/openapi", &body)
        .await
        .is(200)
        .json();
    assert_eq!(made["edited"][0]["location"], "/admin/v1/apis/Zoo");
    let resources = scene
        .ask(&token, "GET", "/apis/Zoo/versions/1.0/resources")
        .await
        .is(200)
        .json();
    assert_eq!(resources["total"], 2);
    scene
        .tell(&token, "POST", "/import/openapi", &body)
        .await
        .refused(409, "conflict");
    let next = json!({"document": PETS, "context": "/zoo", "version": "2.0"});
    let made = scene
        .tell(&token, "POST", "/import/openapi", &next)
        .await
        .is(200)
        .json();
    assert_eq!(made["edited"][0]["object"], "version 2.0 of Zoo");
}

#[tokio::test]
async fn what_is_no_document_or_for_another_tenant_makes_nothing() {
    let scene = Scene::begin().await;
    let token = scene.token("pub").await;
    for document in ["", "[]", "openapi: 3.0.0", "{"] {
        let problem = scene
            .tell(&token, "POST", "/import/openapi", &json!({"document": document}))
            .await
            .refused(422, "refused");
        assert!(!problem.json()["violations"][0]["message"].as_str().unwrap().is_empty());
    }
    for archive in ["%", "AAAA"] {
        scene
            .tell(&token, "POST", "/import/apictl", &json!({"archive": archive}))
            .await
            .refused(422, "refused");
    }
    let elsewhere = json!({"document": PETS, "tenant": "acme.example"});
    scene
        .tell(&token, "POST", "/import/openapi", &elsewhere)
        .await
        .refused(403, "forbidden");
    let stranger = scene.token("pub@acme.example").await;
    let root = json!({"document": PETS, "tenant": "carbon.super"});
    scene
        .tell(&stranger, "POST", "/import/openapi", &root)
        .await
        .refused(404, "missing");
    assert_eq!(scene.file("apis/zoo.toml"), None);
}

#[tokio::test]
async fn figures_are_told_of_the_tenants_that_are_seen() {
    let scene = Scene::begin().await;
    let root = scene
        .ask(&scene.token("view").await, "GET", "/traffic")
        .await
        .is(200)
        .json();
    assert_eq!(root["versions"].as_array().unwrap().len(), 2);
    let own = scene.token("view@acme.example").await;
    let told = scene.ask(&own, "GET", "/traffic").await.is(200).json();
    assert_eq!(
        (
            told["versions"].as_array().unwrap().len(),
            &told["versions"][0]["tenant"]
        ),
        (1, &json!("acme.example"))
    );
    scene
        .ask(&own, "GET", "/apis/Pets/versions/1/endpoints?tenant=carbon.super")
        .await
        .refused(404, "missing");
}

#[tokio::test]
async fn every_edit_is_in_the_audit_with_what_it_was_before() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    scene
        .tell(&token, "PUT", "/tenants/new.example", &json!({}))
        .await
        .is(201);
    scene
        .tell(&token, "PUT", "/tenants/new.example", &json!({"state": "inactive"}))
        .await
        .is(200);
    scene
        .tell(&token, "PUT", "/tenants/new.example", &json!({"state": "inactive"}))
        .await
        .is(200);
    let audit = scene.ask(&token, "GET", "/audit?q=new.example").await.is(200).json();
    assert_eq!(audit["total"], 2, "what changes nothing is no change: {audit}");
    let last = &audit["items"][0];
    assert_eq!(
        (&last["before"], &last["after"]),
        (
            &json!({"domain": "new.example"}),
            &json!({"domain": "new.example", "state": "inactive"})
        )
    );
    assert_eq!(
        (&last["actor"], &last["revision"], &last["tenant"]),
        (&json!("root@carbon.super"), &json!(3), &json!("new.example"))
    );
}
