//! What is asked of whoever serves traffic: explanations, purges, quotas, reloads; who may.

use serde_json::json;

use super::*;

#[tokio::test]
async fn who_publishes_purges_what_is_its_own() {
    let scene = Scene::begin().await;
    let everything = json!({ "everything": true });
    let tag = |tenant| json!({ "tag": "t", "tenant": tenant });
    let url = |tenant| json!({ "url": format!("/t/{tenant}/x/1.0/y") });
    let own = json!({ "api": "A" });
    // Statuses of: everything, own API, a tag of acme, one of other, a URL of acme, one of other.
    for (name, expected) in [
        ("root", [204, 204, 204, 204, 204, 204]),
        ("pub", [403, 204, 403, 403, 403, 403]),
        ("view", [403, 403, 403, 403, 403, 403]),
        ("admin@acme.example", [403, 204, 204, 404, 204, 422]),
        ("pub@acme.example", [403, 204, 204, 404, 204, 422]),
        ("view@acme.example", [403, 403, 403, 403, 403, 403]),
    ] {
        let token = scene.token(name).await;
        let (acme, other) = ("acme.example", "other.example");
        let asked = [&everything, &own, &tag(acme), &tag(other), &url(acme), &url(other)].map(Clone::clone);
        for (body, expected) in asked.iter().zip(expected) {
            scene.idle.purged.lock().clear();
            let purge = call("POST", "/admin/v1/cache/purge").token(&token).json(body);
            let answer = scene.send(purge).await;
            assert_eq!(answer.status.as_u16(), expected, "{name} {body}: {answer:?}");
            let purged = scene.idle.purged.lock().clone();
            assert_eq!(purged.len(), usize::from(expected == 204), "{name} {body}");
            if *body == own && expected == 204 {
                let tenant = user(name).tenant;
                assert!(purged[0].contains(&format!("\"tenant\":\"{tenant}\"")), "{purged:?}");
            }
        }
    }
}

#[tokio::test]
async fn explanations_are_for_those_who_see_every_tenant() {
    let scene = Scene::begin().await;
    for path in ["/explain", "/admin/v1/explain"] {
        for (name, expected) in [("root", 200), ("view", 200), ("admin@acme.example", 403)] {
            let token = scene.token(name).await;
            let bare = call("GET", &format!("{path}?url=%2Fa%2F1.0%2Fx")).token(&token);
            scene.send(bare).await.is(expected);
            let question = json!({ "method": "GET", "url": "/a/1.0/x", "token": "s3cret" });
            scene
                .send(call("POST", path).token(&token).json(&question))
                .await
                .is(expected);
        }
        let token = scene.token("root").await;
        let ask = async |query: &str| scene.send(call("GET", &format!("{path}?{query}")).token(&token)).await;
        ask("request=known").await.is(200);
        ask("request=unknown").await.refused(404, "missing");
        ask("method=GET").await.refused(400, "malformed");
        ask("url=%2Fx&client_ip=nowhere").await.refused(400, "malformed");
        let twice = ask("url=%2Fx&url=%2Fx").await.refused(400, "malformed");
        assert!(twice.text.contains("stands twice"), "{twice:?}");
        let broken = scene
            .send(call("POST", path).token(&token).body("{\"token\": \"s3cret\", "))
            .await;
        assert!(!broken.refused(400, "malformed").text.contains("s3cret"));
        scene.send(call("GET", path)).await.refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn quotas_are_those_of_ones_own_tenant() {
    let scene = Scene::begin().await;
    let view = scene.authority.registry.view();
    let uuid = view.applications(None).first().unwrap().uuid.clone();
    for (name, shown, reset) in [
        ("root", 200, 200),
        ("pub", 200, 403),
        ("view", 200, 403),
        ("admin@acme.example", 404, 404),
    ] {
        let token = scene.token(name).await;
        let path = format!("/admin/v1/applications/{uuid}/quotas");
        let answer = scene
            .send(call("GET", &format!("{path}?user=joe")).token(&token))
            .await
            .is(shown);
        if shown == 200 {
            assert_eq!(answer.json()["user"], "joe");
        }
        scene
            .send(call("POST", &format!("{path}/reset")).token(&token))
            .await
            .is(reset);
    }
    let token = scene.token("root").await;
    let unknown = call("GET", "/admin/v1/applications/none/quotas").token(&token);
    scene.send(unknown).await.refused(404, "missing");
}

#[tokio::test]
async fn those_who_run_the_gateway_reload_it() {
    let scene = Scene::begin().await;
    for (name, expected) in [("root", 200), ("pub", 403), ("admin@acme.example", 403)] {
        let token = scene.token(name).await;
        let answer = scene
            .send(call("POST", "/admin/v1/reload").token(&token))
            .await
            .is(expected);
        if expected == 200 {
            assert_eq!(
                (answer.json()["revision"].as_u64(), answer.header("tollgate-revision")),
                (Some(7), "7")
            );
        }
    }
}

#[tokio::test]
async fn the_status_tells_what_the_caller_sees() {
    let scene = Scene::begin().await;
    let token = scene.token("admin@acme.example").await;
    let status = scene.send(call("GET", "/admin/v1/status").token(&token)).await.is(200);
    assert_eq!(status.header("tollgate-revision"), "1");
    let status = status.json();
    assert_eq!(
        (&status["revision"], &status["version"]),
        (&json!(1), &json!("1.2.3")),
        "{status}"
    );
    assert_eq!(status["started"], "2023-11-14T22:13:20Z");
    assert_eq!(
        (&status["is_read_only"], &status["is_refused"]),
        (&json!(false), &json!(false))
    );
}
