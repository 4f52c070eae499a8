//! Who may write what: by role and tenant, and nothing is written by whoever may not.

use super::*;

/// A thing to be written in each tenant, and who of [`USERS`] may.
const WRITES: [(&str, &str, &[&str]); 5] = [
    ("/apis/New?tenant=carbon.super", "api", &["root", "pub"]),
    (
        "/apis/New?tenant=acme.example",
        "api",
        &["root", "admin@acme.example", "pub@acme.example"],
    ),
    (
        "/tiers/subscription/Tin?tenant=acme.example",
        "tier",
        &["root", "admin@acme.example"],
    ),
    ("/tenants/acme.example", "tenant", &["root"]),
    (
        "/scopes/new?tenant=acme.example",
        "scope",
        &["root", "admin@acme.example", "pub@acme.example"],
    ),
];

fn api(context: &str) -> Value {
    let mut api = video("published");
    api["context"] = json!(context);
    api.as_object_mut().unwrap().remove("name");
    api
}

fn body(kind: &str, path: &str) -> Value {
    let context = if path.contains("acme") { "/acme-new" } else { "/new" };
    match kind {
        "api" => api(context),
        "tier" => json!({"limits": [{"requests": 1, "per": "1s"}]}),
        _ => json!({}),
    }
}

#[tokio::test]
async fn whoever_may_not_write_is_refused_and_writes_nothing() {
    let scene = Scene::begin().await;
    let files = || {
        let apis = std::fs::read_dir(scene.directory.path().join("catalog/apis"));
        (
            apis.map_or(0, Iterator::count),
            scene.file("shared.toml"),
            scene.file("tiers.toml"),
            scene.file("scopes.toml"),
        )
    };
    let before = files();
    for (path, kind, allowed) in WRITES {
        for (name, roles) in USERS {
            if allowed.contains(&name) || roles.iter().all(|role| *role == "employee") {
                continue;
            }
            let token = scene.token(name).await;
            let tenant = if path.contains("carbon.super") {
                "carbon.super"
            } else {
                "acme.example"
            };
            let own = name.split_once('@').map_or("carbon.super", |(_, tenant)| tenant);
            let sees = own == tenant || own == "carbon.super";
            let status = if sees { 403 } else { 404 };
            scene.tell(&token, "PUT", path, &body(kind, path)).await.is(status);
            scene.ask(&token, "DELETE", path).await.is(status);
        }
    }
    assert_eq!(files(), before);
    for (path, kind, allowed) in WRITES {
        for name in allowed {
            let token = scene.token(name).await;
            let answer = scene.tell(&token, "PUT", path, &body(kind, path)).await;
            assert!(answer.status.is_success(), "{name} {path}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn the_whole_catalog_and_going_back_are_for_administrators_of_everything() {
    let scene = Scene::begin().await;
    for name in ["pub", "view", "admin@acme.example"] {
        let token = scene.token(name).await;
        scene.ask(&token, "GET", "/catalog").await.refused(403, "forbidden");
        scene
            .tell(&token, "PUT", "/catalog", &json!({"files": {}}))
            .await
            .refused(403, "forbidden");
        scene
            .ask(&token, "POST", "/revisions/1/restore")
            .await
            .refused(403, "forbidden");
    }
    assert_eq!(scene.file("shared.toml").as_deref(), Some(CATALOG));
}

#[tokio::test]
async fn tenants_do_not_see_each_other() {
    let scene = Scene::begin().await;
    let root = scene.token("root").await;
    for tenant in ["acme.example", "other.example"] {
        let api = api("/new");
        scene
            .tell(&root, "PUT", &format!("/apis/Ours?tenant={tenant}"), &api)
            .await
            .is(201);
    }
    let token = scene.token("admin@acme.example").await;
    let listed = scene.ask(&token, "GET", "/apis?q=ours").await.is(200).json();
    assert_eq!(
        (&listed["total"], &listed["items"][0]["tenant"]),
        (&json!(1), &json!("acme.example"))
    );
    let tenants = scene.ask(&token, "GET", "/tenants").await.is(200).json();
    assert_eq!(tenants["items"], json!([{"domain": "acme.example"}]));
    scene.ask(&token, "GET", "/apis/Ours").await.is(200);
    scene
        .ask(&token, "GET", "/apis/Ours?tenant=other.example")
        .await
        .refused(404, "missing");
    scene
        .ask(&token, "GET", "/tenants/other.example")
        .await
        .refused(404, "missing");
    let diff = scene.ask(&token, "GET", "/revisions/3/diff").await.is(200).json();
    assert_eq!((&diff["differences"], &diff["text"]), (&json!([]), &Value::Null));
    let change =
        json!({"changes": [{"method": "DELETE", "target": {"api": {"tenant": "other.example", "api": "Ours"}}}]});
    scene
        .tell(&token, "POST", "/changes", &change)
        .await
        .refused(404, "missing");
    assert_eq!(scene.ask(&root, "GET", "/apis?q=ours").await.is(200).json()["total"], 2);
}

#[tokio::test]
async fn secrets_are_not_shown_to_those_who_only_look() {
    let scene = Scene::begin().await;
    let root = scene.token("root").await;
    let manager = json!({"issuer": "https://other.example", "jwks_url": "https://other.example/jwks", "introspection": {
        "url": "https://other.example/introspect", "client_id": "us", "client_secret": "hush-hush"}});
    let path = "/key-managers/Other";
    scene.tell(&root, "PUT", path, &manager).await.is(201);
    assert!(scene.ask(&root, "GET", path).await.is(200).text.contains("hush-hush"));
    let token = scene.token("view").await;
    for path in [path, "/key-managers", "/revisions/2/diff"] {
        let shown = scene.ask(&token, "GET", path).await.is(200);
        assert!(
            !shown.text.contains("hush-hush") && shown.text.contains("introspect"),
            "{shown:?}"
        );
    }
}

#[tokio::test]
async fn only_administrators_of_everything_refer_to_what_is_the_machines() {
    let scene = Scene::begin().await;
    let (root, token) = (scene.token("root").await, scene.token("pub@acme.example").await);
    let path = "/apis/New?tenant=acme.example";
    for text in ["${HOME}", "file:/etc/passwd", "a $$${HOME}"] {
        let mut api = api("/acme-new");
        api["scopes"] = json!([{"key": "s", "roles": [text]}]);
        for query in ["", "&dry_run=true"] {
            let refused = scene
                .tell(&token, "PUT", &format!("{path}{query}"), &api)
                .await
                .refused(403, "forbidden");
            assert!(!refused.text.contains("root:"), "{refused:?}");
        }
        let single = json!({"changes": [{"method": "PUT", "target": {"api": {"api": "New"}}, "body": api}]});
        scene
            .tell(&token, "POST", "/changes", &single)
            .await
            .refused(403, "forbidden");
    }
    let mut api = api("/acme-new");
    api["versions"][0]["endpoints"]["production"] = json!("${NEWS:-http://127.0.0.1:9001}");
    scene.tell(&root, "PUT", path, &api).await.is(201);
    api["versions"][0]["state"] = json!("blocked");
    scene.tell(&token, "PUT", path, &api).await.is(200);
    api["scopes"] = json!([{"key": "s", "roles": ["$${HOME}"]}]);
    scene.tell(&token, "PUT", path, &api).await.is(200);
}

#[tokio::test]
async fn publishers_do_not_see_the_secrets_of_administrators() {
    let scene = Scene::begin().await;
    let root = scene.token("root").await;
    let manager = json!({"issuer": "https://other.example", "jwks_url": "https://other.example/jwks", "introspection": {
        "url": "https://other.example/introspect", "client_id": "us", "client_secret": "hush-hush"}});
    scene.tell(&root, "PUT", "/key-managers/Other", &manager).await.is(201);
    let token = scene.token("pub").await;
    for path in ["/key-managers/Other", "/key-managers"] {
        assert!(!scene.ask(&token, "GET", path).await.is(200).text.contains("hush-hush"));
    }
}

#[tokio::test]
async fn who_covers_one_tenant_is_not_told_who_changed_what_of_another() {
    let scene = Scene::begin().await;
    let root = scene.token("root").await;
    scene
        .tell(&root, "PUT", "/apis/Hidden?tenant=other.example", &api("/hidden"))
        .await
        .is(201);
    let kept = scene.ask(&root, "GET", "/revisions/2").await.is(200).json();
    let (actor, note) = (&kept["actor"], &kept["note"]);
    assert!(actor == "root@carbon.super" && note.as_str().unwrap().contains("Hidden"));
    let token = scene.token("view@acme.example").await;
    let bare = json!({"revision": 2, "at": kept["at"], "actor": "", "note": "", "is_live": true});
    let shown = scene.ask(&token, "GET", "/revisions/2").await.is(200);
    assert_eq!(shown.json(), bare);
    let listed = scene.ask(&token, "GET", "/revisions").await.is(200).json();
    assert_eq!((&listed["total"], &listed["items"][0]), (&json!(2), &bare));
    for text in ["hidden", "root"] {
        let found = async |token: &str| {
            let found = scene.ask(token, "GET", &format!("/revisions?q={text}")).await;
            found.is(200).json()["total"].clone()
        };
        assert_eq!(
            (found(&token).await, found(&root).await),
            (json!(0), json!(1)),
            "{text}"
        );
    }
}
