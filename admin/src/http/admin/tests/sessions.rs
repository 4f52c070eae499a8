//! Who is let in: by a token or a session, before anything is looked at, and for how long.

use serde_json::{Value, json};

use super::*;

async fn sign_in(scene: &Scene, name: &str) -> (String, String) {
    let answer = scene.send(signing_in(name, &password(name))).await.is(200);
    let csrf = answer.json()["csrf"].as_str().unwrap().to_owned();
    (answer.cookie(), csrf)
}

fn signing_in(name: &str, password: &str) -> Call {
    call("POST", "/admin/v1/session").json(&json!({ "user": name, "password": password }))
}

#[tokio::test]
async fn nothing_is_looked_at_before_it_is_known_who_asks() {
    let scene = Scene::begin().await;
    let employee = scene.token_with("tom", "tollgate:admin").await;
    for (method, path) in [
        ("GET", "/admin/v1/me"),
        ("GET", "/admin/v1/nothing/here"),
        ("PATCH", "/admin/v1/users"),
        ("GET", "/admin/v1/users?nonsense=1"),
        ("POST", "/admin/v1/users"),
        ("DELETE", "/admin/v1/session"),
    ] {
        let bare = scene
            .send(call(method, path).body("{"))
            .await
            .refused(401, "unauthenticated");
        assert!(bare.header("www-authenticate").starts_with("Bearer realm=\"tollgate\""));
        scene
            .send(call(method, path).token("nonsense"))
            .await
            .refused(401, "unauthenticated");
        scene
            .send(call(method, path).token(&employee))
            .await
            .refused(403, "forbidden");
        let basic = call(method, path).field("authorization", "Basic cm9vdDpyb290");
        scene.send(basic).await.refused(401, "unauthenticated");
    }
    let nobody = Request::get("/admin/v1/me").body(Body::empty()).unwrap();
    answered(scene.router.clone(), nobody).await.refused(500, "broken");
}

#[tokio::test]
async fn who_asks_is_told_what_it_may() {
    let scene = Scene::begin().await;
    for (name, permission, covers) in [
        ("root", "everything", "*"),
        ("pub", "publish", "*"),
        ("view", "view", "*"),
        ("admin@acme.example", "tenant", "acme.example"),
        ("pub@acme.example", "publish", "acme.example"),
        ("view@acme.example", "view", "acme.example"),
    ] {
        let token = scene.token(name).await;
        let me = scene
            .send(call("GET", "/admin/v1/me").token(&token))
            .await
            .is(200)
            .json();
        assert_eq!(
            (&me["permission"], &me["covers"]),
            (&json!(permission), &json!(covers)),
            "{me}"
        );
        assert_eq!(
            (me["user"].as_str(), &me["csrf"]),
            (name.split('@').next(), &Value::Null)
        );
    }
    let looks = scene.token_with("root", "tollgate:view").await;
    let me = scene
        .send(call("GET", "/admin/v1/me").token(&looks))
        .await
        .is(200)
        .json();
    assert_eq!(me["permission"], "view");
    let wanted = json!({ "name": "new", "password": "password of new", "roles": [] });
    let making = call("POST", "/admin/v1/users").token(&looks).json(&wanted);
    scene.send(making).await.refused(403, "forbidden");
}

#[tokio::test]
async fn roles_count_as_they_are_now() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    let registry = &scene.authority.registry;
    registry
        .set_roles(&user("root"), vec!["viewer".to_owned()])
        .await
        .unwrap();
    let me = scene
        .send(call("GET", "/admin/v1/me").token(&token))
        .await
        .is(200)
        .json();
    assert_eq!(me["permission"], "view");
    registry.set_roles(&user("root"), Vec::new()).await.unwrap();
    scene
        .send(call("GET", "/admin/v1/me").token(&token))
        .await
        .refused(403, "forbidden");
}

#[tokio::test]
async fn a_session_lets_in_and_writes_only_with_its_own_token() {
    let scene = Scene::begin().await;
    let answer = scene.send(signing_in("root", &password("root"))).await.is(200);
    let set = answer.header("set-cookie").to_owned();
    assert!(set.starts_with("__Host-tollgate_console="), "{set}");
    for part in ["; Path=/", "; HttpOnly", "; SameSite=Strict", "; Secure"] {
        assert!(set.contains(part), "{set}");
    }
    let (cookie, csrf) = (answer.cookie(), answer.json()["csrf"].as_str().unwrap().to_owned());
    let me = scene
        .send(call("GET", "/admin/v1/me").field("cookie", &cookie))
        .await
        .is(200);
    assert_eq!(me.json()["csrf"], csrf.as_str());

    let wanted = json!({ "name": "new", "password": "password of new", "roles": [] });
    let making = || call("POST", "/admin/v1/users").field("cookie", &cookie).json(&wanted);
    let (_, others) = sign_in(&scene, "root").await;
    scene.send(making()).await.refused(403, "csrf");
    scene
        .send(making().field("x-csrf-token", ""))
        .await
        .refused(403, "csrf");
    scene
        .send(making().field("x-csrf-token", &others))
        .await
        .refused(403, "csrf");
    assert!(scene.authority.registry.view().user(&user("new")).is_none());
    scene.send(making().field("x-csrf-token", &csrf)).await.is(201);

    let ending = || call("DELETE", "/admin/v1/session").field("cookie", &cookie);
    scene.send(ending()).await.refused(403, "csrf");
    let ended = scene.send(ending().field("x-csrf-token", &csrf)).await.is(204);
    assert!(ended.header("set-cookie").contains("; Max-Age=0"));
    let after = scene.send(call("GET", "/admin/v1/me").field("cookie", &cookie)).await;
    assert_eq!(after.refused(401, "signed_out").header("www-authenticate"), "");
}

