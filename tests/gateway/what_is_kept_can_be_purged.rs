//! What is kept of responses is purged by URL, prefix, version, API, tag and altogether, at once; and it is seen.

use tollgate::bridge::socket::{self, Answer as Told, Command};
use tollgate::cache::purge::Purge;

use crate::harness::*;

async fn start(origin: &Origin) -> Gateway {
    let kept = |label: &str| version(label).to(origin).table("cache", "");
    let one = api("One", "/one")
        .default_version(&["1"])
        .version(kept("1"))
        .version(kept("2"));
    let two = api("Two", "/two").version(kept("1"));
    gateway()
        .set("oauth.algorithm", "\"ES256\"")
        .api(&one)
        .api(&two)
        .start()
        .await
}

async fn tagged() -> Origin {
    origin()
        .answers(|request| {
            let tag = request.target.trim_start_matches("/items/").to_owned();
            let control = if request.header("if-none-match").is_some() {
                304
            } else {
                200
            };
            let reply = answer(control)
                .header("Cache-Control", "max-age=600")
                .header("ETag", "\"1\"");
            let reply = reply.header("Surrogate-Key", &format!("all {tag}"));
            if control == 304 { reply } else { reply.body("x") }
        })
        .start()
        .await
}

fn purge(gateway: &Gateway, named: Purge) -> Told {
    let data = gateway.path("data");
    tokio::task::block_in_place(|| socket::ask(&data, Command::Purge(Box::new(named)), PATIENCE)).unwrap()
}

/// Returns which of these are answered from what is kept, and keeps all of them.
async fn hits(gateway: &Gateway) -> String {
    let mut found = String::new();
    for target in TARGETS {
        let reply = gateway.get(target).await.expect(200);
        assert_eq!(reply.header("surrogate-key"), None, "tags are not for callers");
        let is_hit = reply.header("cache-status").unwrap().starts_with("Tollgate; hit");
        found.push(if is_hit { '+' } else { '-' });
    }
    found
}

