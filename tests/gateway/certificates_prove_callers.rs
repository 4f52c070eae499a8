//! A client certificate proves a caller where TLS has proven its key, or a trusted proxy says so; nobody else is believed.

use admin::registry::key_pair::{ClientProof, KeyType};
use admin::registry::token::Digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::harness::*;

/// Serves `/p/1.0/a` to those who show a certificate that the version takes.
fn pets(origin: &Origin, taken: &[&str], security: &str) -> Api {
    let list: Vec<String> = taken.iter().map(|pem| format!("\"\"\"\n{pem}\"\"\"")).collect();
    let version = version("1.0")
        .to(origin)
        .line(&format!(
            "security = {security}\nclient_certificates = [{}]",
            list.join(", ")
        ))
        .asking("any", &["GET"], "/*");
    api("Pets", "/p").version(version)
}

fn begin() -> GatewayBuilder {
    gateway().set("oauth.algorithm", "\"ES256\"").tls()
}

async fn caller_as(gateway: &Gateway, identity: &Identity) -> std::io::Result<Caller> {
    Caller::connect_tls(gateway.https(), "gateway.test", trusting_as(identity, &["http/1.1"]))
        .await
        .map(|(caller, _)| caller)
}

/// Writes a certificate as proxies put it into a field.
fn field(identity: &Identity) -> String {
    format!(":{}:", STANDARD.encode(identity.leaf()))
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_a_listed_leaf_or_one_of_a_listed_authority_is_taken() {
    let origin = origin().start().await;
    let (ours, foreign) = (Authority::new("ours"), Authority::new("foreign"));
    let pinned = foreign.identity(&["pinned.test"]);
    let api = pets(&origin, &[&ours.pem(), &pinned.chain], "[\"mutual_tls\"]");
    let gateway = begin().api(&api).start().await;
    for identity in [ours.identity(&["client.test"]), pinned] {
        let mut caller = caller_as(&gateway, &identity).await.unwrap();
        caller.call(get("/p/1.0/a")).await.expect(200);
    }
    assert_eq!(origin.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_a_foreign_an_expired_and_no_certificate_are_not() {
    let origin = origin().start().await;
    let (ours, foreign) = (Authority::new("ours"), Authority::new("foreign"));
    // Of the same name, but not the same key.
    let forged = Authority::new("ours");
    let expired_and_listed = ours.expired(&["listed.test"]);
    let api = pets(&origin, &[&ours.pem(), &expired_and_listed.chain], "[\"mutual_tls\"]");
    let gateway = begin().api(&api).start().await;
    for identity in [
        foreign.identity(&["client.test"]),
        forged.identity(&["client.test"]),
        ours.expired(&["client.test"]),
        expired_and_listed,
    ] {
        // Whether it ends the handshake or gets an answer: it is not served.
        if let Ok(mut caller) = caller_as(&gateway, &identity).await
            && let Some(reply) = caller.find_reply_to(get("/p/1.0/a")).await
        {
            assert_eq!(reply.refused(401, &origin).json()["code"], "900901");
        }
        origin.saw_nothing();
    }
    let (mut caller, _) = gateway.connect_tls("gateway.test", &["http/1.1"]).await;
    assert_eq!(
        caller.call(get("/p/1.0/a")).await.refused(401, &origin).json()["code"],
        "900902"
    );
    gateway.get("/p/1.0/a").await.refused(401, &origin);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_is_believed_from_a_trusted_proxy_alone() {
    let (ours, trusted) = (Authority::new("ours"), "127.0.0.0/8");
    let (client, stranger) = (
        ours.identity(&["client.test"]),
        Authority::new("foreign").identity(&["x.test"]),
    );
    for (is_trusted, is_configured) in [(true, true), (false, true), (true, false)] {
        let origin = origin().start().await;
        let mut builder = begin().api(&pets(&origin, &[&ours.pem()], "[\"mutual_tls\"]"));
        if is_trusted {
            builder = builder.trusting(&[trusted]);
        }
        if is_configured {
            builder = builder.set("credentials.client_certificate_header", "\"X-Client-Certificate\"");
        }
        let gateway = builder.start().await;
        let says = |name: &str, value: &str| get("/p/1.0/a").header(name, value);
        let good = field(&client);
        // Spelled otherwise, by a stranger's authority, twice, or broken.
        for call in [
            says("X_Client_Certificate", &good),
            says("Client-Cert", &good),
            says("X-Client-Certificate", &field(&stranger)),
            says("X-Client-Certificate", &good).header("X-Client-Certificate", &good),
            says("X-Client-Certificate", "nonsense"),
        ] {
            gateway.call(call).await.refused(401, &origin);
        }
        let reply = gateway.call(says("X-Client-Certificate", &good)).await;
        if is_trusted && is_configured {
            reply.expect(200);
            let head = String::from_utf8_lossy(&origin.only_request().head).to_ascii_lowercase();
            assert!(!head.contains("client-cert"), "{head}");
        } else {
            reply.refused(401, &origin);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_and_a_token_are_both_demanded_where_both_are_mandatory() {
    let origin = origin().start().await;
    let ours = Authority::new("ours");
    let both = "[\"oauth2\", \"mutual_tls\", \"mutual_tls_mandatory\", \"oauth2_basic_api_key_mandatory\"]";
    let gateway = begin().api(&pets(&origin, &[&ours.pem()], both)).start().await;
    let app = gateway.app("joe", "Phone").await;
    gateway.subscribe(&app, "Pets", "1.0").await;
    let token = gateway.app_token(&app.keys).await;
    let mut shown = caller_as(&gateway, &ours.identity(&["client.test"])).await.unwrap();
    let (mut bare, _) = gateway.connect_tls("gateway.test", &["http/1.1"]).await;
    let with_token = || get("/p/1.0/a").bearer(&token);
    bare.call(get("/p/1.0/a")).await.refused(401, &origin);
    bare.call(with_token()).await.refused(401, &origin);
    shown.call(get("/p/1.0/a")).await.refused(401, &origin);
    shown
        .call(get("/p/1.0/a").bearer("nonsense"))
        .await
        .refused(401, &origin);
    shown.call(with_token()).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_bound_to_a_certificate_is_worth_nothing_without_it() {
    let origin = origin().start().await;
    let ours = Authority::new("ours");
    let version = version("1.0")
        .to(&origin)
        .line("tiers = []")
        .asking("any", &["GET"], "/*");
    let gateway = begin().api(&api("Pets", "/p").version(version)).start().await;
    let (client, other) = (ours.identity(&["client.test"]), ours.identity(&["other.test"]));
    let app = gateway.app("joe", "Phone").await;
    let proof = ClientProof {
        certificate: Some(Digest::of_bytes(&client.leaf())),
        ..ClientProof::default()
    };
    let keys = gateway.keys(app.id, KeyType::Sandbox, proof).await;
    let form = format!("grant_type=client_credentials&client_id={}", keys.consumer_key);
    let ask = || {
        let call = post("/oauth2/token", &form);
        call.header("Content-Type", "application/x-www-form-urlencoded")
    };
    let (mut shown, mut wrong) = (
        caller_as(&gateway, &client).await.unwrap(),
        caller_as(&gateway, &other).await.unwrap(),
    );
    let (mut bare, _) = gateway.connect_tls("gateway.test", &["http/1.1"]).await;
    wrong.call(ask()).await.expect(401);
    bare.call(ask()).await.expect(401);
    let token = shown.call(ask()).await.expect(200).json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let call = || get("/p/1.0/a").bearer(&token);
    for caller in [&mut wrong, &mut bare] {
        caller.call(call()).await.refused(401, &origin);
    }
    // Warm, and from here on refused all the same. There is no sandbox, so a good token gets past the proof alone.
    let fault = shown.call(call()).await.refused(403, &origin).json();
    assert_eq!(fault["code"], "900901");
    for caller in [&mut wrong, &mut bare] {
        caller.call(call()).await.refused(401, &origin);
    }
}
