//! What is kept of a body in part answers the same request for the same range, and nothing else, ever.

use std::sync::Arc;

use tollgate::bridge::socket::{self, Command};
use tollgate::cache::purge::Purge;

use crate::harness::*;

const FILE: &str = "0123456789abcdefghij";

const FIELDS: [(&str, &str); 2] = [("Cache-Control", "max-age=600"), ("ETag", "\"1\"")];

/// Answers a request for `bytes=first-last` of the file, and any other one with all of it.
fn file(request: &Request, fields: &[(&str, &str)]) -> Answer {
    let range = request.header("range").and_then(|range| range.strip_prefix("bytes="));
    let Some((first, last)) = range.and_then(|range| range.split_once('-')) else {
        return answer(200).headers(fields).body(FILE);
    };
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
    let place = format!("bytes {first}-{last}/{}", FILE.len());
    answer(206)
        .headers(fields)
        .header("Content-Range", &place)
        .body(&FILE[first..=last])
}

/// Serves the file for ten minutes.
async fn files() -> Origin {
    origin().answers(|request| file(request, &FIELDS)).start().await
}

async fn start(origin: &Origin, more: &str) -> Gateway {
    let version = version("1").to(origin).table("cache", &format!("parts = true\n{more}"));
    gateway().api(&api("Parts", "/c").version(version)).start().await
}

fn range(target: &str, range: &str) -> Call {
    get(target).header("Range", &format!("bytes={range}"))
}

fn is_hit(reply: &Reply) -> bool {
    reply
        .header("cache-status")
        .is_some_and(|status| status.starts_with("Tollgate; hit"))
}

/// Checks that a reply is these bytes of the file, and says so.
#[track_caller]
fn is_part(reply: &Reply, first: usize, last: usize) {
    let place = format!("bytes {first}-{last}/20");
    let found = (reply.status, reply.text(), reply.header("content-range"));
    assert_eq!(found, (206, FILE[first..=last].to_owned(), Some(place.as_str())));
}

/// Checks that a reply is all of the file.
#[track_caller]
fn is_whole(reply: &Reply) {
    let found = (reply.status, reply.text(), reply.header("content-range"));
    assert_eq!(found, (200, FILE.to_owned(), None));
}

/// Returns what the origin was asked for, each time: a range, or nothing for all of it.
fn asked(origin: &Origin) -> Vec<Option<String>> {
    let requests = origin.requests();
    let ranges = requests
        .iter()
        .map(|request| request.header("range").map(str::to_owned));
    ranges.collect()
}

