//! What a version's state and transports let through (W 2, W 4).

use crate::harness::*;

async fn in_state(state: &str) -> (Origin, Gateway) {
    let origin = origin().start().await;
    let demo = api("Demo", "/demo").version(version("1.0").to(&origin).state(state));
    let gateway = gateway().api(&demo).start().await;
    (origin, gateway)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_made_yet_or_gone_is_unknown() {
    for state in ["created", "retired"] {
        let (origin, gateway) = in_state(state).await;
        let reply = gateway.get("/demo/1.0/a").await.refused(404, &origin);
        let unknown = gateway.get("/nowhere").await.refused(404, &origin);
        assert_eq!(
            reply.text(),
            unknown.text(),
            "{state} must not be told from what never was"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_prototyped_or_deprecated_is_served() {
    for state in ["prototyped", "published", "deprecated"] {
        let (origin, gateway) = in_state(state).await;
        gateway.get("/demo/1.0/a").await.expect(200);
        assert_eq!(origin.only_request().target, "/a");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_blocked_says_so() {
    let (origin, gateway) = in_state("blocked").await;
    for method in ["GET", "POST", "DELETE"] {
        let reply = gateway
            .call(call(method, "/demo/1.0/a"))
            .await
            .refused(503, &origin)
            .json();
        assert_eq!(
            (&reply["code"], &reply["type"]),
            (&"700700".into(), &"API blocked".into())
        );
        assert_eq!(
            reply["description"],
            "This API has been blocked temporarily. Please try again later or contact the system administrators."
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_favourite_leaves_callers_where_they_are() {
    let origin = origin().start().await;
    let demo = api("Demo", "/demo")
        .default_version(&["2.0", "1.0"])
        .version(version("1.0").to(&origin));
    let (refusing, _guard) = refusing();
    let blocked = version("2.0")
        .production(&[&format!("http://{refusing}")])
        .state("blocked");
    let gateway = gateway().api(&demo.version(blocked)).start().await;
    gateway.get("/demo/a").await.expect(200);
    gateway.get("/demo/2.0/a").await.expect(503);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_for_https_alone_refuses_http() {
    let origin = origin().start().await;
    let demo = api("Demo", "/demo").version(version("1.0").to(&origin).line("transports = [\"https\"]"));
    let gateway = gateway().tls().api(&demo).start().await;
    let reply = gateway.get("/demo/1.0/a").await.refused(403, &origin).json();
    assert_eq!(reply["code"], "403");
    assert_eq!(reply["type"], "Status report");
    assert_eq!(reply["message"], "Forbidden");
    let description = "Unsupported Transport [ http ]. The requested resource is not available.";
    assert_eq!(reply["description"], description);
    let (mut caller, _) = gateway.connect_tls("gateway.test", &["http/1.1"]).await;
    caller.call(get("/demo/1.0/a")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_for_http_alone_refuses_https() {
    let origin = origin().start().await;
    let demo = api("Demo", "/demo").version(version("1.0").to(&origin).line("transports = [\"http\"]"));
    let gateway = gateway().tls().api(&demo).start().await;
    let (mut caller, _) = gateway.connect_tls("gateway.test", &[]).await;
    let reply = caller.call(get("/demo/1.0/a")).await.refused(403, &origin).json();
    assert!(reply["description"].as_str().unwrap().contains("[ https ]"), "{reply}");
    gateway.get("/demo/1.0/a").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_says_which_transport_its_caller_used() {
    let origin = origin().start().await;
    let demo = api("Demo", "/demo").version(version("1.0").to(&origin).line("transports = [\"https\"]"));
    let gateway = gateway().trusting(&["127.0.0.0/8"]).api(&demo).start().await;
    gateway.get("/demo/1.0/a").await.refused(403, &origin);
    gateway
        .call(get("/demo/1.0/a").header("X-Forwarded-Proto", "https"))
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inactive_tenant_answers_as_if_it_did_not_exist() {
    let origin = origin().start().await;
    let tenants = "[[tenants]]\ndomain = \"acme.example\"\nhostnames = [\"api.acme.example\"]\nstate = \"inactive\"\n";
    let demo = api("Demo", "/demo")
        .tenant("acme.example")
        .version(version("1.0").to(&origin));
    let gateway = gateway().file("catalog/tenants.toml", tenants).api(&demo).start().await;
    gateway.get("/t/acme.example/demo/1.0/a").await.refused(404, &origin);
    gateway
        .call(get("/demo/1.0/a").host("api.acme.example"))
        .await
        .refused(404, &origin);
}
