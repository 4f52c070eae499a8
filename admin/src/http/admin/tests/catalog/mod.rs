//! The catalog through the admin API: what is written is in the files and served, and what is refused is neither.

mod imports;
mod lives;
mod rights;

use std::time::Duration;

use serde_json::{Value, json};

use super::*;

/// An API with one version.
fn video(state: &str) -> Value {
    json!({
        "name": "Video", "context": "/video", "default_version": ["1.0"],
        "versions": [{
            "version": "1.0", "state": state, "tiers": ["Unlimited"],
            "endpoints": {"production": "http://127.0.0.1:9001"},
            "resources": [{"path": "/videos/{id}", "methods": ["GET"]}],
        }],
    })
}

const NEW: &str = r#"
name = "New"
context = "/new"
[[versions]]
version = "1"
endpoints.production = "http://127.0.0.1:1"
[[versions.resources]]
path = "/"
methods = ["GET"]
"#;

impl Scene {
    async fn ask(&self, token: &str, method: &str, path: &str) -> Answer {
        self.send(call(method, &format!("/admin/v1{path}")).token(token)).await
    }

    async fn tell(&self, token: &str, method: &str, path: &str, body: &Value) -> Answer {
        self.send(call(method, &format!("/admin/v1{path}")).token(token).json(body))
            .await
    }

    fn file(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.directory.path().join("catalog").join(name)).ok()
    }
}

#[tokio::test]
async fn a_new_api_gets_a_file_and_is_served_when_it_is_told() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    let made = scene.tell(&token, "POST", "/apis", &video("published")).await.is(201);
    assert_eq!(
        (made.header("location"), made.header("tollgate-revision")),
        ("/admin/v1/apis/Video", "2")
    );
    assert_eq!(made.json(), video("published"));
    assert!(
        scene
            .file("apis/video.toml")
            .unwrap()
            .starts_with("name = \"Video\"\ncontext = \"/video\"\n")
    );
    let shown = scene.ask(&token, "GET", "/apis/Video").await.is(200);
    assert_eq!(
        (shown.json(), shown.header("etag")),
        (video("published"), made.header("etag"))
    );
    let listed = scene
        .ask(&token, "GET", "/apis?q=vid&state=published")
        .await
        .is(200)
        .json();
    assert_eq!(
        listed["items"][0]["versions"][0],
        json!({
        "version": "1.0", "state": "published", "is_default": true, "resources": 1, "tiers": ["Unlimited"]})
    );
    assert_eq!(
        (&listed["items"][0]["answers"], &listed["total"]),
        (&json!("1.0"), &json!(1))
    );
    let again = scene
        .tell(&token, "POST", "/apis", &video("published"))
        .await
        .refused(409, "conflict")
        .json();
    assert_eq!(again["detail"], "API Video exists already");
    scene.ask(&token, "DELETE", "/apis/Video").await.is(204);
    assert_eq!(scene.file("apis/video.toml"), None);
    scene.ask(&token, "GET", "/apis/Video").await.refused(404, "missing");
    scene.ask(&token, "DELETE", "/apis/Video").await.refused(404, "missing");
}

#[tokio::test]
async fn what_is_wrong_is_pointed_at_and_nothing_is_written() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    let mut broken = video("published");
    broken["versions"][0]["tiers"] = json!(["Glod"]);
    broken["versions"][0]["resources"][0]["auth"] = json!("non");
    broken["versions"][0]["colour"] = json!("red");
    let problem = scene
        .tell(&token, "PUT", "/apis/Video", &broken)
        .await
        .refused(422, "refused")
        .json();
    let pointers: Vec<_> = problem["violations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|flaw| flaw["pointer"].as_str().unwrap())
        .collect();
    for pointer in [
        "/versions/0/tiers/0",
        "/versions/0/resources/0/auth",
        "/versions/0/colour",
    ] {
        assert!(pointers.contains(&pointer), "{problem}");
    }
    assert_eq!(scene.file("apis/video.toml"), None);
    scene
        .tell(&token, "PUT", "/apis/Video", &video("published"))
        .await
        .is(201);
    let resource = json!({"path": "/videos/{id}", "methods": ["GET"], "tier": "Nothing"});
    let problem = scene.tell(
        &token,
        "PUT",
        "/apis/Video/versions/1.0/resources/GET%20%2Fvideos%2F%7Bid%7D",
        &resource,
    );
    let problem = problem.await.refused(422, "refused").json();
    assert_eq!(problem["violations"][0]["pointer"], "/tier", "{problem}");
    assert!(
        problem["violations"][0].get("line").is_none(),
        "a draft has no lines that anybody saw"
    );
}