fn some(range: &str) -> Option<String> {
    Some(format!("bytes={range}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_range_is_asked_for_and_answers_the_same_range_again() {
    let origin = files().await;
    let gateway = start(&origin, "").await;
    let first = gateway.call(range("/c/1/a", "2-4")).await;
    assert!(
        first.header("cache-status").unwrap().contains("; stored"),
        "{:?}",
        first.fields
    );
    is_part(&first, 2, 4);
    let again = gateway.call(get("/c/1/a").header("Range", "Bytes= 002-04")).await;
    assert!(is_hit(&again) && again.header("age").is_some(), "{:?}", again.fields);
    is_part(&again, 2, 4);
    // Neither what is within it nor what is beside it is made of it.
    for (first, last) in [(3, 3), (2, 5), (5, 6)] {
        let reply = gateway.call(range("/c/1/a", &format!("{first}-{last}"))).await;
        assert!(!is_hit(&reply));
        is_part(&reply, first, last);
    }
    assert_eq!(asked(&origin), [some("2-4"), some("3-3"), some("2-5"), some("5-6")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_all_of_it_never_gets_a_part() {
    let origin = files().await;
    let gateway = start(&origin, "").await;
    let keep = async |target: &str| {
        gateway.call(range(target, "0-9")).await.expect(206);
        assert!(is_hit(&gateway.call(range(target, "0-9")).await));
    };
    keep("/c/1/get").await;
    is_whole(&gateway.get("/c/1/get").await);
    keep("/c/1/head").await;
    let head = gateway.call(call("HEAD", "/c/1/head")).await.expect(200);
    let found = (
        head.header("content-length"),
        head.header("content-range"),
        is_hit(&head),
    );
    assert_eq!(found, (Some("20"), None, false));
    keep("/c/1/known").await;
    let known = gateway.call(get("/c/1/known").header("If-None-Match", "\"1\"")).await;
    assert_eq!(
        (known.status, is_hit(&known)),
        (304, false),
        "the whole was fetched, and is known"
    );
    keep("/c/1/other").await;
    let other = gateway.call(get("/c/1/other").header("If-None-Match", "\"2\"")).await;
    is_whole(&other);
    let count = origin.requests().len();
    assert_eq!(asked(&origin).iter().filter(|asked| asked.is_none()).count(), 4);
    // From now on ranges are cut from the whole.
    for target in ["/c/1/get", "/c/1/head", "/c/1/known", "/c/1/other"] {
        let reply = gateway.call(range(target, "12-13")).await;
        assert!(is_hit(&reply), "{target}");
        is_part(&reply, 12, 13);
        is_whole(&gateway.get(target).await);
    }
    assert_eq!(origin.requests().len(), count);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_endpoint_can_tell_it_is_asked_as_it_was_said() {
    let origin = origin()
        .answers(|request| {
            let is_many = request.header("range") == Some("bytes=0-1,4-5");
            match request.header("if-range") {
                Some("\"2\"") => answer(200).headers(&FIELDS).body(FILE),
                _ if is_many => answer(206).headers(&FIELDS).body("--x--"),
                _ => file(request, &FIELDS),
            }
        })
        .start()
        .await;
    let gateway = start(&origin, "").await;
    gateway.call(range("/c/1/a", "0-9")).await.expect(206);
    for round in 0..2 {
        let changed = range("/c/1/a", "0-9").header("If-Range", "\"2\"");
        is_whole(&gateway.call(changed).await);
        let same = range("/c/1/a", "0-9").header("If-Range", "\"1\"");
        is_part(&gateway.call(same).await, 0, 9);
        gateway.call(range("/c/1/a", "0-1,4-5")).await.expect(206);
        let guarded = range("/c/1/a", "0-9").header("If-Match", "\"2\"");
        gateway.call(guarded).await.expect(206);
        assert_eq!(origin.requests().len(), 1 + 4 * (round + 1));
        assert_eq!(origin.last_request().header("if-match"), Some("\"2\""));
    }
    // What was kept before is there as it was, and nothing else is.
    assert!(is_hit(&gateway.call(range("/c/1/a", "0-9")).await));
    assert_eq!(gateway.metric("tollgate_cache_entries", &[]).await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_fetch_gets_what_was_asked_for() {
    let gate = Gate::new();
    let held = gate.clone();
    let origin = origin()
        .answers(move |request| file(request, &FIELDS).behind(&held))
        .start()
        .await;
    let gateway = Arc::new(start(&origin, "").await);
    let ask = |call: Call| {
        let gateway = Arc::clone(&gateway);
        tokio::spawn(async move { gateway.call(call).await })
    };
    let mut parts = Vec::new();
    let mut wholes = Vec::new();
    for _ in 0..20 {
        parts.push(ask(range("/c/1/a", "0-9")));
        wholes.push(ask(get("/c/1/a")));
    }
    let under_way = async || gateway.metric("tollgate_requests_in_flight", &[]).await;
    eventually("all requests", async || {
        under_way().await == 40.0 && origin.requests().len() == 2
    })
    .await;
    gate.open_for_all();
    for part in parts {
        is_part(&part.await.unwrap(), 0, 9);
    }
    for whole in wholes {
        is_whole(&whole.await.unwrap());
    }
    let mut asked = asked(&origin);
    asked.sort();
    assert_eq!(asked, [None, some("0-9")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_still_good_stays_a_part() {
    let origin = origin()
        .answers(|request| {
            let tag = if request.target == "/weak" { "W/\"1\"" } else { "\"1\"" };
            let is_known = request.header("if-none-match").is_some() && request.target != "/changed";
            let fields = [("Cache-Control", "max-age=10"), ("Age", "11"), ("ETag", tag)];
            if is_known {
                answer(304).headers(&fields)
            } else {
                file(request, &fields)
            }
        })
        .start()
        .await;
    let gateway = start(&origin, "").await;
    for target in ["/c/1/same", "/c/1/changed", "/c/1/weak"] {
        gateway.call(range(target, "0-9")).await.expect(206);
        let again = gateway.call(range(target, "0-9")).await;
        is_part(&again, 0, 9);
        let last = origin.last_request();
        assert_eq!(last.header("range"), Some("bytes=0-9"), "{target}");
        // A weak tag does not say that bytes are the same.
        let is_asked = last.header("if-none-match").is_some();
        assert_eq!(is_asked, target != "/c/1/weak", "{target}");
        let is_good = again.header("cache-status").unwrap().contains("fwd-status=304");
        assert_eq!(is_good, target == "/c/1/same", "{target}");
        is_whole(&gateway.get(target).await);
        assert_eq!(origin.last_request().header("range"), None);
        assert_eq!(
            origin.last_request().header("if-none-match"),
            None,
            "nothing whole is kept"
        );
    }
    assert_eq!(origin.requests().len(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stale_of_a_part_bridges_and_renews_that_part_alone() {
    let origin = origin()
        .answers(|request| {
            if request.header("x-fail").is_some() {
                return answer(503).body("down");
            }
            let more = match (request.target.as_str(), request.header("if-none-match")) {
                ("/renewed", Some(_)) => return file(request, &[("Cache-Control", "max-age=600")]),
                ("/renewed", None) => "stale-while-revalidate=600",
                _ => "stale-if-error=600",
            };
            let control = format!("max-age=10, {more}");
            file(
                request,
                &[("Cache-Control", &control), ("Age", "11"), ("ETag", "\"1\"")],
            )
        })
        .start()
        .await;
    let gateway = start(&origin, "unkeyed_headers = [\"X-Fail\"]").await;
    let failing = |call: Call| call.header("X-Fail", "yes");
    gateway.call(range("/c/1/a", "0-9")).await.expect(206);
    is_part(&gateway.call(failing(range("/c/1/a", "0-9"))).await, 0, 9);
    for call in [get("/c/1/a"), call("HEAD", "/c/1/a"), range("/c/1/a", "0-8")] {
        gateway.call(failing(call)).await.expect(503);
    }
    gateway.call(range("/c/1/renewed", "0-9")).await.expect(206);
    let stale = gateway.call(range("/c/1/renewed", "0-9")).await;
    assert!(
        stale
            .header("cache-status")
            .unwrap()
            .starts_with("Tollgate; hit; ttl=-")
    );
    let before = origin.requests().len();
    eventually("the renewal", async || {
        let reply = gateway.call(range("/c/1/renewed", "0-9")).await;
        is_part(&reply, 0, 9);
        reply
            .header("cache-status")
            .unwrap()
            .starts_with("Tollgate; hit; ttl=5")
    })
    .await;
    assert!(origin.requests().len() <= before + 1);
    assert_eq!(origin.last_request().header("range"), Some("bytes=0-9"));
    is_whole(&gateway.get("/c/1/renewed").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_or_purged_is_forgotten_in_parts_too() {
    let origin = origin()
        .answers(|request| match request.method.as_str() {
            "GET" => file(request, &[("Cache-Control", "max-age=600"), ("Surrogate-Key", "red")]),
            _ => answer(204),
        })
        .start()
        .await;
    let gateway = start(&origin, "").await;
    let mut fetches = 0;
    for what in [
        "PUT",
        r#"{"url": "/c/1/a"}"#,
        r#"{"tag": "red"}"#,
        r#"{"everything": true}"#,
    ] {
        for last in ["4", "5"] {
            gateway.call(range("/c/1/a", &format!("0-{last}"))).await.expect(206);
            assert!(
                is_hit(&gateway.call(range("/c/1/a", &format!("0-{last}"))).await),
                "{what}"
            );
        }
        if what == "PUT" {
            gateway.call(call("PUT", "/c/1/a").body("x")).await.expect(204);
        } else {
            let named: Purge = serde_json::from_str(what).unwrap();
            let data = gateway.path("data");
            let asked = || socket::ask(&data, Command::Purge(Box::new(named)), PATIENCE);
            tokio::task::block_in_place(asked).unwrap();
        }
        fetches += 2;
        let gets = origin
            .requests()
            .iter()
            .filter(|request| request.method == "GET")
            .count();
        assert_eq!(gets, fetches, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_part_of_something_known_is_not_kept() {
    let origin = origin()
        .answers(|request| {
            let fields = match request.target.as_str() {
                "/guessed" => [("Last-Modified", "Thu, 01 Jan 2015 00:00:00 GMT"), ("ETag", "W/\"1\"")],
                _ => FIELDS,
            };
            let place = |place: &str| answer(206).headers(&fields).header("Content-Range", place);
            match request.target.as_str() {
                "/ignored" => answer(200).headers(&fields).body(FILE),
                "/unplaced" => answer(206).headers(&fields).body("01"),
                "/endless" => place("bytes 0-1/*").body("01"),
                "/twice" => place("bytes 0-1/20").header("Content-Range", "bytes 2-3/20").body("01"),
                "/beyond" => answer(416)
                    .headers(&fields)
                    .header("Content-Range", "bytes */1")
                    .body(""),
                _ => place("bytes 0-1/20").body("01"),
            }
        })
        .start()
        .await;
    let gateway = start(&origin, "").await;
    let targets = ["/ignored", "/unplaced", "/endless", "/twice", "/beyond", "/guessed"];
    for target in targets {
        for _ in 0..3 {
            let reply = gateway.call(range(&format!("/c/1{target}"), "0-1")).await;
            assert!(!is_hit(&reply), "{target}: {:?}", reply.fields);
        }
    }
    // Nobody asked for a part.
    for _ in 0..3 {
        assert!(!is_hit(&gateway.get("/c/1/unasked").await.expect(206)));
    }
    assert_eq!(origin.requests().len(), 21);
    assert_eq!(gateway.metric("tollgate_cache_entries", &[]).await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_are_told_apart_as_wholes_are() {
    let origin = origin()
        .answers(|request| {
            let name = request.header("x-name").unwrap_or("nobody").to_owned();
            let place = format!("bytes 0-{}/20", name.len() - 1);
            let control = if request.target == "/public" {
                "public, max-age=600"
            } else {
                "max-age=600"
            };
            let answer = answer(206)
                .header("Content-Range", &place)
                .header("Cache-Control", control);
            if request.target == "/open" {
                answer.header("Vary", "X-Name")
            } else {
                answer
            }
            .body(name)
        })
        .start()
        .await;
    let version = version("1")
        .to(&origin)
        .table("cache", "parts = true\nunkeyed_headers = [\"X-Name\"]")
        .asking("any", &["GET"], "/own")
        .asking("any", &["GET"], "/public")
        .resource(&["GET"], "/open");
    let api = api("Own", "/o").version(version);
    let gateway = gateway().set("oauth.algorithm", "\"ES256\"").api(&api).start().await;
    let own = ("Own", "1");
    let tokens = [
        gateway.subscriber("One", own).await,
        gateway.subscriber("Two", own).await,
    ];
    let part = |target: &str, name: &str| range(target, "0-9").header("X-Name", name);
    for round in 0..2 {
        for (name, token) in ["one", "two"].into_iter().zip(&tokens) {
            for call in [part("/o/1/own", name).bearer(token), part("/o/1/open", name)] {
                let reply = gateway.call(call).await.expect(206);
                assert_eq!((reply.text().as_str(), is_hit(&reply)), (name, round == 1), "{reply:?}");
            }
        }
    }
    gateway.call(range("/o/1/own", "0-9")).await.expect(401);
    assert_eq!(origin.requests().len(), 4);
    gateway
        .call(part("/o/1/public", "one").bearer(&tokens[0]))
        .await
        .expect(206);
    for token in &tokens {
        gateway.call(part("/o/1/public", "two").bearer(token)).await.expect(206);
    }
    let last = gateway.call(part("/o/1/public", "three").bearer(&tokens[0])).await;
    assert_eq!(
        (last.text().as_str(), is_hit(&last)),
        ("two", true),
        "it is everybody's"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_ranges_takes_no_more_than_its_version_may() {
    let body = "x".repeat(2000);
    let origin = origin()
        .answers(move |request| {
            let Some(range) = request.header("range") else {
                return answer(200).header("Cache-Control", "max-age=600").body("whole");
            };
            let first: usize = range
                .trim_start_matches("bytes=")
                .split('-')
                .next()
                .unwrap()
                .parse()
                .unwrap();
            let place = format!("bytes {first}-{}/2000", 1999);
            let answer = answer(206).header("Cache-Control", "max-age=600");
            answer.header("Content-Range", &place).body(&body[first..])
        })
        .start()
        .await;
    let gateway = start(&origin, "max_entries = 8").await;
    let mut caller = gateway.connect().await;
    caller.call(get("/c/1/whole")).await.expect(200);
    for first in 0..200 {
        caller.call(range("/c/1/flood", &format!("{first}-"))).await.expect(206);
        if first % 4 == 0 {
            assert!(is_hit(&caller.call(get("/c/1/whole")).await), "what is asked for stays");
        }
        assert!(gateway.metric("tollgate_cache_entries", &[]).await <= 8.0);
    }
    assert_eq!(origin.requests().len(), 201);
}
