//! Where a credential is taken from, in which order, and how little of it goes on (W 5.3, 8).

use admin::registry::api_key::Restrictions;

use crate::harness::*;

struct World {
    origin: Origin,
    gateway: Gateway,
    token: String,
    key: String,
    app: App,
}

async fn world(lines: &str, tenant: &str, server: Option<&str>) -> World {
    let origin = origin().start().await;
    let version = version("1.0")
        .to(&origin)
        .line(lines)
        .asking("any", &["GET", "POST"], "/*");
    let mut builder = gateway()
        .set("oauth.algorithm", "\"ES256\"")
        .trusting(&["127.0.0.0/8"])
        .file(
            "catalog/tenants.toml",
            &format!("[[tenants]]\ndomain = \"carbon.super\"\n{tenant}\n"),
        )
        .api(&api("Pets", "/p").version(version));
    if let Some(name) = server {
        builder = builder.set("credentials.authorization_header", &format!("{name:?}"));
    }
    let gateway = builder.start().await;
    let app = gateway.app("joe", "Phone").await;
    gateway.subscribe(&app, "Pets", "1.0").await;
    let token = gateway.app_token(&app.keys).await;
    let key = gateway.api_key(&app, Restrictions::default()).await;
    World {
        origin,
        gateway,
        token,
        key,
        app,
    }
}

const ALL: &str = "security = [\"oauth2\", \"basic\", \"api_key\"]";