#[tokio::test]
async fn what_others_still_need_does_not_go() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    let tier = json!({"name": "Gold", "level": "subscription", "limits": [{"requests": 5, "per": "1m"}]});
    scene.tell(&token, "POST", "/tiers", &tier).await.is(201);
    let mut api = video("published");
    api["versions"][0]["tiers"] = json!(["Gold"]);
    scene.tell(&token, "POST", "/apis", &api).await.is(201);
    let problem = scene
        .ask(&token, "DELETE", "/tiers/subscription/Gold")
        .await
        .refused(422, "refused")
        .json();
    let flaw = &problem["violations"][0];
    assert!(
        flaw["file"].as_str().unwrap().ends_with("apis/video.toml") && flaw["line"].as_u64().unwrap() > 0,
        "{flaw}"
    );
    scene.ask(&token, "GET", "/tiers/subscription/Gold").await.is(200);
}

#[tokio::test]
async fn conditions_keep_two_people_from_overwriting_each_other() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    let tier = |requests: u64| json!({"name": "Gold", "level": "subscription", "limits": [{"requests": requests, "per": "1m"}]});
    let path = "/admin/v1/tiers/subscription/Gold";
    let put = |field: (&'static str, String), body: Value| {
        call("PUT", path).token(&token).field(field.0, &field.1).json(&body)
    };
    let none = || ("if-none-match", "*".to_owned());
    let first = scene.send(put(none(), tier(1))).await.is(201);
    let tag = first.header("etag").to_owned();
    let problem = scene.send(put(none(), tier(2))).await.refused(412, "stale");
    assert_eq!(
        (problem.header("etag"), &problem.json()["etag"]),
        (tag.as_str(), &json!(tag))
    );
    let second = scene.send(put(("if-match", tag.clone()), tier(2))).await.is(200);
    scene
        .send(put(("if-match", tag.clone()), tier(3)))
        .await
        .refused(412, "stale");
    scene
        .send(call("DELETE", path).token(&token).field("if-match", &tag))
        .await
        .refused(412, "stale");
    let again = scene.send(put(("if-match", "*".to_owned()), tier(2))).await.is(200);
    assert_eq!(again.header("etag"), second.header("etag"));
    assert_eq!(
        again.header("tollgate-revision"),
        second.header("tollgate-revision"),
        "it is idempotent"
    );
    scene
        .send(
            call("DELETE", path)
                .token(&token)
                .field("if-match", second.header("etag")),
        )
        .await
        .is(204);
    scene
        .send(put(("if-match", "*".to_owned()), tier(2)))
        .await
        .refused(412, "stale");
}

#[tokio::test]
async fn every_kind_of_thing_is_made_shown_listed_put_and_deleted() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    scene.tell(&token, "POST", "/apis", &video("published")).await.is(201);
    let things = [
        ("/tenants", json!({"domain": "new.example"})),
        (
            "/tiers",
            json!({"name": "Tin", "level": "resource", "limits": [{"requests": 5, "per": "1s"}]}),
        ),
        ("/scopes", json!({"key": "read", "roles": ["reader"]})),
        (
            "/counting-rules",
            json!({"name": "ips", "key": "{client_ip}", "limits": [{"requests": 5, "per": "1s"}]}),
        ),
        ("/deny-rules", json!({"ip": "10.0.0.1"})),
        (
            "/key-managers",
            json!({"name": "Other", "issuer": "https://other.example", "jwks_url": "https://other.example/jwks"}),
        ),
        (
            "/apis/Video/versions",
            json!({"version": "2.0", "endpoints": {"production": "http://127.0.0.1:1"}, "resources": [{"path": "/", "methods": ["GET"]}]}),
        ),
        (
            "/apis/Video/versions/1.0/resources",
            json!({"path": "/x", "methods": ["PUT", "GET"]}),
        ),
    ];
    for (collection, body) in things {
        let made = scene.tell(&token, "POST", collection, &body).await.is(201);
        assert_eq!(made.json(), body);
        let place = made.header("location").strip_prefix("/admin/v1").unwrap().to_owned();
        let shown = scene.ask(&token, "GET", &place).await.is(200);
        assert_eq!(
            (shown.json(), shown.header("etag")),
            (body.clone(), made.header("etag"))
        );
        let listed = scene.ask(&token, "GET", collection).await.is(200).json();
        assert!(!listed["items"].as_array().unwrap().is_empty(), "{collection}");
        scene
            .tell(&token, "POST", collection, &body)
            .await
            .refused(409, "conflict");
        let same = scene.tell(&token, "PUT", &place, &body).await.is(200);
        assert_eq!(same.header("tollgate-revision"), made.header("tollgate-revision"));
        scene.ask(&token, "DELETE", &place).await.is(204);
        scene.ask(&token, "GET", &place).await.refused(404, "missing");
    }
}

