//! A client proves itself to the token endpoint by the certificate that was registered for it, on every listener with TLS,
//! and what it is given is bound to that certificate (RFC 8705).

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::harness::*;

fn begin(origin: &Origin) -> GatewayBuilder {
    let version = version("1.0")
        .to(origin)
        .line("tiers = [\"Unlimited\"]")
        .asking("any", &["GET"], "/*");
    gateway()
        .set("oauth.algorithm", "\"ES256\"")
        .set("admin.https", "[\"127.0.0.1:0\"]")
        .api(&api("Pets", "/p").version(version))
        .tls()
}

async fn caller_as(address: SocketAddr, identity: &Identity) -> Caller {
    let config = trusting_as(identity, &["http/1.1"]);
    Caller::connect_tls(address, "gateway.test", config).await.unwrap().0
}

fn ask(client: &str) -> Call {
    let form = format!("grant_type=client_credentials&client_id={client}");
    post("/oauth2/token", form).header("Content-Type", "application/x-www-form-urlencoded")
}

/// Gets a token, and checks that it is bound to the certificate.
async fn token(caller: &mut Caller, client: &str, identity: &Identity) -> String {
    let granted = caller.call(ask(client)).await.expect(200).json();
    let token = granted["access_token"].as_str().unwrap().to_owned();
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    let digest = admin::registry::token::Digest::of_bytes(&identity.leaf());
    assert_eq!(claims["cnf"]["x5t#S256"], URL_SAFE_NO_PAD.encode(digest.0));
    token
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_registered_from_a_shell_gets_a_token_and_another_one_none() {
    let origin = origin().start().await;
    let gateway = begin(&origin).start().await;
    let app = gateway.app("joe", "Phone").await;
    gateway.subscribe(&app, "Pets", "1.0").await;
    let (own, other) = (
        Authority::new("a").identity(&["client.test"]),
        Authority::new("a").identity(&["client.test"]),
    );
    std::fs::write(gateway.path("client.pem"), &own.chain).unwrap();
    let file = gateway.path("client.pem").display().to_string();
    let said = gateway.types_app(&["keys", "Phone", "--certificate", &file]).unwrap();
    let key = app.keys.consumer_key.as_str();
    assert_eq!(said, format!("{key} proves itself by this certificate now\n"));
    for address in [gateway.https(), gateway.admin_https()] {
        let mut wrong = caller_as(address, &other).await;
        assert_eq!(wrong.call(ask(key)).await.expect(401).json()["error"], "invalid_client");
        let bare = trusting(&["http/1.1"]);
        let (mut bare, _) = Caller::connect_tls(address, "gateway.test", bare).await.unwrap();
        assert_eq!(bare.call(ask(key)).await.expect(401).json()["error"], "invalid_client");
        let mut shown = caller_as(address, &own).await;
        let token = token(&mut shown, key, &own).await;
        let call = || get("/p/1.0/a").bearer(&token);
        let served = origin.requests().len();
        caller_as(gateway.https(), &own).await.call(call()).await.expect(200);
        caller_as(gateway.https(), &other).await.call(call()).await.expect(401);
        gateway.call(call()).await.expect(401);
        assert_eq!(origin.requests().len(), served + 1);
    }
    // Where it is another's, what the first one showed is worth nothing at once.
    std::fs::write(gateway.path("client.pem"), &other.chain).unwrap();
    gateway.types_app(&["keys", "Phone", "--certificate", &file]).unwrap();
    let mut gone = caller_as(gateway.https(), &own).await;
    assert_eq!(gone.call(ask(key)).await.expect(401).json()["error"], "invalid_client");
    let mut now = caller_as(gateway.https(), &other).await;
    token(&mut now, key, &other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_the_bootstrap_file_names_gets_a_token() {
    let origin = origin().start().await;
    let own = Authority::new("a").identity(&["client.test"]);
    let bootstrap = "[[users]]\nname = \"joe\"\npassword = \"correct horse\"\n[[applications]]\nname = \"Phone\"\n\
        owner = \"joe\"\n[[applications.keys]]\ntype = \"production\"\nconsumer_key = \"phone\"\n\
        certificate = \"file:client.pem\"\n";
    let gateway = begin(&origin)
        .file("client.pem", &own.chain)
        .file("bootstrap.toml", bootstrap)
        .start()
        .await;
    let mut shown = caller_as(gateway.https(), &own).await;
    token(&mut shown, "phone", &own).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_listener_believes_a_trusted_proxy_as_the_gateway_does() {
    let origin = origin().start().await;
    let gateway = begin(&origin)
        .trusting(&["127.0.0.0/8"])
        .set("credentials.client_certificate_header", "\"X-Client-Cert\"")
        .start()
        .await;
    gateway.app("joe", "Phone").await;
    let own = Authority::new("a").identity(&["client.test"]);
    std::fs::write(gateway.path("client.pem"), &own.chain).unwrap();
    let file = gateway.path("client.pem").display().to_string();
    let typed = ["keys", "Phone", "--sandbox", "--certificate", &file];
    let said = gateway.types_app(&typed).unwrap();
    let key = said.trim().strip_prefix("consumer key: ").unwrap();
    let field = format!(":{}:", STANDARD.encode(own.leaf()));
    gateway
        .admin(ask(key).header("X-Client-Cert", &field))
        .await
        .expect(200);
    gateway.admin(ask(key)).await.expect(401);
    // Its own certificate is the proxy's, not the caller's.
    let mut proxy = caller_as(gateway.admin_https(), &own).await;
    proxy.call(ask(key)).await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_certificate_is_not_registered() {
    let origin = origin().start().await;
    let gateway = begin(&origin).start().await;
    let app = gateway.app("joe", "Phone").await;
    let own = Authority::new("a").identity(&["client.test"]);
    for (name, text, said) in [
        ("empty.pem", String::new(), "there is no certificate here"),
        ("key.pem", own.key.clone(), "there is no certificate here"),
        ("chain.pem", own.chain.repeat(2), "there are 2 certificates here"),
        ("cut.pem", own.chain.replace("-----END", ""), "cannot be read"),
    ] {
        std::fs::write(gateway.path(name), text).unwrap();
        let file = gateway.path(name).display().to_string();
        let refused = gateway
            .types_app(&["keys", "Phone", "--certificate", &file])
            .unwrap_err();
        assert!(refused.contains(said) && refused.contains(name), "{refused}");
        assert!(!refused.contains("PRIVATE"), "{refused}");
    }
    let refused = gateway.types_app(&["keys", "Phone", "--certificate", "/nonexistent.pem"]);
    assert!(
        refused
            .unwrap_err()
            .contains("the certificate in `/nonexistent.pem` cannot be read")
    );
    let client = gateway.registry().view().client(&app.keys.consumer_key).unwrap();
    assert_eq!(client.proof.certificate, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_admin_listener_answers_is_in_the_access_log_without_a_secret() {
    let origin = origin().start().await;
    let gateway = begin(&origin).start().await;
    let app = gateway.app("joe", "Phone").await;
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        app.keys.consumer_key, app.keys.consumer_secret
    );
    let asked = post("/oauth2/token?code=secret", &form)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .header("X-Request-Id", "the-first");
    gateway.admin(asked).await.expect(200);
    gateway.admin(get("/oauth2/%00")).await.expect(400);
    let records = gateway.access_log(2).await;
    let told = |place: usize, name: &str| records[place][name].clone();
    for (name, value) in [
        ("listener", "admin"),
        ("method", "POST"),
        ("path", "/oauth2/token"),
        ("request_id", "the-first"),
        ("client", "127.0.0.1"),
        ("scheme", "http"),
    ] {
        assert_eq!(told(0, name), value, "{name}");
    }
    assert_eq!((told(0, "status"), told(1, "status")), (200.into(), 400.into()));
    assert!(told(0, "duration_ms").as_f64().unwrap() > 0.0);
    assert_eq!(told(0, "request_bytes"), form.len());
    assert_eq!(told(1, "code"), "400");
    let written = serde_json::to_string(&records).unwrap();
    assert!(!written.contains("secret") && !written.contains(&app.keys.consumer_secret));
}
