//! How quotas stand is told to those who run the gateway, in metrics, in explanations and by application; looking spends
//! nothing, and what was counted can begin anew.

use admin::model::name::TierName;
use admin::registry::application::TokenType;
use serde_json::{Value, json};

use crate::harness::*;

const TIERS: &str = r#"
[[tiers]]
name = "Sub"
level = "subscription"
limits = [{ requests = 3, per = "1h" }]

[[tiers]]
name = "App"
level = "application"
limits = [{ requests = 2, per = "1h" }]

[[counting_rules]]
name = "soft"
key = "{application}"
limits = [{ requests = 1, per = "1h" }]
stop_on_quota = false
"#;

struct World {
    origin: Origin,
    gateway: Gateway,
    uuid: String,
    token: String,
    operator: String,
}

async fn world() -> World {
    let origin = origin().start().await;
    let closed = version("1.0")
        .to(&origin)
        .line("tiers = [\"Sub\"]")
        .asking("any", &["GET"], "/*");
    let gateway = gateway()
        .set("oauth.algorithm", "\"ES256\"")
        .set("explain.refusals", "10")
        .api(&api("Pets", "/p").version(closed))
        .file("catalog/tiers.toml", TIERS)
        .start()
        .await;
    let app = gateway.app("joe", "Phone").await;
    let registry = gateway.registry();
    let tier = |name| TierName::parse(name).unwrap();
    registry
        .set_application(app.id, &tier("App"), TokenType::Jwt)
        .await
        .unwrap();
    let id = gateway.subscribe(&app, "Pets", "1.0").await;
    registry.set_subscription_tier(id, &tier("Sub")).await.unwrap();
    gateway.user("boss", &["admin"]).await;
    let token = gateway.app_token(&app.keys).await;
    let operator = gateway.user_token(&app.keys, "boss", "tollgate:admin").await;
    let uuid = registry.view().application(app.id).unwrap().uuid.clone();
    World {
        origin,
        gateway,
        uuid,
        token,
        operator,
    }
}

impl World {
    async fn call(&self, status: u16) -> Reply {
        self.gateway
            .call(get("/p/1.0/a").bearer(&self.token))
            .await
            .expect(status)
    }

    fn quotas(&self, more: &str) -> String {
        format!("/admin/v1/applications/{}/quotas{more}", self.uuid)
    }

    async fn ask(&self, call: Call) -> Reply {
        self.gateway.admin(call.bearer(&self.operator)).await
    }
}

