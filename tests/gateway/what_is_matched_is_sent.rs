//! The path that is matched is the path that is sent; what could be read in two ways is refused (DESIGN 5).

use crate::harness::*;

async fn serving(line: &str) -> (Origin, Gateway) {
    let origin = origin().start().await;
    let open = version("1.0").to(&origin).line(line);
    let gateway = gateway().api(&api("Open", "/p").version(open)).start().await;
    (origin, gateway)
}

const AMBIGUOUS: [&str; 17] = [
    "/p/1.0/a%2Fb",
    "/p/1.0/a%2fb",
    "/p/1.0/a%5Cb",
    "/p/1.0/a\\b",
    "/p/1.0/../1.0/a",
    "/p/1.0/./a",
    "/p/1.0/a/..",
    "/p/1.0/%2e%2e/a",
    "/p/1.0/.%2E/a",
    "/p/1.0/%2e/a",
    "/p/1.0/a%00b",
    "/p/1.0/%zz",
    "/p/1.0/%4",
    "/p/1.0/a%",
    "/p/1.0/%ff%fe",
    "/p/1.0/a//b",
    "/p/1.0/a;b=c/d",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_could_be_read_in_two_ways_is_refused() {
    let (origin, gateway) = serving("").await;
    for target in AMBIGUOUS {
        let reply = gateway.get(target).await;
        assert_eq!(reply.status, 400, "{target}");
        origin.saw_nothing();
    }
    gateway.get("/p/1.0/a").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_refused_over_http2_as_well() {
    let (origin, gateway) = serving("").await;
    let caller = gateway.connect_h2().await;
    for target in [
        "/p/1.0/a%2Fb",
        "/p/1.0/%2e%2e/a",
        "/p/1.0/../a",
        "/p/1.0/a%00b",
        "/p/1.0/a//b",
    ] {
        assert_eq!(caller.get(target).await.status, 400, "{target}");
    }
    origin.saw_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn raw_bytes_and_control_characters_are_refused() {
    let (origin, gateway) = serving("").await;
    for target in [
        &b"/p/1.0/\xff\xfe"[..],
        b"/p/1.0/a\x00b",
        b"/p/1.0/a\x7fb",
        b"/p/1.0/a\x01b",
    ] {
        let mut caller = gateway.connect().await;
        caller
            .send([b"GET ", target, b" HTTP/1.1\r\nHost: gateway.test\r\n\r\n"].concat())
            .await;
        if let Some(reply) = caller.find_reply("GET").await {
            assert_eq!(reply.status, 400, "{:?}", String::from_utf8_lossy(target));
        }
        origin.saw_nothing();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoding_that_says_nothing_is_undone_before_matching_and_sending() {
    let origin = origin().start().await;
    let admin = version("1.0")
        .to(&origin)
        .resource(&["GET"], "/admin")
        .resource(&["GET"], "/caf%C3%A9/{id}");
    let gateway = gateway().api(&api("Open", "/p").version(admin)).start().await;
    gateway.get("/p/1.0/%61dmin").await.expect(200);
    assert_eq!(origin.last_request().target, "/admin");
    gateway.get("/%70/1%2E0/admin").await.expect(200);
    assert_eq!(origin.last_request().target, "/admin");
    let seen = origin.requests().len();
    gateway.get("/p/1.0/%61dmin%31").await.expect(404);
    assert_eq!(origin.requests().len(), seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoding_that_matters_is_kept() {
    let (origin, gateway) = serving("").await;
    for (asked, sent) in [
        ("/p/1.0/a%20b", "/a%20b"),
        ("/p/1.0/caf%c3%a9", "/caf%C3%A9"),
        ("/p/1.0/a%3Fb%23c", "/a%3Fb%23c"),
        ("/p/1.0/a%25b", "/a%25b"),
        ("/p/1.0/a+b~c-d_e.f", "/a+b~c-d_e.f"),
        ("/p/1.0/...", "/..."),
    ] {
        gateway.get(asked).await.expect(200);
        assert_eq!(origin.last_request().target.to_uppercase(), sent.to_uppercase());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_may_opt_out_by_name() {
    let (origin, gateway) = serving("paths = [\"encoded_slashes\"]").await;
    gateway.get("/p/1.0/a%2Fb%5Cc").await.expect(200);
    assert_eq!(origin.only_request().target, "/a%2Fb%5Cc");
    gateway.get("/p/1.0/a//b").await.expect(400);
    let (origin, gateway) = serving("paths = [\"empty_segments\", \"path_parameters\"]").await;
    gateway.get("/p/1.0/a//b;c=d").await.expect(200);
    assert_eq!(origin.only_request().target, "/a//b;c=d");
    gateway.get("/p/1.0/a%2Fb").await.expect(400);
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_opt_out_lets_a_path_climb() {
    let line = "paths = [\"encoded_slashes\", \"empty_segments\", \"path_parameters\"]";
    let (origin, gateway) = serving(line).await;
    for target in [
        "/p/1.0/..%2Fa",
        "/p/1.0/a%2F..%2F..%2Fb",
        "/p/1.0/..;/a",
        "/p/1.0/%2e%2e;x=y/a",
        "/p/1.0/..%5Ca",
    ] {
        gateway.get(target).await.refused(400, &origin);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_query_is_untouched() {
    let (origin, gateway) = serving("").await;
    for query in [
        "?",
        "?a=%2F..%2e&b=c//d/../e;f&%zz&empty=&&+%20",
        "?%61=%41&a=b&a=c",
        "?q=a?b&u=http://x/..//y",
    ] {
        gateway.get(&format!("/p/1.0/a{query}")).await.expect(200);
        assert_eq!(origin.last_request().target, format!("/a{query}"));
    }
}