#[tokio::test(flavor = "multi_thread")]
async fn the_apis_field_beats_the_tenants_and_that_the_servers() {
    let tenant = "authorization_header = \"X-Tenant\"";
    for (lines, tenant, server, taken) in [
        ("authorization_header = \"X-Api\"", tenant, Some("X-Server"), "X-Api"),
        ("", tenant, Some("X-Server"), "X-Tenant"),
        ("", "", Some("X-Server"), "X-Server"),
        ("", "", None, "Authorization"),
    ] {
        let world = world(lines, tenant, server).await;
        let shown = format!("Bearer {}", world.token);
        for name in ["X-Api", "X-Tenant", "X-Server", "Authorization"] {
            let reply = world.gateway.call(get("/p/1.0/a").header(name, &shown)).await;
            if name == taken {
                reply.expect(200);
            } else {
                let fault = reply.expect(401).json();
                assert_eq!(fault["code"], "900902", "{name} for {taken}");
            }
        }
        assert_eq!(world.origin.only_request().header(taken), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_credentials_in_one_field_ours_is_taken_and_the_others_go_on() {
    let world = world("", "", None).await;
    let bearer = format!("Bearer {}", world.token);
    for (value, kept) in [
        (format!("{bearer}, Digest x=\"1\""), Some("Digest x=\"1\"")),
        (format!("Basic dG9tOng=,  {bearer}"), Some("Basic dG9tOng=")),
        (format!("bEARER   {}", world.token), None),
        (bearer.clone(), None),
    ] {
        world
            .gateway
            .call(get("/p/1.0/a").header("Authorization", &value))
            .await
            .expect(200);
        assert_eq!(world.origin.last_request().header("authorization"), kept, "{value}");
    }
    let before = world.origin.requests().len();
    for value in [
        format!("{bearer}, {bearer}"),
        format!("{bearer}, Bearer x"),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer\t{}", world.token),
        world.token.clone(),
        format!("Bearer {0} {0}", world.token),
        format!("Bearer {}=", world.token),
        format!("Bearer {}\u{e9}", world.token),
    ] {
        world
            .gateway
            .call(get("/p/1.0/a").header("Authorization", &value))
            .await
            .expect(401);
    }
    let twice = get("/p/1.0/a").bearer(&world.token).bearer(&world.token);
    world.gateway.call(twice).await.expect(401);
    let in_query = format!("/p/1.0/a?access_token={}", world.token);
    world.gateway.get(&in_query).await.expect(401);
    assert_eq!(world.origin.requests().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_key_is_taken_from_field_and_query_and_the_rest_of_the_query_goes_on_as_it_came() {
    let world = world(ALL, "", None).await;
    let key = &world.key;
    for (target, sent) in [
        (format!("/p/1.0/a?apikey={key}"), "/a"),
        (
            format!("/p/1.0/a?x=%2f&apikey={key}&&y=a+b%20&z"),
            "/a?x=%2f&&y=a+b%20&z",
        ),
        (format!("/p/1.0/a?ApiKey={key}&x"), "/a?x"),
        (format!("/p/1.0/a?%61pikey={key}&x"), "/a?x"),
        (format!("/p/1.0/a?x=?&apikey={key}"), "/a?x=?"),
    ] {
        world.gateway.get(&target).await.expect(200);
        assert_eq!(world.origin.last_request().target, sent);
    }
    let both = get(&format!("/p/1.0/a?x&apikey={key}")).header("ApiKey", key);
    world.gateway.call(both).await.expect(200);
    let seen = world.origin.last_request();
    assert_eq!((seen.target.as_str(), seen.header("apikey")), ("/a?x", None));
    let before = world.origin.requests().len();
    for target in [
        format!("/p/1.0/a?apikey={key}&apikey={key}"),
        format!("/p/1.0/a?apikey={key}x"),
        "/p/1.0/a?apikey=".to_owned(),
        format!("/p/1.0/a?x;apikey={key}"),
        format!("/p/1.0/a#apikey={key}"),
    ] {
        let reply = world.gateway.get(&target).await;
        assert_eq!(reply.status / 100, 4, "{target}");
    }
    let log = world.gateway.access_log(before + 5).await;
    assert!(log.iter().all(|line| !line.to_string().contains(key)), "{log:?}");
    assert_eq!(world.origin.requests().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_key_is_taken_from_where_it_may_be_used() {
    let world = world(ALL, "", None).await;
    let with = |networks: &[&str], referers: &[&str]| Restrictions {
        networks: networks.iter().map(|network| network.parse().unwrap()).collect(),
        referers: referers.iter().map(|&referer| referer.to_owned()).collect(),
    };
    let from_network = world.gateway.api_key(&world.app, with(&["192.0.2.0/24"], &[])).await;
    let from_page = world
        .gateway
        .api_key(&world.app, with(&[], &["www.example.com/*"]))
        .await;
    let call = |key: &str, name: &str, value: &str| get("/p/1.0/a").header("apikey", key).header(name, value);
    for (call, is_served) in [
        (call(&from_network, "X-Forwarded-For", "192.0.2.7"), true),
        (call(&from_network, "X-Forwarded-For", "198.51.100.7"), false),
        // What stands before the trusted proxy's own entry is the caller's word.
        (call(&from_network, "X-Forwarded-For", "192.0.2.7, 198.51.100.7"), false),
        (call(&from_network, "X-Real-IP", "192.0.2.7"), false),
        (call(&from_page, "Referer", "https://www.example.com/a"), true),
        (
            call(&from_page, "Referer", "https://www.example.com.evil.test/a"),
            false,
        ),
        (call(&from_page, "Origin", "https://www.example.com"), false),
    ] {
        let before = world.origin.requests().len();
        let reply = world.gateway.call(call).await;
        assert_eq!(world.origin.requests().len(), before + usize::from(is_served));
        if is_served {
            reply.expect(200);
        } else {
            assert_eq!(reply.expect(403).json()["code"], "900908");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_proves_a_user_of_the_apis_tenant_and_guessing_is_slowed() {
    let world = world("security = [\"basic\"]", "", None).await;
    let gateway = &world.gateway;
    gateway.user("tom", &[]).await;
    let call = |name: &str, password: &str| get("/p/1.0/a").header("Authorization", &basic(name, password));
    gateway
        .call(call("tom", "wrong horse"))
        .await
        .refused(401, &world.origin);
    gateway.call(call("nobody", PASSWORD)).await.refused(401, &world.origin);
    gateway
        .call(get("/p/1.0/a").bearer(&world.token))
        .await
        .refused(401, &world.origin);
    gateway.call(call("tom", PASSWORD)).await.expect(200);
    gateway.call(call("tom@carbon.super", PASSWORD)).await.expect(200);
    assert_eq!(world.origin.last_request().header("authorization"), None);
    let before = world.origin.requests().len();
    let mut caller = gateway.connect().await;
    for number in 0..40 {
        let guess = call("joe", &format!("guess {number}")).header("X-Forwarded-For", "192.0.2.66");
        caller.call(guess).await.expect(401);
    }
    // Even the right one is of no use to who guessed, and of use to everybody else.
    let right = |from: &str| call("joe", PASSWORD).header("X-Forwarded-For", from);
    caller.call(right("192.0.2.66")).await.expect(401);
    assert_eq!(world.origin.requests().len(), before);
    gateway.call(call("tom", PASSWORD)).await.expect(200);
    gateway.call(right("192.0.2.1")).await.expect(200);
    let log = gateway.access_log(46).await;
    let is_slowed = |line: &&serde_json::Value| line["flaw"] == "too_many_attempts";
    assert!(log.iter().filter(is_slowed).count() >= 30, "{log:?}");
}