#[tokio::test]
async fn a_session_ends_unused_and_at_last_and_with_the_password() {
    let scene = Scene::begin().await;
    let me = |cookie: &str| call("GET", "/admin/v1/me").field("cookie", cookie);
    let (idle, _) = sign_in(&scene, "root").await;
    scene.step(1_799);
    scene.send(me(&idle)).await.is(200);
    scene.step(1_799);
    let by_itself = me(&idle).field("x-background", "1");
    scene.send(by_itself).await.is(200);
    scene.step(1);
    scene.send(me(&idle)).await.refused(401, "signed_out");

    let (used, _) = sign_in(&scene, "root").await;
    for _ in 0..28 {
        scene.step(1_000);
        scene.send(me(&used)).await.is(200);
    }
    scene.step(1_000);
    scene.send(me(&used)).await.refused(401, "signed_out");

    let (old, _) = sign_in(&scene, "root").await;
    let registry = &scene.authority.registry;
    registry
        .set_password(&user("root"), "another password", scene.now())
        .await
        .unwrap();
    scene.send(me(&old)).await.refused(401, "signed_out");
}

#[tokio::test]
async fn cookies_are_protected_but_on_the_machine_itself() {
    let scene = Scene::begin().await;
    let plain = |address: &str| Peer {
        address: address.parse().unwrap(),
        is_tls: false,
        certificate: None,
    };
    let near = scene
        .send(signing_in("root", &password("root")).from(plain("127.0.0.1")))
        .await
        .is(200);
    assert!(near.header("set-cookie").starts_with("tollgate_console="));
    assert!(!near.header("set-cookie").contains("Secure"));
    let me = call("GET", "/admin/v1/me").field("cookie", &near.cookie());
    scene.send(me.from(plain("::1"))).await.is(200);
    let over_tls = call("GET", "/admin/v1/me").field("cookie", &near.cookie());
    scene.send(over_tls).await.refused(401, "unauthenticated");
    let far = scene
        .send(signing_in("root", &password("root")).from(plain("192.0.2.1")))
        .await
        .is(200);
    assert!(far.header("set-cookie").contains("; Secure"));
    let twice = format!("{0}; {0}", near.cookie());
    let planted = call("GET", "/admin/v1/me").field("cookie", &twice);
    scene
        .send(planted.from(plain("127.0.0.1")))
        .await
        .refused(401, "unauthenticated");
}

#[tokio::test]
async fn signing_in_is_slowed_and_tells_nothing() {
    let scene = Scene::begin().await;
    let wrong = scene
        .send(signing_in("root", "wrong"))
        .await
        .refused(401, "wrong_password");
    let nobody = scene
        .send(signing_in("nobody", "wrong"))
        .await
        .refused(401, "wrong_password");
    assert_eq!(wrong.text, nobody.text);
    assert!(wrong.headers.get("set-cookie").is_none());
    scene
        .send(signing_in("tom", &password("tom")))
        .await
        .refused(403, "forbidden");
    let from_elsewhere = signing_in("root", &password("root")).field("sec-fetch-site", "cross-site");
    scene.send(from_elsewhere).await.refused(403, "forbidden");
    for _ in 0..4 {
        scene
            .send(signing_in("root", "wrong"))
            .await
            .refused(401, "wrong_password");
    }
    let late = scene
        .send(signing_in("root", &password("root")))
        .await
        .refused(429, "too_many");
    assert!(late.header("retry-after").parse::<u64>().unwrap() > 0);
    scene.step(400);
    scene.send(signing_in("root", &password("root"))).await.is(200);
    scene
        .send(signing_in("admin@acme.example", &password("admin@acme.example")))
        .await
        .is(200);
}

#[tokio::test]
async fn what_is_sent_is_read_strictly() {
    let scene = Scene::begin().await;
    let session = || call("POST", "/admin/v1/session");
    scene
        .send(session().body("user=root"))
        .await
        .refused(415, "unsupported_media_type");
    let json = |body: &str| {
        session()
            .field("content-type", "application/json; charset=utf-8")
            .body(body)
    };
    scene.send(json("{\"user\": \"s3cret")).await.refused(400, "malformed");
    scene.send(json("{} {}")).await.is(422);
    let shape = scene
        .send(json("{\"user\": 7, \"password\": \"x\"}"))
        .await
        .refused(422, "refused")
        .json();
    assert_eq!(shape["violations"][0]["pointer"], "/user", "{shape}");
    let unknown = scene
        .send(json("{\"user\": \"a\", \"pasword\": \"b\"}"))
        .await
        .refused(422, "refused")
        .json();
    assert_eq!(unknown["violations"][0]["pointer"], "/pasword", "{unknown}");
    let long = format!("{{\"user\": \"{}\"}}", "a".repeat(4 << 20));
    scene.send(json(&long)).await.refused(413, "too_large");
}

#[tokio::test]
async fn paths_and_methods_that_there_are_not_are_problems_too() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    scene
        .send(call("GET", "/admin/v1/nothing").token(&token))
        .await
        .refused(404, "missing");
    let wrong = scene.send(call("PATCH", "/admin/v1/users").token(&token)).await;
    assert_eq!(
        wrong.refused(405, "method_not_allowed").header("allow"),
        "GET,HEAD,POST"
    );
}