/// Returns what is left of each quota of a list.
fn left(limits: &Value) -> Vec<(String, u64)> {
    let limits = limits.as_array().unwrap().iter();
    limits
        .map(|limit| {
            (
                limit["name"].as_str().unwrap().to_owned(),
                limit["remaining"].as_u64().unwrap(),
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_by_tier() {
    let world = world().await;
    for status in [200, 200, 429, 429, 429] {
        world.call(status).await;
    }
    let count = async |labels: [&str; 3]| {
        let [level, tier, outcome] = labels;
        let labels = [
            "tenant=\"carbon.super\"".to_owned(),
            format!("level=\"{level}\""),
            format!("tier=\"{tier}\""),
            format!("outcome=\"{outcome}\""),
        ];
        let labels: Vec<_> = labels.iter().map(String::as_str).collect();
        world.gateway.metric("tollgate_quota_requests_total", &labels).await
    };
    eventually("requests to be counted", async || {
        count(["application", "App", "passed"]).await == 2.0
            && count(["application", "App", "refused"]).await == 3.0
            && count(["subscription", "Sub", "passed"]).await == 2.0
            && count(["subscription", "Sub", "refused"]).await == 0.0
            && count(["rule", "soft", "passed"]).await == 1.0
            && count(["rule", "soft", "over"]).await == 1.0
    })
    .await;
    // What is no longer stated is no longer told.
    world
        .gateway
        .edit("tiers.toml", &TIERS.replace("name = \"soft\"", "name = \"other\""));
    world.gateway.reloaded();
    let text = world.gateway.status("/metrics").await.text();
    assert!(!text.contains("tier=\"soft\"") && text.contains("tier=\"App\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_explanation_tells_how_each_quota_stands_and_spends_nothing() {
    let world = world().await;
    world.call(200).await;
    let question = json!({ "method": "GET", "url": "http://gateway.test/p/1.0/a", "token": world.token });
    for _ in 0..5 {
        let explained = world
            .ask(post("/explain", question.to_string()))
            .await
            .expect(200)
            .json();
        assert_eq!(explained["decision"], "permitted", "{explained:#}");
        let expected = [
            ("subscription:Sub:requests".to_owned(), 2),
            ("application:App:requests".to_owned(), 1),
            ("rule:soft:requests".to_owned(), 0),
        ];
        assert_eq!(left(&explained["limits"]), expected);
        assert!(
            explained["limits"][0]["rule"]
                .as_str()
                .unwrap()
                .ends_with("tiers.toml:2")
        );
    }
    world.call(200).await;
    let refused = world.call(429).await;
    let explained = world
        .ask(post("/explain", question.to_string()))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&explained["decision"], &explained["code"]),
        (&json!("refused"), &json!("900803"))
    );
    let steps = explained["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["outcome"] == "refused").unwrap();
    assert_eq!(step["stage"], "throttle");
    assert!(
        step["says"]
            .as_str()
            .unwrap()
            .starts_with("\"application:App:requests\" is reached: 0 of 2 are left")
    );
    assert!(step["rule"].as_str().unwrap().ends_with("tiers.toml:7"), "{step:#}");
    // And afterwards, by its id.
    let id = refused.header("X-Request-Id").unwrap();
    let recalled = world
        .ask(get(&format!("/explain?request={id}")))
        .await
        .expect(200)
        .json();
    assert_eq!(recalled["refused"][0]["stage"], "throttle");
    assert!(
        recalled["refused"][0]["rule"]
            .as_str()
            .unwrap()
            .ends_with("tiers.toml:7")
    );
    assert_eq!(world.origin.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deny_rule_is_told_by_its_line() {
    let world = world().await;
    world.gateway.edit("deny.toml", "\n[[deny]]\napplication = \"Phone\"\n");
    world.gateway.reloaded();
    let question = json!({ "method": "GET", "url": "http://gateway.test/p/1.0/a", "token": world.token });
    let explained = world
        .ask(post("/explain", question.to_string()))
        .await
        .expect(200)
        .json();
    let steps = explained["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["outcome"] == "refused").unwrap();
    assert_eq!(
        (&step["stage"], &explained["code"]),
        (&json!("deny_caller"), &json!("900805"))
    );
    assert!(step["rule"].as_str().unwrap().ends_with("deny.toml:2"), "{step:#}");
    world.call(403).await;
    world.origin.saw_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_shown_and_begins_anew() {
    let world = world().await;
    world.call(200).await;
    let shown = world.ask(get(&world.quotas(""))).await.expect(200);
    assert_eq!(shown.header("Cache-Control"), Some("no-store"));
    let shown = shown.json();
    assert_eq!(
        (&shown["application"], &shown["user"]),
        (&json!("Phone"), &json!("joe@carbon.super"))
    );
    assert_eq!(left(&shown["limits"]), [("application:App:requests".to_owned(), 1)]);
    let subscription = &shown["subscriptions"][0];
    assert_eq!(
        (&subscription["api"], &subscription["tier"]),
        (&json!("Pets"), &json!("Sub"))
    );
    assert_eq!(
        left(&subscription["limits"]),
        [("subscription:Sub:requests".to_owned(), 2)]
    );
    let other = world.ask(get(&world.quotas("?user=boss"))).await.expect(200).json();
    assert_eq!(left(&other["limits"]), [("application:App:requests".to_owned(), 2)]);
    world.call(200).await;
    world.call(429).await;
    let reset = world
        .ask(call("POST", &world.quotas("/reset")))
        .await
        .expect(200)
        .json();
    assert_eq!(reset["reset"], 2);
    assert_eq!(left(&reset["limits"]), [("application:App:requests".to_owned(), 2)]);
    world.call(200).await;
    assert_eq!(world.origin.requests().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_runs_the_gateway_is_told() {
    let world = world().await;
    let (show, reset) = (world.quotas(""), world.quotas("/reset"));
    world.call(200).await;
    world.gateway.admin(get(&show)).await.expect(401);
    world.gateway.admin(call("POST", &reset)).await.expect(401);
    world
        .gateway
        .admin(call("POST", &reset).bearer(&world.token))
        .await
        .expect(401);
    // Nor is anything of it on the listeners that carry traffic.
    world.gateway.call(get(&show).bearer(&world.operator)).await.expect(404);
    let shown = world.ask(get(&show)).await.expect(200).json();
    assert_eq!(
        left(&shown["limits"]),
        [("application:App:requests".to_owned(), 1)],
        "nothing was reset"
    );
    for (call, status) in [
        (get("/admin/v1/applications/none/quotas"), 404),
        (get(&world.quotas("?users=joe")), 400),
        (get(&world.quotas("?user=")), 400),
        (get(&reset), 405),
        (call("POST", &show), 405),
    ] {
        world.ask(call).await.expect(status);
    }
}
