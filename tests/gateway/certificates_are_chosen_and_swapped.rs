//! The TLS listener: which certificate is shown for which name, and what happens when its files change.

use crate::harness::*;

fn open(origin: &Origin) -> Api {
    api("Open", "/p").version(version("1.0").to(origin))
}

/// Returns the certificate that is shown to a caller who asks for a name.
async fn shown(gateway: &Gateway, name: &str) -> Vec<u8> {
    gateway.connect_tls(name, &[]).await.1.leaf.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_that_is_asked_for_chooses_the_certificate() {
    let origin = origin().start().await;
    let authority = Authority::new("test");
    let first = authority.identity(&["first.test"]);
    let wild = authority.identity(&["*.wild.test"]);
    let exact = authority.identity(&["exact.wild.test", "other.test"]);
    let gateway = gateway()
        .certificate("first", &first)
        .certificate("wild", &wild)
        .certificate("exact", &exact);
    let gateway = gateway.api(&open(&origin)).start().await;
    for (name, identity) in [
        ("first.test", &first),
        ("a.wild.test", &wild),
        ("exact.wild.test", &exact),
        ("OTHER.test", &exact),
        ("unknown.test", &first),
        ("a.b.wild.test", &first),
    ] {
        assert_eq!(shown(&gateway, name).await, identity.leaf(), "{name}");
    }
    let (mut caller, _) = gateway.connect_tls("exact.wild.test", &[]).await;
    caller.call(get("/p/1.0/a")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_made_where_none_is_given_and_kept() {
    let origin = origin().start().await;
    let gateway = gateway().tls().api(&open(&origin)).start().await;
    let made = shown(&gateway, "localhost").await;
    let (mut caller, _) = gateway.connect_tls("localhost", &[]).await;
    caller.call(get("/p/1.0/a")).await.expect(200);
    assert_eq!(shown(&gateway, "anything.test").await, made);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_swapped_when_its_files_change() {
    let origin = origin().start().await;
    let authority = Authority::new("test");
    let (old, new) = (authority.identity(&["a.test"]), authority.identity(&["a.test"]));
    let gateway = gateway().certificate("a", &old).api(&open(&origin)).start().await;
    assert_eq!(shown(&gateway, "a.test").await, old.leaf());
    let (mut caller, _) = gateway.connect_tls("a.test", &[]).await;
    caller.call(get("/p/1.0/a")).await.expect(200);
    std::fs::write(gateway.path("a.pem"), &new.chain).unwrap();
    std::fs::write(gateway.path("a.key"), &new.key).unwrap();
    eventually("the new certificate to be shown", async || {
        shown(&gateway, "a.test").await == new.leaf()
    })
    .await;
    // Who is connected stays connected.
    caller.call(get("/p/1.0/a")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_cannot_be_read_leaves_the_last_good_one() {
    let origin = origin().start().await;
    let authority = Authority::new("test");
    let (old, new) = (authority.identity(&["a.test"]), authority.identity(&["a.test"]));
    let gateway = gateway().certificate("a", &old).api(&open(&origin)).start().await;
    std::fs::write(gateway.path("a.pem"), "torn").unwrap();
    _ = gateway.reload();
    assert_eq!(shown(&gateway, "a.test").await, old.leaf());
    std::fs::write(gateway.path("a.pem"), &new.chain).unwrap();
    std::fs::write(gateway.path("a.key"), &new.key).unwrap();
    eventually("the mended certificate to be shown", async || {
        shown(&gateway, "a.test").await == new.leaf()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_cannot_be_read_is_shown_until_it_is_mended() {
    let origin = origin().start().await;
    let authority = Authority::new("test");
    let (old, new) = (authority.identity(&["a.test"]), authority.identity(&["a.test"]));
    let gateway = gateway().certificate("a", &old).api(&open(&origin)).start().await;
    let refused = async || gateway.status("/readyz").await.expect(200).json()["certificates"]["refused"].clone();
    let gauge = async || gateway.metric("tollgate_certificates_refused", &[]).await;
    assert_eq!((refused().await, gauge().await), (serde_json::json!([]), 0.0));
    std::fs::write(gateway.path("a.pem"), "torn").unwrap();
    eventually("the refusal to be shown", async || {
        refused().await[0]["file"]
            .as_str()
            .is_some_and(|file| file.ends_with("a.pem"))
    })
    .await;
    assert!(gauge().await > 0.0);
    gateway.reloaded();
    assert!(
        refused().await[0].is_object(),
        "a good catalog does not mend a certificate"
    );
    std::fs::write(gateway.path("a.pem"), &new.chain).unwrap();
    std::fs::write(gateway.path("a.key"), &new.key).unwrap();
    eventually("nothing to be refused", async || {
        (refused().await, gauge().await) == (serde_json::json!([]), 0.0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_text_at_the_tls_address_harms_nobody() {
    let origin = origin().start().await;
    let gateway = gateway().tls().api(&open(&origin)).start().await;
    let mut caller = Caller::connect(gateway.https()).await;
    caller.send(get("/p/1.0/a").bytes()).await;
    assert!(caller.find_reply("GET").await.is_none());
    origin.saw_nothing();
    let (mut caller, _) = gateway.connect_tls("a.test", &[]).await;
    caller.call(get("/p/1.0/a")).await.expect(200);
}
