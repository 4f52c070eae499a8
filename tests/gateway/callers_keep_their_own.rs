//! What is kept for one caller is never another one's, and who is not let in gets nothing of it.

use crate::harness::*;

const KEPT: &str = "max-age=600";

/// Answers with the caller's own words and this `Cache-Control`.
async fn personal(control: &'static str) -> Origin {
    origin()
        .answers(move |request| {
            let name = request.header("x-name").unwrap_or("nobody").to_owned();
            answer(200).header("Cache-Control", control).body(name)
        })
        .start()
        .await
}

async fn closed(origin: &Origin, cache: &str) -> Gateway {
    let version = version("1")
        .line("security = [\"oauth2\", \"basic\", \"api_key\"]")
        .to(origin)
        // What only the caller's name could tell apart.
        .table(
            "cache",
            &format!("unkeyed_headers = [\"X-Name\", \"X-Control\"]\n{cache}"),
        )
        .asking("any", &["GET"], "/*");
    let api = api("Own", "/o").version(version);
    gateway().set("oauth.algorithm", "\"ES256\"").api(&api).start().await
}

fn is_hit(reply: &Reply) -> bool {
    reply
        .header("cache-status")
        .is_some_and(|status| status.starts_with("Tollgate; hit"))
}

/// Makes the tokens of two applications, and of two users of the first.
async fn tokens(gateway: &Gateway) -> [String; 4] {
    let (one, two) = (gateway.app("joe", "One").await, gateway.app("joe", "Two").await);
    for app in [&one, &two] {
        gateway.subscribe(app, "Own", "1").await;
    }
    for user in ["ann", "bob"] {
        gateway.user(user, &[]).await;
    }
    [
        gateway.app_token(&one.keys).await,
        gateway.app_token(&two.keys).await,
        gateway.user_token(&one.keys, "ann", "").await,
        gateway.user_token(&one.keys, "bob", "").await,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_application_and_each_user_has_entries_of_their_own() {
    let origin = personal(KEPT).await;
    let gateway = closed(&origin, "").await;
    let tokens = tokens(&gateway).await;
    for round in 0..2 {
        for (number, token) in tokens.iter().enumerate() {
            let name = number.to_string();
            let reply = gateway
                .call(get("/o/1/a").bearer(token).header("X-Name", &name))
                .await
                .expect(200);
            assert_eq!((reply.text(), is_hit(&reply)), (name, round == 1), "{:?}", reply.fields);
        }
    }
    assert_eq!(origin.requests().len(), 4);
    assert!(
        origin
            .requests()
            .iter()
            .all(|request| request.header("authorization").is_none())
    );
    gateway.get("/o/1/a").await.expect(401);
    assert_eq!(origin.requests().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_token_of_the_same_user_finds_what_was_kept() {
    let origin = personal(KEPT).await;
    let gateway = closed(&origin, "").await;
    let app = gateway.app("joe", "One").await;
    gateway.subscribe(&app, "Own", "1").await;
    gateway.user("ann", &[]).await;
    for round in 0..2 {
        let token = gateway.user_token(&app.keys, "ann", "").await;
        assert_eq!(
            is_hit(&gateway.call(get("/o/1/a").bearer(&token)).await.expect(200)),
            round == 1
        );
    }
    origin.only_request();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_public_or_declared_shared_is_everybodys() {
    // That something is public is known once an origin has said so.
    for (control, cache, fetches) in [("public, max-age=600", "", 2), (KEPT, "shared = true", 1)] {
        let origin = personal(control).await;
        let gateway = closed(&origin, cache).await;
        for (number, token) in tokens(&gateway).await.iter().enumerate() {
            let reply = gateway.call(get("/o/1/a").bearer(token)).await.expect(200);
            assert_eq!(is_hit(&reply), number >= fetches, "{control} {cache}");
        }
        gateway.get("/o/1/a").await.expect(401);
        gateway.call(get("/o/1/a").bearer("nonsense")).await.expect(401);
        assert_eq!(origin.requests().len(), fetches);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_public_no_longer_is_each_callers_own_again() {
    let origin = origin()
        .answers(|request| {
            let control = request.header("x-control").unwrap_or(KEPT);
            let name = request.header("x-name").unwrap_or_default();
            answer(200).header("Cache-Control", control).body(name)
        })
        .start()
        .await;
    let gateway = closed(&origin, "").await;
    let [one, two, three, _] = tokens(&gateway).await;
    let ask = async |token: &str, name: &str, control: &str| {
        let call = get("/o/1/a").bearer(token).header("X-Name", name);
        let reply = gateway.call(call.header("X-Control", control)).await.expect(200);
        (reply.text(), is_hit(&reply))
    };
    let brief = "public, max-age=0, must-revalidate";
    ask(&one, "one", brief).await;
    ask(&two, "two", brief).await;
    // Under the key that all share, and private now.
    for (token, name) in [(&one, "one"), (&two, "two"), (&three, "three")] {
        assert_eq!(ask(token, name, KEPT).await, (name.to_owned(), false));
    }
    for (token, name) in [(&one, "one"), (&two, "two"), (&three, "three")] {
        assert_eq!(ask(token, "other", KEPT).await.0, name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_the_answer_to_another_caller() {
    let gate = Gate::new();
    let held = gate.clone();
    let origin = origin()
        .answers(move |request| match request.header("x-name") {
            Some("slow") => answer(200).header("Cache-Control", KEPT).body("slow").behind(&held),
            _ => answer(200).header("Cache-Control", KEPT).body("quick"),
        })
        .start()
        .await;
    let gateway = std::sync::Arc::new(closed(&origin, "").await);
    let [one, two, ..] = tokens(&gateway).await;
    let other = std::sync::Arc::clone(&gateway);
    let slow = tokio::spawn(async move { other.call(get("/o/1/a").bearer(&one).header("X-Name", "slow")).await });
    origin.saw(1).await;
    let quick = gateway.call(get("/o/1/a").bearer(&two)).await.expect(200);
    assert_eq!(quick.text(), "quick");
    gate.open_for_all();
    assert_eq!(slow.await.unwrap().expect(200).text(), "slow");
    assert!(
        is_hit(&gateway.call(get("/o/1/a").bearer(&two)).await),
        "one's answer voids nobody's"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_a_validation_calls_public_stays_whose_it_was() {
    let origin = origin()
        .answers(|request| match request.header("if-none-match") {
            Some(_) => answer(304)
                .header("Cache-Control", "public, max-age=600")
                .header("ETag", "\"1\""),
            None => answer(200)
                .header("Cache-Control", "max-age=10")
                .header("Age", "11")
                .header("ETag", "\"1\"")
                .body(request.header("x-name").unwrap_or_default()),
        })
        .start()
        .await;
    let gateway = closed(&origin, "").await;
    let [one, two, ..] = tokens(&gateway).await;
    let call = async |token: &str, name: &str| {
        let call = get("/o/1/a").bearer(token).header("X-Name", name);
        gateway.call(call).await.expect(200).text()
    };
    assert_eq!(call(&one, "one").await, "one");
    assert_eq!(call(&one, "one").await, "one", "validated, and public now");
    assert_eq!(call(&two, "two").await, "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_who_come_at_once_do_not_get_each_others_answers() {
    let gate = Gate::new();
    let held = gate.clone();
    let origin = origin()
        .answers(move |request| {
            let name = request.header("x-name").unwrap_or_default().to_owned();
            answer(200).header("Cache-Control", KEPT).body(name).behind(&held)
        })
        .start()
        .await;
    let gateway = std::sync::Arc::new(closed(&origin, "").await);
    let [one, two, ..] = tokens(&gateway).await;
    let ask = |token: &str, name: &'static str| {
        let (gateway, token) = (std::sync::Arc::clone(&gateway), token.to_owned());
        tokio::spawn(async move {
            let reply = gateway.call(get("/o/1/a").bearer(&token).header("X-Name", name)).await;
            (name, reply.expect(200).text())
        })
    };
    let asked: Vec<_> = (0..20).map(|_| [ask(&one, "one"), ask(&two, "two")]).collect();
    eventually("a fetch", async || !origin.requests().is_empty()).await;
    gate.open_for_all();
    for reply in asked.into_iter().flatten() {
        let (name, text) = reply.await.unwrap();
        assert_eq!(name, text);
    }
    assert_eq!(origin.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hit_passes_every_check_and_is_counted() {
    let origin = personal("public, max-age=600").await;
    let version = version("1")
        .to(&origin)
        .table("cache", "shared = true")
        .asking("any", &["GET"], "/*")
        .resource_line("scopes = [\"read\"]")
        .resource_line("tier = \"Two\"");
    let api = api("Own", "/o")
        .version(version)
        .line("[[scopes]]\nkey = \"read\"\nroles = [\"reader\"]");
    let tiers = "[[tiers]]\nname = \"Two\"\nlevel = \"resource\"\nlimits = [{ requests = 2, per = \"1h\" }]\n";
    let gateway = gateway()
        .set("oauth.algorithm", "\"ES256\"")
        .api(&api)
        .file("catalog/tiers.toml", tiers)
        .start()
        .await;
    let (app, other) = (gateway.app("joe", "One").await, gateway.app("joe", "Two").await);
    gateway.subscribe(&app, "Own", "1").await;
    gateway.user("ann", &["reader"]).await;
    gateway.user("bob", &[]).await;
    let reader = gateway.user_token(&app.keys, "ann", "read").await;
    gateway.call(get("/o/1/a").bearer(&reader)).await.expect(200);
    let stranger = gateway.user_token(&app.keys, "bob", "read").await;
    gateway.call(get("/o/1/a").bearer(&stranger)).await.expect(403);
    let unsubscribed = gateway.user_token(&other.keys, "ann", "read").await;
    gateway.call(get("/o/1/a").bearer(&unsubscribed)).await.expect(403);
    assert!(is_hit(&gateway.call(get("/o/1/a").bearer(&reader)).await.expect(200)));
    gateway.call(get("/o/1/a").bearer(&reader)).await.expect(429);
    origin.only_request();
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_for_the_backend_keep_their_answers_apart() {
    let origin = origin()
        .answers(|request| {
            let seen = request.header("authorization").unwrap_or("none").to_owned();
            answer(200).header("Cache-Control", KEPT).body(seen)
        })
        .start()
        .await;
    let gateway = closed(&origin, "").await;
    let app = gateway.app("joe", "One").await;
    gateway.subscribe(&app, "Own", "1").await;
    let key = gateway.api_key(&app, Default::default()).await;
    for name in ["Digest ann", "Digest bob"] {
        let call = get("/o/1/a").header("ApiKey", &key).header("Authorization", name);
        let reply = gateway.call(call).await.expect(200);
        assert_eq!(reply.text(), name, "{:?}", reply.fields);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sandbox_and_production_have_entries_of_their_own() {
    let says = |text: &'static str| {
        origin().answers(move |_| answer(200).header("Cache-Control", "public, max-age=600").body(text))
    };
    let (production, sandbox) = (says("production").start().await, says("sandbox").start().await);
    let version = version("1")
        .to(&production)
        .endpoints(&format!("sandbox = [{:?}]", sandbox.url()))
        .table("cache", "shared = true")
        .asking("any", &["GET"], "/*");
    let api = api("Own", "/o").version(version);
    let gateway = gateway().set("oauth.algorithm", "\"ES256\"").api(&api).start().await;
    let app = gateway.app("joe", "One").await;
    gateway.subscribe(&app, "Own", "1").await;
    let real = gateway.app_token(&app.keys).await;
    let trial = gateway.app_token(&gateway.sandbox_keys(&app).await).await;
    for _ in 0..2 {
        assert_eq!(gateway.call(get("/o/1/a").bearer(&real)).await.text(), "production");
        assert_eq!(gateway.call(get("/o/1/a").bearer(&trial)).await.text(), "sandbox");
    }
    production.only_request();
    sandbox.only_request();
}