const TARGETS: [&str; 5] = [
    "/one/1/items/7",
    "/one/1/items/8?a=b",
    "/one/1/other",
    "/one/2/items/7",
    "/two/1/items/7",
];

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_named_is_forgotten_and_nothing_else() {
    let origin = tagged().await;
    let gateway = start(&origin).await;
    hits(&gateway).await;
    assert_eq!(hits(&gateway).await, "+++++");
    for (named, left) in [
        (r#"{"url": "/one/items/7"}"#, "-++++"),
        (r#"{"url": "http://gateway.test/one/1/items/8?a=b"}"#, "+-+++"),
        (r#"{"url": "/one/1/items/8"}"#, "+++++"),
        (r#"{"tag": "7"}"#, "-++--"),
        (r#"{"api": "One"}"#, "----+"),
        (r#"{"api": "One", "version": "2"}"#, "+++-+"),
        (r#"{"api": "One", "version": "1", "prefix": "/items"}"#, "--+++"),
        (r#"{"tenant": "carbon.super"}"#, "-----"),
        (r#"{"everything": true}"#, "-----"),
    ] {
        let purged = purge(&gateway, serde_json::from_str(named).unwrap());
        assert_eq!(purged, Told::Purged { purged: true });
        assert_eq!(hits(&gateway).await, left, "{named}");
        assert_eq!(hits(&gateway).await, "+++++", "{named}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_is_purged_as_callers_write_it() {
    let origin = tagged().await;
    let gateway = start(&origin).await;
    let is_hit = async |target: &str| {
        let reply = gateway.get(target).await.expect(200);
        reply.header("cache-status").unwrap().starts_with("Tollgate; hit")
    };
    for target in ["/one/1/items/8?a='b'", "/one/1/items/8?a=%27b%27"] {
        assert!(!is_hit(target).await && is_hit(target).await);
    }
    let url = some("http://gateway.test/one/1/items/8?a='b'");
    let purged = purge(
        &gateway,
        Purge {
            url,
            ..Purge::default()
        },
    );
    assert_eq!(purged, Told::Purged { purged: true });
    // Whether it was written by a program or by a browser.
    assert!(!is_hit("/one/1/items/8?a='b'").await && !is_hit("/one/1/items/8?a=%27b%27").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_purged_softly_is_validated() {
    let origin = tagged().await;
    let gateway = start(&origin).await;
    gateway.get(TARGETS[0]).await.expect(200);
    let named = Purge {
        everything: true,
        soft: true,
        ..Purge::default()
    };
    purge(&gateway, named);
    let reply = gateway.get(TARGETS[0]).await.expect(200);
    assert!(
        reply.header("cache-status").unwrap().contains("fwd-status=304"),
        "{:?}",
        reply.fields
    );
    assert_eq!(reply.text(), "x");
    assert!(
        gateway
            .get(TARGETS[0])
            .await
            .header("cache-status")
            .unwrap()
            .contains("; hit")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_purges_nothing() {
    let origin = tagged().await;
    let gateway = start(&origin).await;
    hits(&gateway).await;
    let none = Purge::default;
    for named in [
        none(),
        Purge {
            everything: true,
            tag: some("a"),
            ..none()
        },
        Purge {
            version: some("1"),
            ..none()
        },
        Purge {
            api: some("Three"),
            ..none()
        },
        Purge {
            api: some("One"),
            version: some("3"),
            ..none()
        },
        Purge {
            url: some("/nowhere"),
            ..none()
        },
        Purge {
            url: some("http://[bad"),
            ..none()
        },
        Purge {
            tenant: some("acme.example"),
            ..none()
        },
    ] {
        assert!(
            matches!(purge(&gateway, named.clone()), Told::Failed { .. }),
            "{named:?}"
        );
    }
    assert_eq!(hits(&gateway).await, "+++++");
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_purge_over_the_admin_listener() {
    let origin = tagged().await;
    let gateway = start(&origin).await;
    hits(&gateway).await;
    gateway.user("root", &["admin"]).await;
    let app = gateway.app("root", "Console").await;
    let token = gateway.user_token(&app.keys, "root", "tollgate:admin").await;
    let ask = |body: &'static str| post("/admin/v1/cache/purge", body).bearer(&token);
    let refused = post("/admin/v1/cache/purge", "{\"everything\": true}");
    gateway.admin(refused).await.expect(401);
    for bad in ["", "[]", "{}", "{\"all\": true}", "{\"api\": \"Three\"}"] {
        gateway.admin(ask(bad)).await.expect(422);
    }
    gateway
        .admin(get("/admin/v1/cache/purge").bearer(&token))
        .await
        .expect(405);
    assert_eq!(hits(&gateway).await, "+++++");
    gateway
        .admin(ask("{\"api\": \"One\", \"prefix\": \"/items\"}"))
        .await
        .expect(204);
    assert_eq!(hits(&gateway).await, "--+-+");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_cache_does_is_counted_and_logged() {
    let origin = tagged().await;
    let gateway = start(&origin).await;
    for _ in 0..3 {
        gateway.get(TARGETS[0]).await.expect(200);
    }
    let log = gateway.access_log(3).await;
    // Each connection writes its own line, in no order.
    let mut said: Vec<_> = log.iter().map(|line| line["cache"].as_str().unwrap()).collect();
    said.sort_unstable();
    assert_eq!(said, ["hit", "hit", "stored"]);
    let count = async |outcome: &str| {
        let label = format!("outcome=\"{outcome}\"");
        gateway
            .metric("tollgate_cache_requests_total", &["api=\"One\"", &label])
            .await
    };
    assert_eq!((count("stored").await, count("hit").await), (1.0, 2.0));
    assert_eq!(gateway.metric("tollgate_cache_entries", &[]).await, 1.0);
    assert!(gateway.metric("tollgate_cache_bytes", &[]).await > 0.0);
}
