//! The gateway's own paths: nobody's API answers there, and what they are sent is bounded, cut, and never logged.

use crate::harness::*;

const OWN: [&str; 10] = [
    "/token",
    "/revoke",
    "/oauth2/token",
    "/oauth2/revoke",
    "/oauth2/introspect",
    "/oauth2/userinfo",
    "/oauth2/authorize",
    "/oauth2/jwks",
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
];

fn begin() -> GatewayBuilder {
    gateway().set("oauth.algorithm", "\"ES256\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_api_can_be_put_in_their_place() {
    let origin = origin().start().await;
    let gateway = begin().start().await;
    for (context, label) in [
        ("/oauth2", "1.0"),
        ("/oauth2/token", "1.0"),
        ("/{version}", "token"),
        ("/{version}/x", "oauth2"),
        ("/{version}", "oauth2"),
        ("/.well-known/{version}", "openid-configuration"),
        ("/oauth2/{version}", "token"),
    ] {
        gateway.edit_api(&api("Evil", context).version(version(label).to(&origin)));
        assert!(gateway.reload().is_err(), "{context} {label}");
    }
    let tenants = "[[tenants]]\ndomain = \"acme.example\"\nhostnames = [\"acme.test\"]\n";
    gateway.edit("tenants.toml", tenants);
    for (context, label) in [("/{version}", "token"), ("/oauth2", "1.0"), ("/", "token")] {
        let evil = api("Evil", context)
            .tenant("acme.example")
            .version(version(label).to(&origin));
        gateway.edit_api(&evil);
        // Where it is not refused, it answers below the tenant's path alone.
        let _ = gateway.reload();
        for host in ["gateway.test", "acme.test", "ACME.test:80"] {
            for path in OWN {
                gateway.call(get(path).host(host)).await;
                gateway.call(post(path, "x=1").host(host)).await;
                origin.saw_nothing();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_them_leads_to_an_api_that_takes_everything() {
    let origin = origin().start().await;
    let tenants = "[[tenants]]\ndomain = \"acme.example\"\nhostnames = [\"acme.test\", \"evil.test\"]\n";
    // Every name that a careless reader could take for one of ours, with every unusual path taken.
    let paths = "paths = [\"encoded_slashes\", \"empty_segments\", \"path_parameters\"]";
    let labels = ["oauth", "tokens", "Token", "x", "revoke2", "OAUTH2"];
    let of = |label: &&str| version(label).to(&origin).line(paths);
    let greedy = api("Greedy", "/{version}").tenant("acme.example");
    let greedy = labels.iter().map(of).fold(greedy, Api::version);
    let gateway = begin().file("catalog/tenants.toml", tenants).api(&greedy).start().await;
    gateway.call(get("/Token/a").host("acme.test")).await.expect(200);
    assert_eq!(origin.requests().len(), 1);
    for target in [
        "/%74oken",
        "/oauth2/%74oken",
        "/oauth%32/token",
        "//token",
        "/./token",
        "/x/../token",
        "/oauth2//token",
        "/oauth2%2Ftoken",
        "/oauth2/token/",
        "/oauth2/token;x",
        "/token%00",
        "http://evil.test/token",
        "http://evil.test//oauth2/token",
    ] {
        let host = if target.starts_with("http") {
            "evil.test"
        } else {
            "acme.test"
        };
        let reply = gateway
            .connect()
            .await
            .find_reply_to(post(target, "a=b").host(host))
            .await;
        assert!(reply.is_none_or(|reply| reply.status / 100 == 4), "{target}");
        assert_eq!(origin.requests().len(), 1, "{target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_are_named_as_such_and_errors_say_nothing_of_the_inside() {
    let gateway = begin().start().await;
    for (method, path) in [
        ("GET", "/token"),
        ("PUT", "/oauth2/token"),
        ("DELETE", "/oauth2/jwks"),
        ("POST", "/oauth2/jwks"),
        ("PATCH", "/.well-known/openid-configuration"),
        ("TRACE", "/oauth2/token"),
        ("FOO", "/oauth2/revoke"),
    ] {
        let reply = gateway.call(call(method, path)).await.expect(405);
        assert!(reply.header("allow").is_some(), "{method} {path} {reply:?}");
    }
    let form = |body: &str| post("/oauth2/token", body).header("Content-Type", "application/x-www-form-urlencoded");
    for call in [
        form(""),
        form("grant_type=client_credentials"),
        form("grant_type=password&username=a&password=b").header("Authorization", &basic("x", "y")),
        form("grant_type=%00"),
        form("grant_type=a&grant_type=b"),
        form("=&&&="),
        post("/oauth2/token", "{}").header("Content-Type", "application/json"),
        post("/oauth2/introspect", "token=x").header("Content-Type", "application/x-www-form-urlencoded"),
        get("/oauth2/userinfo").bearer("x"),
        get("/oauth2/authorize?client_id='&redirect_uri=//evil.test"),
        get("/oauth2/nothing"),
    ] {
        let reply = gateway.call(call).await;
        assert_eq!(reply.status / 100, 4, "{reply:?}");
        let text = reply.text().to_ascii_lowercase();
        for word in [
            "sqlx", "sqlite", "select ", "panicked", "/src/", ".rs:", "argon2", "axum",
        ] {
            assert!(!text.contains(word), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_and_slow_bodies_are_cut_and_the_connection_stays_in_step() {
    let origin = origin().start().await;
    let gateway = begin()
        .set("timeouts.read", "\"1s\"")
        .api(&api("Pets", "/p").version(version("1.0").to(&origin)))
        .start()
        .await;
    let large = "a".repeat(70 << 10);
    let smuggled = "GET /p/1.0/smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut caller = gateway.connect().await;
    let reply = caller
        .find_reply_to(post("/oauth2/token", format!("{large}{smuggled}")))
        .await;
    assert!(reply.is_none_or(|reply| reply.status == 413));
    caller.try_send(get("/p/1.0/a").bytes()).await;
    let _ = caller.find_reply("GET").await;
    assert!(
        origin.requests().iter().all(|request| request.target != "/smuggled"),
        "smuggled"
    );
    let chunks: Vec<&[u8]> = std::iter::repeat_n(&[b'a'; 8 << 10][..], 12).collect();
    let reply = gateway
        .connect()
        .await
        .find_reply_to(call("POST", "/oauth2/token").chunked(&chunks))
        .await;
    assert!(reply.is_none_or(|reply| reply.status == 413));
    // Slower than allowed as a whole, though never silent for as long.
    let mut slow = gateway.connect().await;
    slow.send("POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        .await;
    let begun = std::time::Instant::now();
    let cut = async {
        for _ in 0..100 {
            slow.try_send("a").await;
            // What is waited for is also the pause.
            if tokio::time::timeout(std::time::Duration::from_millis(100), slow.wire().head())
                .await
                .is_ok()
            {
                return;
            }
        }
    };
    cut.await;
    assert!(
        begun.elapsed() < std::time::Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_is_logged_or_counted() {
    let gateway = begin().start().await;
    let app = gateway.app("joe", "Phone").await;
    let secrets = [
        "sekret-query",
        "sekret-body",
        "sekret-token",
        "sekret-field",
        "sekret-password",
    ];
    let form = "grant_type=password&username=joe&password=sekret-password&client_secret=sekret-body";
    for call in [
        post("/token?password=sekret-query&token=sekret-token", form)
            .header("Content-Type", "application/x-www-form-urlencoded"),
        post("/oauth2/revoke?token=sekret-token", "token=sekret-body").header("Authorization", "Basic sekret-field"),
        get("/oauth2/userinfo?access_token=sekret-query").bearer("sekret-token"),
        get("/oauth2/authorize?client_id=sekret-query"),
        get("/oauth2/sekret?x=sekret-query"),
        post("//token?x=sekret-query", form),
    ] {
        gateway.call(call).await;
    }
    let granted = gateway.app_token(&app.keys).await;
    let log = serde_json::to_string(&gateway.access_log(7).await).unwrap();
    let metrics = gateway.status("/metrics").await.expect(200).text();
    for text in [&log, &metrics] {
        for secret in secrets
            .iter()
            .copied()
            .chain([granted.as_str(), &app.keys.consumer_secret])
        {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_bounded_over_http2_too() {
    let gateway = begin().start().await;
    let app = gateway.app("joe", "Phone").await;
    let known_as = basic(&app.keys.consumer_key, &app.keys.consumer_secret);
    let h2 = gateway.connect_h2().await;
    let ask = |path: &str| {
        http::Request::post(format!("http://gateway.test{path}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", &known_as)
            .body(())
            .unwrap()
    };
    let reply = h2
        .call(ask("/oauth2/token"), &[b"grant_type=", b"client_credentials"])
        .await;
    assert_eq!(reply.status, 200, "{reply:?}");
    static LARGE: [u8; 80 << 10] = [b'a'; 80 << 10];
    // Refused, or cut where it goes on sending.
    let reply = h2.try_call(ask("/oauth2/token"), &[&LARGE]).await;
    assert!(reply.is_err() || reply.is_ok_and(|reply| reply.status == 413));
    assert_eq!(
        h2.call(ask("/token"), &[b"grant_type=client_credentials"]).await.status,
        200
    );
    assert_eq!(
        h2.call(ask("//token"), &[b"grant_type=client_credentials"])
            .await
            .status,
        400
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_senders_do_not_keep_others_from_their_tokens() {
    let gateway = begin().start().await;
    let app = gateway.app("joe", "Phone").await;
    let mut slow = Vec::new();
    for _ in 0..100 {
        let mut caller = gateway.connect().await;
        caller
            .send("POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\ngrant")
            .await;
        slow.push(caller);
    }
    gateway.app_token(&app.keys).await;
}
