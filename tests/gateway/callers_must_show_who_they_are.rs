//! A resource that demands a credential serves nobody without one, and says what it would take.

use crate::harness::*;

/// Serves `/p/1.0/open` to everybody and `/p/1.0/closed` to those who show who they are.
async fn serving(security: &str) -> (Origin, Gateway) {
    let origin = origin().start().await;
    let api = pets(&origin, security, "any");
    let gateway = gateway().api(&api).start().await;
    (origin, gateway)
}

fn pets(origin: &Origin, security: &str, auth: &str) -> Api {
    let version = version("1.0")
        .to(origin)
        .line(security)
        .resource(&["GET"], "/open")
        .asking(auth, &["GET", "POST"], "/closed");
    api("Pets", "/p").version(version)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_served_without_a_credential() {
    let (origin, gateway) = serving("").await;
    let reply = gateway.get("/p/1.0/closed").await.refused(401, &origin);
    assert_eq!(
        reply.header("www-authenticate"),
        Some("Bearer realm=\"carbon.super\""),
        "{reply:?}"
    );
    let fault = reply.json();
    assert_eq!(fault["code"], "900902");
    assert_eq!(fault["message"], "Missing Credentials");
    assert_eq!(
        fault["description"],
        "Make sure your API invocation call has a header: 'Authorization : Bearer ACCESS_TOKEN'"
    );
    assert_eq!(fault.get("type"), None, "security faults have no type");
    gateway.get("/p/1.0/open").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_scheme_that_is_taken_is_named_with_its_real_field() {
    let words = "security = [\"oauth2\", \"basic\", \"api_key\"]\nauthorization_header = \"X-Auth\"\n\
                 api_key_header = \"X-API-Key\"";
    let (origin, gateway) = serving(words).await;
    let reply = gateway.get("/p/1.0/closed").await.refused(401, &origin);
    assert_eq!(
        reply.header("www-authenticate"),
        Some(
            "Bearer realm=\"carbon.super\", Basic realm=\"carbon.super\", charset=\"UTF-8\", \
             ApiKey realm=\"carbon.super\""
        )
    );
    assert_eq!(
        reply.json()["description"],
        "Make sure your API invocation call has a header: 'X-Auth : Bearer ACCESS_TOKEN' or \
         'X-Auth : Basic ACCESS_TOKEN' or 'X-Api-Key : API_KEY'"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_of_a_refusal_says_what_would_be_taken() {
    let (origin, gateway) = serving("").await;
    let ask = |name: &str, value: &str| gateway.call(get("/p/1.0/closed").header(name, value));
    let problem = ask("Accept", "application/problem+json").await.refused(401, &origin);
    assert!(problem.header("www-authenticate").is_some());
    assert_eq!(
        (&problem.json()["code"], &problem.json()["status"]),
        (&"900902".into(), &401.into())
    );
    let xml = ask("Accept", "application/xml").await.refused(401, &origin);
    assert!(xml.header("www-authenticate").is_some());
    let text = xml.text();
    assert!(
        text.starts_with("<ams:fault xmlns:ams=\"http://wso2.org/apimanager/security\"><ams:code>900902</ams:code>"),
        "{text}"
    );
    let grpc = ask("Content-Type", "application/grpc").await.refused(200, &origin);
    assert_eq!(grpc.header("grpc-status"), Some("16"));
    assert!(grpc.header("www-authenticate").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_and_a_body_are_refused_alike() {
    let (origin, gateway) = serving("").await;
    let upgrade = get("/p/1.0/closed")
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("Sec-WebSocket-Version", "13");
    gateway.call(upgrade).await.refused(401, &origin);
    let mut caller = gateway.connect().await;
    caller.call(post("/p/1.0/closed", "body")).await.refused(401, &origin);
    caller.call(get("/p/1.0/open")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_resource_looks_at_no_credential_and_takes_none() {
    let (origin, gateway) = serving("security = [\"oauth2\", \"api_key\"]").await;
    let open = get("/p/1.0/open?a=%2f&apikey=tgk_x&&b")
        .header("Authorization", "Bearer nonsense")
        .header("apikey", "tgk_nonsense")
        .header("X-JWT-Assertion", "forged")
        .header("Client-Cert", ":Zm9yZ2Vk:");
    gateway.call(open).await.expect(200);
    let request = origin.only_request();
    assert_eq!(request.target, "/open?a=%2f&apikey=tgk_x&&b");
    assert_eq!(request.header("authorization"), Some("Bearer nonsense"));
    assert_eq!(request.header("apikey"), Some("tgk_nonsense"));
    assert_eq!(
        (request.header("x-jwt-assertion"), request.header("client-cert")),
        (None, None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_what_is_demanded_holds_for_the_next_request() {
    let (origin, gateway) = serving("").await;
    gateway.get("/p/1.0/closed").await.refused(401, &origin);
    gateway.edit_api(&pets(&origin, "", "none"));
    gateway.reloaded();
    gateway.get("/p/1.0/closed").await.expect(200);
    gateway.edit_api(&pets(&origin, "", "application"));
    gateway.reloaded();
    gateway.get("/p/1.0/closed").await.expect(401);
    origin.only_request();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_with_sandbox_endpoints_alone_serves_who_has_no_key() {
    let origin = origin().start().await;
    let sandbox = version("1.0").endpoints(&format!("sandbox = [{:?}]", origin.url()));
    let gateway = gateway().api(&api("Pets", "/p").version(sandbox)).start().await;
    gateway.get("/p/1.0/a").await.expect(200);
    origin.only_request();
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_are_none_refuse_the_catalog() {
    let (origin, gateway) = serving("").await;
    let words = "security = [\"mutual_tls\"]\nclient_certificates = \"\"\"\n-----BEGIN CERTIFICATE-----\n\
                 bm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n\"\"\"";
    gateway.edit_api(&pets(&origin, words, "any"));
    let violations = gateway.reload().unwrap_err();
    assert_eq!(violations.len(), 1, "{violations:?}");
    assert_eq!(
        violations[0].message,
        "certificate 1 of `client_certificates` of version `1.0` is no X.509 certificate"
    );
    assert!(
        violations[0].file.ends_with("pets.toml") && violations[0].line > 0,
        "{violations:?}"
    );
    gateway.get("/p/1.0/closed").await.refused(401, &origin);
}
