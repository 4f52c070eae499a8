//! TLS towards endpoints: whom we believe, whom we ask for, what we show, and what is never shared.

use std::sync::Arc;

use crate::harness::*;

/// Builds the lines of `[versions.endpoints.tls]` for a CA in a file beside the API.
const OWN_CA: &str = "ca = \"file:ca.pem\"";

fn serving(files: &[(&str, &str)], open: &Api) -> GatewayBuilder {
    let builder = files.iter().fold(gateway(), |builder, (name, text)| {
        builder.file(&format!("catalog/apis/{name}"), text)
    });
    builder.api(open)
}

async fn secure(authority: &Authority) -> Origin {
    origin()
        .tls(authority.identity(&["127.0.0.1", "localhost"]).server(&["http/1.1"]))
        .start()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_of_the_right_authority_is_believed() {
    let authority = Authority::new("right");
    let origin = secure(&authority).await;
    let open = api("Open", "/p").version(version("1.0").to(&origin).tls(OWN_CA));
    let gateway = serving(&[("ca.pem", &authority.pem())], &open).start().await;
    gateway.get("/p/1.0/a").await.expect(200);
    assert_eq!(origin.only_request().target, "/a");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_of_any_other_authority_is_not() {
    let (right, wrong) = (Authority::new("right"), Authority::new("wrong"));
    let origin = secure(&right).await;
    let open = api("Open", "/p")
        .version(version("1.0").to(&origin).tls(OWN_CA))
        .version(version("2.0").to(&origin));
    let gateway = serving(&[("ca.pem", &wrong.pem())], &open).start().await;
    gateway.get("/p/1.0/a").await.refused(502, &origin);
    gateway.get("/p/2.0/a").await.refused(502, &origin);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_of_another_name_is_not() {
    let authority = Authority::new("right");
    let origin = origin()
        .tls(authority.identity(&["elsewhere.test"]).server(&[]))
        .start()
        .await;
    let named = format!("{OWN_CA}\nserver_name = \"elsewhere.test\"");
    let open = api("Open", "/p").version(version("1.0").to(&origin).tls(OWN_CA));
    let open = open.version(version("2.0").to(&origin).tls(&named));
    let gateway = serving(&[("ca.pem", &authority.pem())], &open).start().await;
    gateway.get("/p/1.0/a").await.refused(502, &origin);
    gateway.get("/p/2.0/a").await.expect(200);
    assert_eq!(
        origin.only_request().header("host"),
        Some(origin.address().to_string().as_str())
    );
}

/// The trap of Pingora's pool key, which holds no CA: a connection that one version's CA vouched for must not be
/// lent to a version whose CA would have refused it.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_not_shared_between_authorities() {
    let (right, wrong) = (Authority::new("right"), Authority::new("wrong"));
    let origin = secure(&right).await;
    let believing = version("1.0").to(&origin).tls(OWN_CA);
    let doubting = version("2.0").to(&origin).tls("ca = \"file:wrong.pem\"");
    let open = api("Open", "/p").version(believing).version(doubting);
    let gateway = serving(&[("ca.pem", &right.pem()), ("wrong.pem", &wrong.pem())], &open)
        .start()
        .await;
    for _ in 0..3 {
        gateway.get("/p/1.0/a").await.expect(200);
        gateway.get("/p/2.0/a").await.expect(502);
        if gateway.get("/p/2.0/a").await.status == 200 {
            panic!("a connection was lent to a version that does not believe its endpoint");
        }
    }
    assert!(origin.requests().len() == 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_authority_takes_old_connections_out_of_use() {
    let (right, wrong) = (Authority::new("right"), Authority::new("wrong"));
    let origin = secure(&right).await;
    let open = api("Open", "/p").version(version("1.0").to(&origin).tls(OWN_CA).suspend(0, "1s"));
    let gateway = serving(&[("ca.pem", &right.pem())], &open).start().await;
    gateway.get("/p/1.0/a").await.expect(200);
    gateway.edit("apis/ca.pem", &wrong.pem());
    gateway.reloaded();
    gateway.get("/p/1.0/a").await.expect(502);
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_shown_to_an_endpoint_that_asks() {
    let authority = Authority::new("right");
    let identity = authority.identity(&["127.0.0.1"]);
    let origin = origin().tls(identity.server_for(&authority)).start().await;
    let caller = authority.identity(&["gateway"]);
    let showing = format!("{OWN_CA}\ncertificate = \"file:own.pem\"\nkey = \"file:own.key\"");
    let open = api("Open", "/p").version(version("1.0").to(&origin).tls(&showing));
    let open = open.version(version("2.0").to(&origin).tls(OWN_CA));
    let files = [
        ("ca.pem", &*authority.pem()),
        ("own.pem", &caller.chain),
        ("own.key", &caller.key),
    ];
    let gateway = serving(&files, &open).start().await;
    gateway.get("/p/2.0/a").await.refused(502, &origin);
    gateway.get("/p/1.0/a").await.expect(200);
    gateway.get("/p/2.0/a").await.expect(502);
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_is_settled_on_by_alpn() {
    let authority = Arc::new(Authority::new("right"));
    let origin = grpc_origin(Some(authority.identity(&["127.0.0.1"]).server(&["h2"]))).await;
    let settled = version("1.0").production(&[&origin.url()]).tls(OWN_CA);
    let stated = version("2.0").production(&[&origin.url()]).over_http2().tls(OWN_CA);
    let open = api("Open", "/p").version(settled).version(stated);
    let gateway = serving(&[("ca.pem", &authority.pem())], &open).start().await;
    for target in ["/p/1.0/a", "/p/2.0/a"] {
        let reply = gateway.call(post(target, "hello")).await.expect(200);
        assert_eq!(reply.text(), "hello");
    }
    assert_eq!(origin.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_hangs_makes_a_504() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let open = api("Open", "/p").version(version("1.0").production(&[&url]).within("connect", "200ms"));
    let gateway = serving(&[], &open).start().await;
    gateway.get("/p/1.0/a").await.expect(504);
}