#[tokio::test]
async fn a_scope_may_belong_to_an_api() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    scene.tell(&token, "POST", "/apis", &video("published")).await.is(201);
    scene
        .tell(&token, "POST", "/scopes?api=Video", &json!({"key": "read"}))
        .await
        .is(201);
    assert!(
        scene
            .file("apis/video.toml")
            .unwrap()
            .contains("[[scopes]]\nkey = \"read\"\n")
    );
    scene
        .tell(&token, "POST", "/scopes?api=Nobody", &json!({"key": "write"}))
        .await
        .refused(404, "missing");
}

#[tokio::test]
async fn a_dry_run_tells_and_writes_nothing() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    let told = scene
        .tell(&token, "PUT", "/apis/Video?dry_run=true", &video("published"))
        .await
        .is(201);
    assert_eq!(told.json(), video("published"));
    assert_eq!((told.header("location"), told.header("tollgate-dry-run")), ("", "true"));
    assert_eq!(scene.file("apis/video.toml"), None);
    scene.ask(&token, "GET", "/apis/Video").await.refused(404, "missing");
    scene
        .tell(&token, "PUT", "/apis/Video?dry_run=true", &video("publishd"))
        .await
        .refused(422, "refused");
}

#[tokio::test]
async fn several_edits_are_one_change() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    let tier = json!({"name": "Gold", "level": "subscription", "limits": [{"requests": 5, "per": "1m"}]});
    let mut api = video("published");
    api["versions"][0]["tiers"] = json!(["Gold"]);
    let changes = |body: &Value| {
        json!({"changes": [
            {"method": "POST", "target": {"api": {"api": "Video"}}, "body": body},
            {"method": "PUT", "target": {"tier": {"level": "subscription", "name": "Gold"}}, "body": tier},
        ]})
    };
    let mut broken = api.clone();
    broken["versions"][0]["state"] = json!("publishd");
    let problem = scene
        .tell(&token, "POST", "/changes", &changes(&broken))
        .await
        .refused(422, "refused")
        .json();
    assert_eq!(
        problem["violations"][0]["pointer"], "/changes/0/body/versions/0/state",
        "{problem}"
    );
    assert_eq!(scene.file("tiers.toml"), None);
    let done = scene
        .tell(&token, "POST", "/changes", &changes(&api))
        .await
        .is(200)
        .json();
    assert_eq!(
        (&done["revision"], &done["edited"][1]["location"]),
        (&json!(2), &json!("/admin/v1/tiers/subscription/Gold"))
    );
    let revisions = scene.ask(&token, "GET", "/revisions").await.is(200).json();
    assert_eq!(revisions["total"], 2);
    assert_eq!(
        revisions["items"][0]["note"],
        "make API Video, put subscription tier Gold"
    );
}

#[tokio::test]
async fn the_whole_catalog_is_told_and_replaced() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    let mut whole = scene.ask(&token, "GET", "/catalog").await.is(200).json();
    assert_eq!(whole["files"]["shared.toml"], CATALOG);
    whole["files"]["apis/new.toml"] = json!(NEW);
    let tried = scene
        .tell(&token, "PUT", "/catalog?dry_run=true", &whole)
        .await
        .is(200)
        .json();
    assert_eq!((&tried["apis"], scene.file("apis/new.toml")), (&json!(2), None));
    scene.tell(&token, "PUT", "/catalog", &whole).await.is(200);
    assert!(scene.file("apis/new.toml").is_some());
    for name in [
        "../evil.toml",
        "/etc/evil.toml",
        ".hidden.toml",
        "a.txt",
        "tests/a.toml",
        "a//b.toml",
        ".toml",
    ] {
        let body = json!({"files": {name: "# nothing\n"}});
        scene
            .tell(&token, "PUT", "/catalog", &body)
            .await
            .refused(422, "refused");
    }
    scene.ask(&token, "GET", "/catalog").await.is(200);
}

