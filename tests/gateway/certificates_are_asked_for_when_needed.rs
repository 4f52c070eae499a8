//! Nobody is asked for a certificate whom no one could want it of: browsers would ask people.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::ClientConfig;

use crate::harness::*;

/// Somebody who calls, and counts the questions.
struct Asked {
    config: Arc<ClientConfig>,
    times: Arc<AtomicUsize>,
}

impl Asked {
    fn new() -> Self {
        let (config, times) = trusting_and_counting(&["http/1.1"]);
        Self { config, times }
    }

    /// Makes a connection, resuming where it may; says whether it was asked.
    async fn at(&self, gateway: &Gateway) -> (Caller, bool) {
        let before = self.times.load(Ordering::SeqCst);
        let made = Caller::connect_tls(gateway.https(), "gateway.test", Arc::clone(&self.config)).await;
        let mut caller = made.unwrap().0;
        // Tickets come with the first answer.
        caller.call(get("/nothing")).await.expect(404);
        (caller, self.times.load(Ordering::SeqCst) > before)
    }
}

fn pets(origin: &Origin, security: &str, state: &str) -> Api {
    let version = version("1.0")
        .to(origin)
        .state(state)
        .line(security)
        .asking("any", &["GET"], "/*");
    api("Pets", "/p").version(version)
}

fn by_certificate(authority: &Authority) -> String {
    let pem = authority.pem();
    format!("security = [\"mutual_tls\"]\nclient_certificates = [\"\"\"\n{pem}\"\"\"]")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_takes_one_has_it_asked_for_as_long_as_it_is_served() {
    let (origin, ours) = (origin().start().await, Authority::new("ours"));
    let open = pets(&origin, "tiers = []", "published");
    let gateway = gateway().api(&open).tls().start().await;
    let asked = Asked::new();
    let (mut old, was_asked) = asked.at(&gateway).await;
    assert!(!was_asked);
    let serve = |api: &Api| {
        gateway.edit_api(api);
        gateway.reloaded();
    };
    serve(&pets(&origin, &by_certificate(&ours), "created"));
    assert!(!asked.at(&gateway).await.1, "nobody can call it yet");
    serve(&pets(&origin, &by_certificate(&ours), "published"));
    assert!(asked.at(&gateway).await.1, "even where a session could be resumed");
    let client = trusting_as(&ours.identity(&["client.test"]), &["http/1.1"]);
    let made = Caller::connect_tls(gateway.https(), "gateway.test", client).await;
    made.unwrap().0.call(get("/p/1.0/a")).await.expect(200);
    // Who came before is told to come again.
    let refused = old.call(get("/p/1.0/a")).await.expect(401);
    assert_eq!(refused.header("connection"), Some("close"));
    old.closed().await;
    serve(&open);
    assert!(!asked.at(&gateway).await.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_has_registered_one_has_it_asked_for() {
    let gateway = gateway().set("oauth.algorithm", "\"ES256\"").tls().start().await;
    let asked = Asked::new();
    assert!(!asked.at(&gateway).await.1);
    gateway.app("joe", "Phone").await;
    let own = Authority::new("a").identity(&["client.test"]);
    std::fs::write(gateway.path("client.pem"), &own.chain).unwrap();
    let file = gateway.path("client.pem").display().to_string();
    gateway.types_app(&["keys", "Phone", "--certificate", &file]).unwrap();
    assert!(asked.at(&gateway).await.1);
    gateway.types_app(&["delete", "Phone"]).unwrap();
    assert!(!asked.at(&gateway).await.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_has_it_asked_for_always() {
    let settings = gateway().set("gateway.client_certificates", "\"always\"");
    let gateway = settings.tls().start().await;
    assert!(Asked::new().at(&gateway).await.1);
}
