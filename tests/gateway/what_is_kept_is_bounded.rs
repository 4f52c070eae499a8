//! What is kept of responses has bounds, and traffic goes on at each of them.

use crate::harness::*;

/// Answers with as many bytes as the target's last segment says, in one piece or, below `/c`, in chunks.
async fn sized() -> Origin {
    let gate = Gate::new();
    gate.open_for_all();
    origin()
        .answers(move |request| {
            let path = request.target.split('?').next().unwrap_or_default();
            let size: usize = path.rsplit('/').next().unwrap().parse().unwrap();
            let body: String = "0123456789".chars().cycle().take(size).collect();
            let answer = answer(200)
                .header("Cache-Control", "max-age=600")
                .header("ETag", "\"1\"");
            if path.starts_with("/c/") {
                answer.chunks(&gate, &[&body[..size / 2], &body[size / 2..]])
            } else {
                answer.body(body)
            }
        })
        .start()
        .await
}

fn kept(label: &str, origin: &Origin, lines: &str) -> Version {
    version(label).to(origin).table("cache", lines)
}

/// Calls, and tells whether what is kept was used.
async fn is_hit(gateway: &Gateway, target: &str) -> bool {
    let reply = gateway.get(target).await.expect(200);
    reply.header("cache-status").unwrap().starts_with("Tollgate; hit")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_and_a_resource_keep_no_more_than_they_state() {
    let origin = sized().await;
    let few = |most: u32| {
        kept("1", &origin, &format!("max_entries = {most}"))
            .resource(&["GET"], "/a/{size}")
            .resource(&["GET"], "/b/{size}")
            .resource(&["GET"], "/own/{size}")
            .resource_line("cache = { max_entries = 1 }")
    };
    let named = |few: Version| api("Few", "/f").version(few).version(kept("2", &origin, ""));
    let gateway = gateway().api(&named(few(3))).start().await;
    let targets = ["/f/1/a/1", "/f/1/b/2", "/f/1/a/3", "/f/1/own/1", "/f/2/a/1", "/f/2/a/2"];
    for target in targets {
        assert!(!is_hit(&gateway, target).await);
    }
    for target in targets {
        assert!(is_hit(&gateway, target).await, "{target}");
    }
    // Both resources are of one version; the third one states a bound of its own.
    assert!(!is_hit(&gateway, "/f/1/b/4").await && is_hit(&gateway, "/f/1/b/4").await);
    assert_eq!(gateway.metric("tollgate_cache_entries", &[]).await, 6.0);
    assert!(!is_hit(&gateway, "/f/1/own/2").await && !is_hit(&gateway, "/f/1/own/1").await);
    assert_eq!(gateway.metric("tollgate_cache_entries", &[]).await, 6.0);
    assert_eq!(gateway.metric("tollgate_cache_evictions_total", &[]).await, 3.0);
    // How many are kept shapes no response: what is kept stays.
    gateway.edit_api(&named(few(4)));
    gateway.reloaded();
    assert!(is_hit(&gateway, "/f/1/b/4").await);
    assert!(!is_hit(&gateway, "/f/1/a/5").await);
    assert_eq!(gateway.metric("tollgate_cache_entries", &[]).await, 7.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_cache_keeps_serving() {
    let origin = sized().await;
    let gateway = gateway()
        .set("cache.memory", "\"1MiB\"")
        .set("cache.max_body", "\"64KiB\"")
        .api(&api("C", "/c").version(kept("1", &origin, "")))
        .start()
        .await;
    let mut caller = gateway.connect().await;
    for number in 0..120 {
        let shape = if number % 2 == 0 { "a" } else { "c" };
        let reply = caller
            .call(get(&format!("/c/1/{shape}/40000?n={number}")))
            .await
            .expect(200);
        assert_eq!(reply.body.len(), 40_000);
        assert!(gateway.metric("tollgate_cache_bytes", &[]).await <= f64::from(1 << 20));
    }
    let count = async |name: &str| gateway.metric(name, &[]).await;
    assert!(count("tollgate_cache_evictions_total").await > 80.0);
    assert_eq!(count("tollgate_cache_not_stored_total").await, 0.0);
    assert!(!is_hit(&gateway, "/c/1/a/7").await && is_hit(&gateway, "/c/1/a/7").await);
    // It is counted before it is logged.
    gateway.access_log(122).await;
    assert_eq!(count("tollgate_cache_served_bytes_total").await, 7.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_process_does_not_take_makes_nobody_wait() {
    let gate = Gate::new();
    let waiting = gate.clone();
    let origin = origin()
        .answers(move |_| {
            let answer = answer(200).header("Cache-Control", "max-age=600");
            answer.body(vec![b'x'; 100_000]).behind(&waiting)
        })
        .start()
        .await;
    let gateway = gateway()
        .set("cache.max_body", "\"64KiB\"")
        .api(&api("C", "/c").version(kept("1", &origin, "max_body = \"1MiB\"")))
        .start()
        .await;
    gate.open();
    gateway.get("/c/1/a").await.expect(200);
    // It is known by now for being too large, so that requests for it go on side by side.
    let both = async { tokio::join!(gateway.get("/c/1/a"), gateway.get("/c/1/a")) };
    let seen = async {
        origin.saw(3).await;
        gate.open_for_all();
    };
    let ((one, other), ()) = tokio::join!(both, seen);
    assert_eq!(
        (one.expect(200).body.len(), other.expect(200).body.len()),
        (100_000, 100_000)
    );
    assert_eq!(gateway.metric("tollgate_cache_entries", &[]).await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_are_cut_from_what_came_in_chunks() {
    let origin = sized().await;
    let gateway = gateway()
        .api(&api("C", "/c").version(kept("1", &origin, "")))
        .start()
        .await;
    let first = gateway.get("/c/1/c/20").await.expect(200);
    assert_eq!((first.header("content-length"), first.text().len()), (None, 20));
    let range = async |range: &str, condition: &str| {
        let call = get("/c/1/c/20").header("Range", range).header("If-Range", condition);
        gateway.call(call).await
    };
    let one = range("bytes=8-12", "\"1\"").await.expect(206);
    let of = ["content-range", "content-length"].map(|name| one.header(name));
    assert_eq!((one.text().as_str(), of), ("89012", [Some("bytes 8-12/20"), Some("5")]));
    let last = range("bytes=-3", "\"1\"").await.expect(206);
    assert_eq!(last.text(), "789");
    assert_eq!(range("bytes=8-12", "\"2\"").await.expect(200).text().len(), 20);
    let beyond = range("bytes=20-", "\"1\"").await.expect(416);
    assert_eq!(beyond.header("content-range"), Some("bytes */20"));
    let two = range("bytes=0-1,5-6", "\"1\"").await.expect(206);
    assert!(
        two.header("content-type")
            .unwrap()
            .starts_with("multipart/byteranges; boundary=")
    );
    let text = two.text();
    assert!(
        text.contains("bytes 0-1/20\r\n\r\n01\r\n") && text.contains("bytes 5-6/20\r\n\r\n56\r\n"),
        "{text}"
    );
    let whole = gateway.get("/c/1/c/20").await.expect(200);
    assert_eq!(
        (whole.header("content-length"), whole.text()),
        (Some("20"), first.text())
    );
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writes_do_not_empty_the_cache() {
    let origin = origin()
        .answers(|request| {
            let control = if request.method == "PUT" {
                "no-store"
            } else {
                "max-age=600"
            };
            answer(200).header("Cache-Control", control).body("x")
        })
        .start()
        .await;
    let version = kept("1", &origin, "").resource(&["GET", "PUT"], "/*");
    let gateway = gateway().api(&api("C", "/c").version(version)).start().await;
    gateway.get("/c/1/other").await.expect(200);
    let mut caller = gateway.connect().await;
    for number in 0..4_200 {
        caller
            .call(call("PUT", &format!("/c/1/items/1?x={number}")))
            .await
            .expect(200);
    }
    assert!(is_hit(&gateway, "/c/1/other").await);
    assert!(gateway.metric("tollgate_cache_purges", &[]).await <= 16_384.0);
}
