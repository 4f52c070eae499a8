//! Users: who may do what to whom.

use serde_json::json;

use super::*;

#[tokio::test]
async fn users_are_made_changed_and_deleted() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    let send = async |call: Call| scene.send(call.token(&token)).await;
    let wanted = json!({ "name": "new one", "password": "password of new", "roles": ["b", "a"] });
    let made = send(call("POST", "/admin/v1/users").json(&wanted)).await.is(201);
    let place = made.header("location").to_owned();
    assert_eq!(place, "/admin/v1/users/new%20one?tenant=carbon.super");
    let expected = json!({ "name": "new one", "tenant": "carbon.super", "roles": ["a", "b"] });
    assert_eq!(made.json(), expected);
    send(call("POST", "/admin/v1/users").json(&wanted))
        .await
        .refused(409, "conflict");

    let seen = send(call("GET", &place)).await.is(200);
    assert_eq!(seen.json(), expected);
    send(call("PUT", &place).json(&seen.json())).await.is(200);
    let changed = json!({ "name": "new one", "roles": ["c"] });
    let stale = send(call("PUT", &place).json(&changed).field("if-match", "\"0\"")).await;
    let tag = stale.refused(412, "stale").json()["etag"].clone();
    assert_eq!(tag, seen.header("etag"));
    let put = send(
        call("PUT", &place)
            .json(&changed)
            .field("if-match", tag.as_str().unwrap()),
    )
    .await
    .is(200);
    assert_eq!(put.json()["roles"], json!(["c"]));
    send(call("PUT", &place).json(&changed).field("if-none-match", "*"))
        .await
        .refused(412, "stale");
    let other = json!({ "name": "other", "roles": [] });
    send(call("PUT", &place).json(&other)).await.refused(422, "refused");

    let password = json!({ "password": "another password" });
    send(call("PUT", "/admin/v1/users/new%20one/password").json(&password))
        .await
        .is(204);
    let registry = &scene.authority.registry;
    assert!(
        registry
            .is_password(&user("new one"), "another password")
            .await
            .unwrap()
    );
    send(call("DELETE", &place)).await.is(204);
    send(call("DELETE", &place)).await.refused(404, "missing");
    let fresh = json!({ "name": "fresh", "password": "password of fresh" });
    let put = send(call("PUT", "/admin/v1/users/fresh").json(&fresh)).await.is(201);
    assert_eq!(put.header("location"), "/admin/v1/users/fresh?tenant=carbon.super");
    let owner = send(call("DELETE", "/admin/v1/users/tom"))
        .await
        .refused(409, "conflict");
    assert!(owner.text.contains("owns the application `app`"), "{owner:?}");
}

#[tokio::test]
async fn the_last_administrator_of_everything_stays() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    let send = async |call: Call| scene.send(call.token(&token)).await;
    let demoted = json!({ "name": "root", "roles": ["viewer"] });
    send(call("PUT", "/admin/v1/users/root").json(&demoted))
        .await
        .refused(409, "conflict");
    send(call("DELETE", "/admin/v1/users/root"))
        .await
        .refused(409, "conflict");
    assert_eq!(
        scene.authority.registry.view().user(&user("root")).unwrap().roles,
        ["admin"]
    );
    let second = json!({ "name": "second", "password": "password of second", "roles": ["admin"] });
    send(call("PUT", "/admin/v1/users/second").json(&second)).await.is(201);
    send(call("PUT", "/admin/v1/users/root").json(&demoted)).await.is(200);
    send(call("DELETE", "/admin/v1/users/second"))
        .await
        .refused(403, "forbidden");
}