#[tokio::test]
async fn revisions_are_compared_and_gone_back_to() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    scene.tell(&token, "POST", "/apis", &video("published")).await.is(201);
    scene
        .tell(&token, "PUT", "/apis/Video", &video("blocked"))
        .await
        .is(200);
    let kept = scene.ask(&token, "GET", "/revisions/3").await.is(200).json();
    assert_eq!(
        (&kept["actor"], &kept["is_live"]),
        (&json!("root@carbon.super"), &json!(true))
    );
    let diff = scene.ask(&token, "GET", "/revisions/3/diff").await.is(200).json();
    assert_eq!(
        diff["differences"],
        json!([{"object": "version 1.0 of Video", "tenant": "carbon.super",
        "field": "state", "before": "published", "after": "blocked"}])
    );
    assert!(
        diff["text"]
            .as_str()
            .unwrap()
            .contains("-state = \"published\"\n+state = \"blocked\"\n")
    );
    let whole = scene
        .ask(&token, "GET", "/revisions/3/diff?against=1")
        .await
        .is(200)
        .json();
    assert_eq!(whole["differences"].as_array().unwrap().len(), 3);
    let restored = scene.ask(&token, "POST", "/revisions/2/restore").await.is(200);
    assert_eq!(
        (restored.header("tollgate-revision"), &restored.json()["revision"]),
        ("4", &json!(4))
    );
    assert_eq!(
        scene.ask(&token, "GET", "/apis/Video").await.is(200).json(),
        video("published")
    );
    scene.ask(&token, "GET", "/revisions/99").await.refused(404, "missing");
    scene
        .ask(&token, "POST", "/revisions/99/restore")
        .await
        .refused(404, "missing");
}

#[tokio::test]
async fn files_that_hands_broke_are_named_before_anything_is_written_over() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    let path = scene.directory.path().join("catalog/shared.toml");
    std::fs::write(&path, format!("{CATALOG}\ncolour = \"red\"\n")).unwrap();
    let problem = scene
        .tell(&token, "POST", "/apis", &video("published"))
        .await
        .refused(409, "files_refused")
        .json();
    assert!(problem["violations"][0]["line"].as_u64().unwrap() > 3, "{problem}");
    std::fs::write(&path, format!("# by hand\n{CATALOG}")).unwrap();
    scene
        .tell(&token, "PUT", "/tenants/new.example", &json!({}))
        .await
        .is(201);
    assert!(scene.file("shared.toml").unwrap().starts_with("# by hand\n"));
}

#[tokio::test]
async fn what_is_wrong_with_files_of_another_tenant_is_not_told() {
    let scene = Scene::begin().await;
    let path = scene.directory.path().join("catalog/others.toml");
    std::fs::write(path, "tenant = \"other.example\"\nsecret_plan = true\n").unwrap();
    let video = video("published");
    let mine = scene.token("admin@acme.example").await;
    let problem = scene.tell(&mine, "POST", "/apis", &video).await;
    let problem = problem.refused(409, "files_refused").json();
    assert_eq!(problem["violations"], Value::Null, "{problem}");
    assert!(!problem.to_string().contains("others.toml"), "{problem}");
    let root = scene.token("root").await;
    let problem = scene.tell(&root, "POST", "/apis", &video).await;
    let problem = problem.refused(409, "files_refused").json();
    assert!(problem.to_string().contains("others.toml"), "{problem}");
}

#[tokio::test]
async fn a_deny_rule_is_put_once_however_often_it_is_put() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    let made = scene
        .tell(&token, "POST", "/deny-rules", &json!({"ip": "10.0.0.1"}))
        .await
        .is(201);
    let place = made.header("location").strip_prefix("/admin/v1").unwrap().to_owned();
    for _ in 0..3 {
        scene
            .tell(&token, "PUT", &place, &json!({"ip": "10.0.0.2"}))
            .await
            .is(200);
    }
    scene
        .tell(&token, "PUT", &place, &json!({"ip": "10.0.0.3"}))
        .await
        .refused(404, "missing");
    let listed = scene.ask(&token, "GET", "/deny-rules").await.is(200).json();
    let id = listed["items"][0]["id"].as_str().unwrap();
    assert_eq!(
        listed["items"],
        json!([{"id": id, "ip": "10.0.0.2", "tenant": "carbon.super"}])
    );
    scene.ask(&token, "DELETE", &format!("/deny-rules/{id}")).await.is(204);
}

#[tokio::test]
async fn two_catalogs_are_compared_at_once_and_others_wait() {
    let scene = Scene::begin().await;
    let root = scene.token("root").await;
    scene.tell(&root, "POST", "/apis", &video("published")).await.is(201);
    let compare = || scene.ask(&root, "GET", "/revisions/2/diff");
    let places = Arc::clone(&scene.means.comparisons);
    let held = Arc::clone(&places).try_acquire_many_owned(2).unwrap();
    assert_eq!(places.available_permits(), 0);
    // The clock runs on by itself once nothing is left to do, and what blocks would hold it.
    tokio::time::pause();
    let waiting = tokio::time::timeout(Duration::from_secs(3600), compare()).await;
    assert!(waiting.is_err(), "{waiting:?}");
    drop(held);
    tokio::time::resume();
    let told = compare().await.is(200).json();
    assert!(told["text"].as_str().unwrap().contains("+name = \"Video\""), "{told}");
    assert_eq!(places.available_permits(), 2);
}
