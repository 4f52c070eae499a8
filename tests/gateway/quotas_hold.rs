//! Never more than a quota passes, a lone caller gets all of it, and what is over is told so as it was stated.

use std::collections::BTreeMap;

use admin::model::name::TierName;
use admin::registry::application::TokenType;
use serde_json::json;

use crate::harness::*;

const HOUR: &str = "per = \"1h\"";

fn tier(level: &str, name: &str, limits: &str) -> String {
    format!("[[tiers]]\nname = {name:?}\nlevel = {level:?}\nlimits = [{limits}]\n")
}

/// Serves everything on `/p/1.0` to anybody, with this line in the version and these tiers.
async fn open(origin: &Origin, line: &str, tiers: &str) -> Gateway {
    let pets = api("Pets", "/p").version(version("1.0").to(origin).line(line));
    let gateway = gateway().api(&pets).file("catalog/tiers.toml", tiers);
    gateway.trusting(&["127.0.0.1"]).start().await
}

fn from(address: &str) -> Call {
    get("/p/1.0/a").header("X-Forwarded-For", address)
}

#[tokio::test(flavor = "multi_thread")]
async fn never_more_than_the_quota_passes_and_never_less() {
    let origin = origin().start().await;
    let limits = format!("{{ requests = 60, {HOUR} }}");
    let gateway = open(&origin, "tier = \"Some\"", &tier("resource", "Some", &limits)).await;
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let mut caller = gateway.connect().await;
        callers.spawn(async move {
            let mut statuses = BTreeMap::<u16, usize>::new();
            for _ in 0..10 {
                *statuses.entry(caller.call(get("/p/1.0/a")).await.status).or_default() += 1;
            }
            statuses
        });
    }
    let mut statuses = BTreeMap::<u16, usize>::new();
    for of_one in callers.join_all().await {
        for (status, count) in of_one {
            *statuses.entry(status).or_default() += count;
        }
    }
    assert_eq!(statuses, BTreeMap::from([(200, 60), (429, 100)]));
    assert_eq!(origin.requests().len(), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_what_the_system_we_replace_says_and_when_to_come_again() {
    let origin = origin().start().await;
    let limits = "{ requests = 2, calendar = \"month\", zone = \"Europe/Zurich\" }, { requests = 100, per = \"1m\" }";
    let gateway = open(&origin, "tier = \"Month\"", &tier("resource", "Month", limits)).await;
    let mut caller = gateway.connect().await;
    let policy = "\"resource:Month:requests\";q=2, \"resource:Month:requests-2\";q=100;w=60";
    for left in [1, 0] {
        let reply = caller.call(get("/p/1.0/a")).await.expect(200);
        assert_eq!(reply.header("RateLimit-Policy"), Some(policy));
        let limit = reply.header("RateLimit").unwrap();
        let (month, minute) = limit.split_once(", ").unwrap();
        assert!(
            month.starts_with(&format!("\"resource:Month:requests\";r={left};t=")),
            "{limit}"
        );
        assert_eq!(minute, format!("\"resource:Month:requests-2\";r={};t=60", 98 + left));
        assert_eq!(reply.header("X-RateLimit-Limit"), None);
    }
    let reply = caller.call(post("/p/1.0/a", "a small body")).await.expect(429);
    assert_eq!(origin.requests().len(), 2);
    let wait: u64 = reply.header("Retry-After").unwrap().parse().unwrap();
    assert!((1..=31 * 86_400 + 3_600).contains(&wait));
    assert!(
        reply
            .header("RateLimit")
            .unwrap()
            .starts_with("\"resource:Month:requests\";r=0;t=")
    );
    assert_eq!(reply.header("RateLimit-Policy"), Some(policy));
    let body = reply.json();
    let next = body["nextAccessTime"].as_str().unwrap();
    assert_eq!(
        body,
        json!({
            "code": "900800", "message": "Message throttled out", "nextAccessTime": next,
            "description": format!("You have exceeded your quota .You can access API after {next}"),
        })
    );
    // A month ends with a full hour; whole seconds are rounded up.
    assert!(
        next.ends_with(":00:00+0000 UTC") || next.ends_with(":00:01+0000 UTC"),
        "{next}"
    );
    // The connection is kept, and what was refused took nothing of the other quota.
    let reply = caller
        .call(get("/p/1.0/a").header("Accept", "application/xml"))
        .await
        .expect(429);
    assert!(
        reply
            .text()
            .starts_with("<amt:fault xmlns:amt=\"http://wso2.org/apimanager/throttling\"><amt:code>900800")
    );
    assert!(
        reply
            .header("RateLimit")
            .unwrap()
            .contains("\"resource:Month:requests-2\";r=98")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn old_fields_are_sent_by_setting() {
    let origin = origin().start().await;
    let limits = "{ requests = 5, per = \"1m\" }, { requests = 1000, per = \"1h\" }";
    let pets = api("Pets", "/p").version(version("1.0").to(&origin).line("tier = \"Some\""));
    let gateway = gateway()
        .api(&pets)
        .file("catalog/tiers.toml", &tier("resource", "Some", limits))
        .set("gateway.rate_limit_fields", "\"legacy\"")
        .start()
        .await;
    let reply = gateway.get("/p/1.0/a").await.expect(200);
    let of = |name: &str| reply.header(name).map(str::to_owned);
    assert_eq!(of("X-RateLimit-Limit").as_deref(), Some("5"));
    assert_eq!(of("X-RateLimit-Remaining").as_deref(), Some("4"));
    assert_eq!(of("X-RateLimit-Reset").as_deref(), Some("60"));
    assert_eq!(of("RateLimit"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_without_a_credential_have_a_quota_by_address() {
    let origin = origin().start().await;
    let tiers = tier(
        "subscription",
        "Unauthenticated",
        &format!("{{ requests = 1, {HOUR} }}"),
    );
    let gateway = open(&origin, "", &tiers).await;
    for (address, status) in [
        ("192.0.2.1", 200),
        ("192.0.2.1", 429),
        ("192.0.2.2", 200),
        ("2001:db8::1", 200),
        ("2001:db8::2", 429),
        ("2001:db8:0:1::1", 200),
    ] {
        let reply = gateway.call(from(address)).await.expect(status);
        if status == 429 {
            assert_eq!(reply.json()["code"], "900804", "{address}");
        }
    }
    assert_eq!(origin.requests().len(), 4);
    // A version may say otherwise.
    gateway.edit_api(&api("Pets", "/p").version(version("1.0").to(&origin).line("anonymous_tier = \"Unlimited\"")));
    gateway.reloaded();
    gateway.call(from("192.0.2.1")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_levels_agree_or_nothing_is_spent() {
    let origin = origin().start().await;
    let tiers = [
        tier(
            "subscription",
            "Sub",
            "{ requests = 3, per = \"1h\" }, { requests = 1, per = \"1h\", burst = 2 }",
        ),
        tier("application", "App", &format!("{{ requests = 2, {HOUR} }}")),
    ];
    let pets = |label: &str| {
        version(label)
            .to(&origin)
            .line("tiers = [\"Sub\", \"Unlimited\"]")
            .asking("any", &["GET"], "/*")
    };
    let gateway = gateway()
        .set("oauth.algorithm", "\"ES256\"")
        .api(&api("Pets", "/p").version(pets("1.0")))
        .api(&api("Others", "/o").version(pets("1.0")))
        .file("catalog/tiers.toml", &tiers.concat())
        .start()
        .await;
    let app = gateway.app("joe", "Phone").await;
    gateway.user("ann", &[]).await;
    let registry = gateway.registry();
    let (sub, of_app) = (TierName::parse("Sub").unwrap(), TierName::parse("App").unwrap());
    registry.set_application(app.id, &of_app, TokenType::Jwt).await.unwrap();
    let id = gateway.subscribe(&app, "Pets", "1.0").await;
    registry.set_subscription_tier(id, &sub).await.unwrap();
    gateway.subscribe(&app, "Others", "1.0").await;
    let own = gateway.app_token(&app.keys).await;
    let ann = gateway.user_token(&app.keys, "ann", "").await;
    let mut caller = gateway.connect().await;
    let mut call = async |target: &str, token: &str| {
        let reply = caller.call(get(target).bearer(token)).await;
        let code = (reply.status != 200).then(|| reply.json()["code"].as_str().unwrap().to_owned());
        (
            reply.status,
            code.unwrap_or_default(),
            reply.header("RateLimit").unwrap_or_default().to_owned(),
        )
    };
    // The application's own calls are its owner's, and spend its tier at every API.
    assert_eq!(call("/o/1.0/a", &own).await.0, 200);
    assert_eq!(call("/p/1.0/a", &own).await.0, 200);
    let (status, code, told) = call("/p/1.0/a", &own).await;
    assert_eq!((status, code.as_str()), (429, "900803"));
    assert!(
        told.contains("\"subscription:Sub:requests\";r=2"),
        "nothing was spent: {told}"
    );
    // Another user has a count of its own, and shares the subscription.
    assert_eq!(call("/p/1.0/a", &ann).await.0, 200);
    let (status, code, _) = call("/p/1.0/a", &ann).await;
    assert_eq!(
        (status, code.as_str()),
        (429, "900807"),
        "the burst comes before the application"
    );
    assert_eq!(call("/o/1.0/a", &ann).await.0, 200);
    assert_eq!(origin.requests().len(), 4);
    // A tier that is stated nowhere is no quota without end.
    registry
        .set_subscription_tier(id, &TierName::parse("Gone").unwrap())
        .await
        .unwrap();
    assert_eq!(call("/p/1.0/a", &ann).await.1, "900908");
    assert_eq!(origin.requests().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_figure_applies_to_what_is_counted() {
    let origin = origin().start().await;
    let some = |requests: u32| tier("resource", "Some", &format!("{{ requests = {requests}, {HOUR} }}"));
    let gateway = open(&origin, "tier = \"Some\"", &some(2)).await;
    let mut caller = gateway.connect().await;
    let mut statuses = async |count: usize| {
        let mut statuses = Vec::new();
        for _ in 0..count {
            statuses.push(caller.call(get("/p/1.0/a")).await.status);
        }
        statuses
    };
    assert_eq!(statuses(3).await, [200, 200, 429]);
    gateway.edit("tiers.toml", &some(4));
    gateway.reloaded();
    assert_eq!(statuses(3).await, [200, 200, 429]);
    gateway.edit("tiers.toml", &some(3));
    gateway.reloaded();
    assert_eq!(statuses(1).await, [429]);
    // Another span, and another way to count it.
    gateway.edit(
        "tiers.toml",
        &tier("resource", "Some", "{ requests = 5, calendar = \"month\" }"),
    );
    gateway.reloaded();
    assert_eq!(statuses(2).await, [200, 429]);
    assert_eq!(origin.requests().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn deny_rules_hold_from_the_next_request_on() {
    let origin = origin().start().await;
    let version = version("1.0")
        .to(&origin)
        .asking("any", &["GET"], "/*")
        .resource(&["GET"], "/open");
    let gateway = gateway()
        .set("oauth.algorithm", "\"ES256\"")
        .api(&api("Pets", "/p").version(version))
        .trusting(&["127.0.0.1"])
        .start()
        .await;
    let app = gateway.app("joe", "Phone").await;
    gateway.subscribe(&app, "Pets", "1.0").await;
    gateway.user("ann", &[]).await;
    let (own, ann) = (
        gateway.app_token(&app.keys).await,
        gateway.user_token(&app.keys, "ann", "").await,
    );
    let mut caller = gateway.connect().await;
    for (rule, denied) in [
        ("api = \"Pets\"", [true; 4]),
        ("ip = \"192.0.2.0/24\"", [true, true, true, false]),
        ("not_ip = \"192.0.2.1-192.0.2.9\"", [false, false, false, true]),
        ("application = \"Phone\"", [true, true, false, false]),
        ("application = \"Phone\"\nowner = \"ann\"", [false; 4]),
        (
            "application = \"Phone\"\napi = \"Pets\"\nversion = \"1.0\"",
            [true, true, false, false],
        ),
        ("user = \"ann\"", [false, true, false, false]),
        ("user = \"ann\"\nip = \"198.51.100.1\"", [false; 4]),
        ("api = \"Pets\"\nenabled = false", [false; 4]),
    ] {
        gateway.edit("deny.toml", &format!("[[deny]]\n{rule}\n"));
        gateway.reloaded();
        let calls = [
            from("192.0.2.1").bearer(&own),
            from("192.0.2.1").bearer(&ann),
            get("/p/1.0/open").header("X-Forwarded-For", "192.0.2.1"),
            get("/p/1.0/open").header("X-Forwarded-For", "198.51.100.1"),
        ];
        for (call, denied) in calls.into_iter().zip(denied) {
            let before = origin.requests().len();
            let reply = caller.call(call).await.expect(if denied { 403 } else { 200 });
            assert_eq!(origin.requests().len() - before, usize::from(!denied), "{rule}");
            if denied {
                assert_eq!(
                    reply.json(),
                    json!({
                        "code": "900805", "message": "Message blocked",
                        "description": "You have been blocked from accessing the resource",
                    }),
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_is_counted_until_it_has_ended() {
    let gate = Gate::new();
    let script = gate.clone();
    let origin = origin()
        .answers(move |request| match request.target.as_str() {
            "/slow" => answer(200).behind(&script).body("slow"),
            _ => answer(200).body("fast"),
        })
        .start()
        .await;
    let gateway = open(
        &origin,
        "tier = \"Two\"",
        &tier("resource", "Two", "{ concurrent = 2 }"),
    )
    .await;
    let (mut one, mut other) = (gateway.connect().await, gateway.connect().await);
    one.send(get("/p/1.0/slow").bytes()).await;
    origin.saw(1).await;
    other.send(get("/p/1.0/slow").bytes()).await;
    origin.saw(2).await;
    let reply = gateway.get("/p/1.0/a").await.expect(429);
    assert_eq!(reply.header("RateLimit"), Some("\"resource:Two:concurrent\";r=0"));
    let policy = "\"resource:Two:concurrent\";q=2;qu=\"concurrent-requests\"";
    assert_eq!(reply.header("RateLimit-Policy"), Some(policy));
    assert_eq!(
        (reply.header("Retry-After"), reply.json().get("nextAccessTime")),
        (None, None)
    );
    assert_eq!(origin.requests().len(), 2);
    gate.open_for_all();
    one.reply().await.expect(200);
    other.reply().await.expect(200);
    // Whoever has its answer takes no place any more, on whatever connection it comes again.
    for _ in 0..50 {
        gateway.get("/p/1.0/a").await.expect(200);
    }
    // Nor does whoever goes away.
    for _ in 0..2 {
        let mut gone = gateway.connect().await;
        let script = get("/p/1.0/slow").bytes();
        gone.send(script).await;
        drop(gone);
    }
    eventually("places to be given back", async || {
        gateway.get("/p/1.0/a").await.status == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_passes_at_once_and_no_more() {
    let origin = origin().start().await;
    let tiers = tier(
        "subscription",
        "Unauthenticated",
        "{ requests = 1, per = \"1h\", burst = 3 }",
    );
    let gateway = open(&origin, "", &tiers).await;
    let mut caller = gateway.connect().await;
    for _ in 0..3 {
        caller.call(get("/p/1.0/a")).await.expect(200);
    }
    let reply = caller.call(get("/p/1.0/a")).await.expect(429);
    assert_eq!(reply.json()["code"], "900807");
    let wait: u64 = reply.header("Retry-After").unwrap().parse().unwrap();
    assert!((3_590..=3_600).contains(&wait), "{wait}");
    assert_eq!(origin.requests().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_are_counted_as_they_pass_both_ways() {
    let gate = Gate::new();
    let script = gate.clone();
    let origin = origin()
        .answers(move |request| match request.target.as_str() {
            "/chunks" => answer(200).chunks(&script, &["12345", "67890"]),
            _ => answer(200).body("12345"),
        })
        .start()
        .await;
    let limits = |bytes: u32| tier("resource", "Few", &format!("{{ bytes = \"{bytes}B\", {HOUR} }}"));
    let gateway = open(&origin, "tier = \"Few\"", &limits(13)).await;
    let mut caller = gateway.connect().await;
    let reply = caller.call(get("/p/1.0/a")).await.expect(200);
    assert_eq!(
        reply.header("RateLimit-Policy"),
        Some("\"resource:Few:bytes\";q=13;qu=\"content-bytes\";w=3600")
    );
    assert_eq!(reply.header("RateLimit"), Some("\"resource:Few:bytes\";r=13"));
    // Of the eight bytes that are left, the body takes four, and the answer would take five.
    let reply = caller.call(post("/p/1.0/a", "body")).await.expect(429);
    assert_eq!(reply.json()["code"], "900800");
    assert!(reply.header("Retry-After").is_some());
    assert_eq!(origin.requests().len(), 2);
    // A body that is too long is refused before the last of it is sent on.
    let reply = gateway.call(post("/p/1.0/a", "a long body")).await.expect(429);
    assert_eq!(reply.json()["code"], "900800");
    // What does not say how long it is ends where the quota does.
    gateway.edit("tiers.toml", &limits(16));
    gateway.reloaded();
    gate.open();
    let mut cut = gateway.connect().await;
    cut.send(get("/p/1.0/chunks").bytes()).await;
    assert_eq!(cut.head().await.status, 200);
    assert_eq!(cut.chunk().await.as_deref(), Some(&b"12345"[..]));
    gate.open();
    assert_eq!(cut.chunk().await, None, "two bytes are left, and five were to come");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_endpoints_take_is_held_to_and_is_no_fault_of_the_caller() {
    let origin = origin().start().await;
    let gateway = open(&origin, "max_tps = { production = 1 }", "# none\n").await;
    let mut caller = gateway.connect().await;
    let reply = caller.call(get("/p/1.0/a")).await.expect(200);
    assert_eq!(
        reply.header("RateLimit-Policy"),
        Some("\"backend:production:requests\";q=1;w=1")
    );
    let over = eventually_over(&mut caller).await;
    assert_eq!((over.status, over.header("Retry-After")), (503, Some("1")));
    assert_eq!(
        (&over.json()["code"], &over.json()["message"]),
        (&json!("900801"), &json!("API Limit Reached"))
    );
}

/// Calls until a quota of one a second is over, which it may be a moment late on a busy machine.
async fn eventually_over(caller: &mut Caller) -> Reply {
    for _ in 0..100 {
        let reply = caller.call(get("/p/1.0/a")).await;
        if reply.status != 200 {
            return reply;
        }
    }
    panic!("a hundred calls passed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_soft_quota_lets_pass_and_says_so() {
    let origin = origin().start().await;
    let tiers = format!(
        "{}stop_on_quota = false\n",
        tier("resource", "Soft", &format!("{{ requests = 1, {HOUR} }}"))
    );
    let gateway = open(&origin, "tier = \"Soft\"", &tiers).await;
    for _ in 0..3 {
        gateway.get("/p/1.0/a").await.expect(200);
    }
    let reply = gateway.get("/p/1.0/a").await.expect(200);
    assert!(
        reply
            .header("RateLimit")
            .unwrap()
            .starts_with("\"resource:Soft:requests\";r=0;t=")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_have_quotas_of_their_own() {
    let origin = origin().start().await;
    let tiers = format!(
        "[[tiers]]\nname = \"Grouped\"\nlevel = \"resource\"\nlimits = [{{ requests = 1, {HOUR} }}]\n\
         [[tiers.groups]]\nname = \"office\"\nconditions = [{{ ip = \"10.0.0.0/8\" }}]\nlimits = []\nunlimited = true\n\
         [[tiers.groups]]\nname = \"partners\"\nlimits = [{{ requests = 2, {HOUR} }}]\n\
         conditions = [{{ header = \"X-Partner\", matches = \"^[a-z]+$\" }}, {{ query = \"trial\", not = true }}]\n"
    );
    let gateway = open(&origin, "tier = \"Grouped\"", &tiers).await;
    let partner = |target: &str| get(target).header("X-Partner", "acme");
    for (call, status) in [
        (get("/p/1.0/a"), 200),
        (get("/p/1.0/a"), 429),
        (from("10.1.2.3"), 200),
        (from("10.1.2.3"), 200),
        (partner("/p/1.0/a"), 200),
        (partner("/p/1.0/a"), 200),
        (partner("/p/1.0/a"), 429),
        (partner("/p/1.0/a?trial=1"), 429),
        (get("/p/1.0/a").header("X-Partner", "ACME"), 429),
    ] {
        gateway.call(call).await.expect(status);
    }
    let reply = gateway.call(partner("/p/1.0/a")).await.expect(429);
    let policy = "\"resource:Grouped:partners:requests\";q=2;w=3600";
    assert_eq!(reply.header("RateLimit-Policy"), Some(policy));
}

#[tokio::test(flavor = "multi_thread")]
async fn counting_rules_tell_apart_what_their_key_names() {
    let origin = origin().start().await;
    let rules = format!(
        "[[counting_rules]]\nname = \"site\"\nkey = \"{{header:X-Site}}/{{client_ip}}\"\nlimits = [{{ requests = 1, {HOUR} }}]\n\
         [[counting_rules]]\nname = \"application\"\nkey = \"{{application}}\"\nlimits = [{{ requests = 1, {HOUR} }}]\n"
    );
    let gateway = open(&origin, "", &rules).await;
    let at = |address: &str, site: &str| from(address).header("X-Site", site);
    for (call, status) in [
        (at("192.0.2.1", "a"), 200),
        (at("192.0.2.1", "a"), 429),
        (at("192.0.2.1", "b"), 200),
        (at("192.0.2.2", "a"), 200),
        // Who leaves the field out shares a count with all who do.
        (from("192.0.2.1"), 200),
        (from("192.0.2.1"), 429),
    ] {
        let reply = gateway.call(call).await.expect(status);
        if status == 429 {
            assert_eq!(reply.json()["code"], "900806");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_counts_once_and_its_bytes_do() {
    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio_tungstenite::tungstenite::Message;

    let origin = websocket_origin().await;
    let chat = version("1.0").production(&[&origin.url()]).line("tier = \"Chat\"");
    let limits = |requests: u32| {
        tier(
            "resource",
            "Chat",
            &format!("{{ requests = {requests}, {HOUR} }}, {{ bytes = \"40B\", {HOUR} }}"),
        )
    };
    let gateway = gateway()
        .api(&api("Chat", "/c").version(chat))
        .file("catalog/tiers.toml", &limits(1))
        .start()
        .await;
    let mut open = gateway.connect().await.websocket(upgrade("/c/1.0/x")).await.unwrap();
    let refused = gateway
        .connect()
        .await
        .websocket(upgrade("/c/1.0/x"))
        .await
        .unwrap_err();
    refused.expect(429);
    // Looking again whether it may go on spends nothing, and does not end it where nothing is left.
    gateway.edit("tiers.toml", &limits(2));
    gateway.reloaded();
    let reply = gateway.get("/c/1.0/y").await;
    assert_ne!(reply.status, 429, "one of two was left");
    open.send(Message::text("hello")).await.unwrap();
    let heard = soon("an echo", open.next()).await.unwrap().unwrap();
    assert_eq!(heard, Message::text("hello"));
    // A frame from the client takes six bytes beside its text, and two from the origin.
    open.send(Message::text("this is more than what is left"))
        .await
        .unwrap();
    let end = soon("the end", open.next()).await;
    assert!(matches!(end, Some(Ok(Message::Close(_)) | Err(_)) | None), "{end:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tiers_are_for_those_whose_roles_may_use_them() {
    let origin = origin().start().await;
    let tiers = format!(
        "{}roles = [\"partner\"]\n",
        tier("subscription", "Partners", &format!("{{ requests = 100, {HOUR} }}"))
    );
    let closed = version("1.0")
        .to(&origin)
        .line("tiers = [\"Partners\"]")
        .asking("any", &["GET"], "/*");
    let gateway = gateway()
        .set("oauth.algorithm", "\"ES256\"")
        .api(&api("Pets", "/p").version(closed))
        .file("catalog/tiers.toml", &tiers)
        .start()
        .await;
    gateway.user("ann", &["partner"]).await;
    for (owner, status) in [("joe", 403), ("ann", 200)] {
        let app = gateway.app(owner, "Phone").await;
        let id = gateway.subscribe(&app, "Pets", "1.0").await;
        let partners = TierName::parse("Partners").unwrap();
        gateway.registry().set_subscription_tier(id, &partners).await.unwrap();
        let token = gateway.app_token(&app.keys).await;
        let reply = gateway.call(get("/p/1.0/a").bearer(&token)).await.expect(status);
        if status == 403 {
            assert_eq!(reply.json()["code"], "900908");
            origin.saw_nothing();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_one_connection_are_counted_like_connections() {
    let origin = origin().start().await;
    let gateway = open(
        &origin,
        "tier = \"Some\"",
        &tier("resource", "Some", &format!("{{ requests = 5, {HOUR} }}")),
    )
    .await;
    let caller = gateway.connect_h2().await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let caller = caller.clone();
        calls.spawn(async move { caller.get("/p/1.0/a").await.status });
    }
    let statuses = calls.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 5);
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 15);
    assert_eq!(origin.requests().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_under_traffic_lets_no_more_pass_than_the_new_figure() {
    let origin = origin().start().await;
    let some = |requests: u32| tier("resource", "Some", &format!("{{ requests = {requests}, {HOUR} }}"));
    let gateway = open(&origin, "tier = \"Some\"", &some(40)).await;
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let mut caller = gateway.connect().await;
        callers.spawn(async move {
            let mut passed = 0;
            for _ in 0..40 {
                passed += usize::from(caller.call(get("/p/1.0/a")).await.status == 200);
            }
            passed
        });
    }
    origin.saw(10).await;
    gateway.edit("tiers.toml", &some(70));
    gateway.reloaded();
    let passed: usize = callers.join_all().await.into_iter().sum();
    let mut late = 0;
    while gateway.get("/p/1.0/a").await.status == 200 {
        late += 1;
    }
    assert_eq!(passed + late, 70);
    assert_eq!(origin.requests().len(), 70);
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_group_callers_and_are_read_anew_when_others_are_asked_for() {
    let origin = origin().start().await;
    let grouped = |claim: &str, value: &str| {
        format!(
            "[[tiers]]\nname = \"Grouped\"\nlevel = \"resource\"\nlimits = [{{ requests = 1000, {HOUR} }}]\n\
             [[tiers.groups]]\nname = \"few\"\nconditions = [{{ claim = {claim:?}, is = {value:?} }}]\n\
             limits = [{{ requests = 1, {HOUR} }}]\n"
        )
    };
    for token_type in [TokenType::Jwt, TokenType::Opaque] {
        let closed = version("1.0")
            .to(&origin)
            .line("tier = \"Grouped\"")
            .asking("any", &["GET"], "/*");
        let gateway = gateway()
            .set("oauth.algorithm", "\"ES256\"")
            .api(&api("Pets", "/p").version(closed))
            .file("catalog/tiers.toml", &grouped("sub", "ann@carbon.super"))
            .start()
            .await;
        gateway.user("ann", &[]).await;
        let app = gateway.app_with("joe", "Phone", token_type).await;
        gateway.subscribe(&app, "Pets", "1.0").await;
        let own = gateway.app_token(&app.keys).await;
        let ann = gateway.user_token(&app.keys, "ann", "").await;
        let mut caller = gateway.connect().await;
        for (token, status) in [(&own, 200), (&own, 200), (&ann, 200), (&ann, 429), (&own, 200)] {
            caller.call(get("/p/1.0/a").bearer(token)).await.expect(status);
        }
        // A token that was verified before anybody asked for this claim.
        gateway.edit("tiers.toml", &grouped("client_id", &app.keys.consumer_key));
        gateway.reloaded();
        caller.call(get("/p/1.0/a").bearer(&own)).await.expect(429);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_websocket_ends_when_it_is_denied() {
    use futures_util::StreamExt as _;
    use tokio_tungstenite::tungstenite::Message;

    let origin = websocket_origin().await;
    let chat = version("1.0").production(&[&origin.url()]);
    let gateway = gateway().api(&api("Chat", "/c").version(chat)).start().await;
    let mut open = gateway.connect().await.websocket(upgrade("/c/1.0/x")).await.unwrap();
    gateway.edit("deny.toml", "[[deny]]\nip = \"127.0.0.1\"\n");
    gateway.reloaded();
    let end = soon("the end", open.next()).await.unwrap().unwrap();
    let Message::Close(Some(frame)) = end else {
        panic!("{end:?}")
    };
    assert_eq!(u16::from(frame.code), 1008);
}