#[tokio::test]
async fn people_change_their_own_password_when_they_know_it() {
    let scene = Scene::begin().await;
    let name = "view@acme.example";
    let token = scene.token(name).await;
    let path = "/admin/v1/users/view/password";
    let put = async |body: &Value| scene.send(call("PUT", path).token(&token).json(body)).await;
    put(&json!({ "password": "another password" }))
        .await
        .refused(403, "forbidden");
    let token = scene.token_with("pub@acme.example", "tollgate:admin").await;
    let path = "/admin/v1/users/pub/password";
    let put = async |body: &Value| scene.send(call("PUT", path).token(&token).json(body)).await;
    put(&json!({ "password": "another password" }))
        .await
        .refused(422, "refused");
    put(&json!({ "password": "another password", "current": "wrong" }))
        .await
        .refused(422, "refused");
    put(&json!({ "password": "another password", "current": password("pub@acme.example") }))
        .await
        .is(204);
    let registry = &scene.authority.registry;
    assert!(
        registry
            .is_password(&user("pub@acme.example"), "another password")
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn tenants_do_not_see_each_others_users() {
    let scene = Scene::begin().await;
    let list = async |name: &str, query: &str| {
        let token = scene.token(name).await;
        scene
            .send(call("GET", &format!("/admin/v1/users{query}")).token(&token))
            .await
    };
    let names = |answer: Answer| -> Vec<String> {
        let items = answer.is(200).json()["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|item| {
                format!(
                    "{}@{}",
                    item["name"].as_str().unwrap(),
                    item["tenant"].as_str().unwrap()
                )
            })
            .collect()
    };
    assert_eq!(names(list("root", "").await).len(), USERS.len());
    assert_eq!(names(list("view", "?tenant=acme.example").await).len(), 4);
    assert_eq!(names(list("view@acme.example", "").await).len(), 4);
    assert_eq!(
        names(list("root", "?q=ADM").await),
        ["admin@acme.example", "admin@other.example"]
    );
    assert_eq!(
        names(list("root", "?role=viewer").await),
        ["view@acme.example", "view@carbon.super"]
    );
    list("admin@acme.example", "?tenant=other.example")
        .await
        .refused(404, "missing");
    list("root", "?tenant=NO").await.refused(404, "missing");
    for nonsense in [
        "?limit=0",
        "?limit=501",
        "?limit=x",
        "?limit=1&limit=2",
        "?colour=red",
        "?q=",
        "?q=%FF",
    ] {
        list("root", nonsense).await.refused(400, "malformed");
    }
    let first = list("root", "?limit=4&q=m&tenant=acme.example").await.is(200).json();
    assert_eq!((first["total"].as_u64(), &first["next"]), (Some(2), &Value::Null));
    let first = list("root", "?limit=4").await.is(200).json();
    assert_eq!(first["next"], "/admin/v1/users?limit=4&offset=4");
    let last = list("root", "?limit=4&offset=8").await.is(200).json();
    assert_eq!(
        (last["items"].as_array().unwrap().len(), &last["next"]),
        (1, &Value::Null)
    );
}

#[tokio::test]
async fn who_may_do_what_to_whom() {
    let scene = Scene::begin().await;
    // Statuses of: making, reading, giving a role, deleting, in the root tenant, in acme.example, in other.example.
    for (name, [root, acme, other]) in [
        (
            "root",
            [[201, 200, 200, 204], [201, 200, 200, 204], [201, 200, 200, 204]],
        ),
        (
            "pub",
            [[403, 200, 403, 403], [403, 200, 403, 403], [403, 200, 403, 403]],
        ),
        (
            "view",
            [[403, 200, 403, 403], [403, 200, 403, 403], [403, 200, 403, 403]],
        ),
        ("admin@acme.example", [[404; 4], [201, 200, 200, 204], [404; 4]]),
        ("pub@acme.example", [[404; 4], [403, 200, 403, 403], [404; 4]]),
        ("view@acme.example", [[404; 4], [403, 200, 403, 403], [404; 4]]),
        ("admin@other.example", [[404; 4], [404; 4], [201, 200, 200, 204]]),
    ] {
        let token = scene.token(name).await;
        for (tenant, expected) in [("carbon.super", root), ("acme.example", acme), ("other.example", other)] {
            let victim = user(&format!("victim@{tenant}"));
            let registry = &scene.authority.registry;
            let new = NewUser {
                name: victim.clone(),
                password: "password".to_owned(),
                roles: Vec::new(),
            };
            registry.add_user(new, scene.now()).await.unwrap();
            let within = format!("?tenant={tenant}");
            let one = format!("/admin/v1/users/victim{within}");
            let new = json!({ "name": "made", "password": "password of made", "roles": ["admin"] });
            let roles = json!({ "name": "victim", "roles": ["admin"] });
            let asked = [
                call("POST", &format!("/admin/v1/users{within}")).json(&new),
                call("GET", &one),
                call("PUT", &one).json(&roles),
                call("DELETE", &one),
            ];
            for (asked, expected) in asked.into_iter().zip(expected) {
                let method = asked.0.method_ref().unwrap().clone();
                let answer = scene.send(asked.token(&token)).await;
                assert_eq!(answer.status.as_u16(), expected, "{name} {method} {tenant}: {answer:?}");
            }
            let view = registry.view();
            let is_there = view.user(&victim).is_some();
            assert_eq!(is_there, expected[3] != 204, "{name} {tenant}");
            let was_made = view.user(&user(&format!("made@{tenant}"))).is_some();
            assert_eq!(was_made, expected[0] == 201, "{name} {tenant}");
            for name in ["victim", "made"] {
                _ = registry.delete_user(&user(&format!("{name}@{tenant}"))).await;
            }
        }
    }
}
