//! Several endpoints of one version: whose turn it is, where paths go, and what stays on one endpoint.

use crate::harness::*;

async fn pair() -> (Origin, Origin) {
    (origin().says("one").start().await, origin().says("two").start().await)
}

async fn serving(version: Version) -> Gateway {
    gateway().api(&api("Open", "/p").version(version)).start().await
}

fn over(origins: (&Origin, &Origin)) -> Version {
    version("1.0").production(&[&origins.0.url(), &origins.1.url()])
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_take_turns() {
    let (one, two) = pair().await;
    let gateway = serving(over((&one, &two))).await;
    for _ in 0..10 {
        gateway.get("/p/1.0/a").await.expect(200);
    }
    assert_eq!((one.requests().len(), two.requests().len()), (5, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_least_busy_endpoint_is_next() {
    let gates = [Gate::new(), Gate::new()];
    let mut origins = Vec::new();
    for gate in gates.clone() {
        let held = origin().answers(move |_| answer(200).body("held").behind(&gate));
        origins.push(held.start().await);
    }
    let gateway = serving(over((&origins[0], &origins[1])).balance("least_connections")).await;
    let seen = || [origins[0].requests().len(), origins[1].requests().len()];
    let mut waiting = Vec::new();
    let mut send = async |count: usize| {
        for _ in 0..count {
            let before = seen();
            let mut caller = gateway.connect().await;
            caller.send(get("/p/1.0/a").bytes()).await;
            eventually("the request to arrive", async || seen() != before).await;
            waiting.push(caller);
        }
    };
    send(6).await;
    assert_eq!(seen(), [3, 3]);
    for _ in 0..3 {
        gates[1].open();
    }
    gateway.access_log(3).await;
    send(2).await;
    assert_eq!(seen(), [3, 5], "whoever is busy gets no more while another is free");
    gates.iter().for_each(Gate::open_for_all);
    for mut caller in waiting {
        caller.reply().await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hashes_alike_stays_on_one_endpoint() {
    let (one, two) = pair().await;
    let hashing = over((&one, &two))
        .balance("consistent_hash")
        .endpoints("hash_on = \"header:X-Session\"");
    let gateway = serving(hashing).await;
    let mut first_choices = Vec::new();
    for session in 0..20 {
        let session = format!("session-{session}");
        let call = || get("/p/1.0/a").header("X-Session", &session);
        let first = gateway.call(call()).await.expect(200).text();
        for _ in 0..3 {
            assert_eq!(gateway.call(call()).await.expect(200).text(), first);
        }
        first_choices.push(first);
    }
    assert!(first_choices.contains(&"one".to_owned()) && first_choices.contains(&"two".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_of_one_address_hash_alike() {
    let (one, two) = pair().await;
    let gateway = serving(over((&one, &two)).balance("consistent_hash")).await;
    for _ in 0..6 {
        gateway.get("/p/1.0/a").await.expect(200);
    }
    assert!(matches!((one.requests().len(), two.requests().len()), (6, 0) | (0, 6)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_base_path_of_an_endpoint_comes_first() {
    let origin = origin().start().await;
    let plain = version("1.0").production(&[&format!("{}/base/v1", origin.url())]);
    let slashed = version("2.0").production(&[&format!("{}/base/", origin.url())]);
    let bare = version("3.0").production(&[&format!("{}/", origin.url())]);
    let open = api("Open", "/p").version(plain).version(slashed).version(bare);
    let gateway = gateway().api(&open).start().await;
    for (asked, sent) in [
        ("/p/1.0/a/b?c", "/base/v1/a/b?c"),
        ("/p/1.0/", "/base/v1/"),
        ("/p/2.0/a", "/base/a"),
        ("/p/3.0/a/", "/a/"),
    ] {
        gateway.get(asked).await.expect(200);
        assert_eq!(origin.last_request().target, sent);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_connection_is_used_again() {
    let origin = origin().start().await;
    let gateway = serving(version("1.0").to(&origin)).await;
    let mut caller = gateway.connect().await;
    for _ in 0..10 {
        caller.call(get("/p/1.0/a")).await.expect(200);
    }
    assert_eq!((origin.requests().len(), origin.connections()), (10, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_may_be_named_by_a_hostname() {
    let origin = origin().start().await;
    let url = format!("http://localhost:{}", origin.address().port());
    let gateway = serving(version("1.0").production(&[&url])).await;
    gateway.get("/p/1.0/a").await.expect(200);
    assert_eq!(origin.only_request().header("host"), url.strip_prefix("http://"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_to_an_endpoint_is_used_again_and_closed_in_time() {
    let origin = origin().start().await;
    let gateway = gateway()
        .set("upstream.idle_timeout", "\"3s\"")
        .api(&api("Open", "/p").version(version("1.0").to(&origin)))
        .start()
        .await;
    // A call may come before the connection of the last one was put away.
    eventually("a connection to be used again", async || {
        let before = origin.connections();
        gateway.get("/p/1.0/a").await.expect(200);
        before > 0 && origin.connections() == before
    })
    .await;
    eventually("every idle connection to be closed", async || {
        origin.open_connections() == 0
    })
    .await;
    let before = origin.connections();
    gateway.get("/p/1.0/a").await.expect(200);
    assert_eq!(origin.connections(), before + 1);
}
