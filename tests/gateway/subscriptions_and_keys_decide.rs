//! Whose application is subscribed is served, as the state of the subscription and the type of the key say (W 6.3, 10).

use admin::registry::subscription::SubscriptionState;

use crate::harness::*;

async fn start(apis: &[Api]) -> Gateway {
    let mut builder = gateway().set("oauth.algorithm", "\"ES256\"");
    for api in apis {
        builder = builder.api(api);
    }
    let tenants = "[[tenants]]\ndomain = \"acme.example\"\n[[tenants]]\ndomain = \"globex.example\"\n";
    builder.file("catalog/tenants.toml", tenants).start().await
}

fn closed(label: &str) -> Version {
    version(label).asking("any", &["GET"], "/*")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_state_of_a_subscription_has_its_effect_at_once() {
    let (production, sandbox) = (
        origin().says("production").start().await,
        origin().says("sandbox").start().await,
    );
    let both = closed("1.0")
        .to(&production)
        .endpoints(&format!("sandbox = [{:?}]", sandbox.url()));
    let gateway = start(&[api("Pets", "/p").version(both)]).await;
    let app = gateway.app("joe", "Phone").await;
    let real = gateway.app_token(&app.keys).await;
    let trial = gateway.app_token(&gateway.sandbox_keys(&app).await).await;
    let mut caller = gateway.connect().await;
    for token in [&real, &trial] {
        let reply = caller
            .call(get("/p/1.0/a").bearer(token))
            .await
            .refused(403, &production);
        assert_eq!(reply.json()["code"], "900908");
    }
    sandbox.saw_nothing();
    let id = gateway.subscribe(&app, "Pets", "1.0").await;
    let (ok, blocked, inactive) = ((200, ""), (401, "900907"), (401, "900909"));
    for (state, of_real, of_trial) in [
        (SubscriptionState::Unblocked, ok, ok),
        (SubscriptionState::Blocked, blocked, blocked),
        (SubscriptionState::ProductionBlocked, blocked, ok),
        (SubscriptionState::OnHold, inactive, inactive),
        (SubscriptionState::TierUpdatePending, ok, ok),
        (SubscriptionState::Rejected, inactive, inactive),
        (SubscriptionState::Unblocked, ok, ok),
    ] {
        gateway.registry().set_subscription_state(id, state).await.unwrap();
        for (token, place, (status, code)) in [(&real, &production, of_real), (&trial, &sandbox, of_trial)] {
            let before = (production.requests().len(), sandbox.requests().len());
            let reply = caller.call(get("/p/1.0/a").bearer(token)).await.expect(status);
            let saw = production.requests().len() + sandbox.requests().len() - before.0 - before.1;
            assert_eq!(saw, usize::from(status == 200), "{state:?}");
            if status == 200 {
                assert_eq!(place.last_request().target, "/a");
            } else {
                assert_eq!(reply.json()["code"], code, "{state:?}");
            }
        }
    }
    gateway.registry().unsubscribe(id).await.unwrap();
    caller.call(get("/p/1.0/a").bearer(&real)).await.expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_leads_to_the_endpoints_of_its_own_type_or_nowhere() {
    let origin = origin().start().await;
    let real_only = api("Real", "/real").version(closed("1.0").to(&origin));
    let trial_only =
        api("Trial", "/trial").version(closed("1.0").endpoints(&format!("sandbox = [{:?}]", origin.url())));
    let gateway = start(&[real_only, trial_only]).await;
    let app = gateway.app("joe", "Phone").await;
    gateway.subscribe(&app, "Real", "1.0").await;
    gateway.subscribe(&app, "Trial", "1.0").await;
    let real = gateway.app_token(&app.keys).await;
    let trial = gateway.app_token(&gateway.sandbox_keys(&app).await).await;
    for (path, token, words) in [
        (
            "/real/1.0/a",
            &trial,
            "Sandbox key offered to the API with no sandbox endpoint",
        ),
        (
            "/trial/1.0/a",
            &real,
            "Production key offered to the API with no production endpoint",
        ),
    ] {
        let fault = gateway.call(get(path).bearer(token)).await.refused(403, &origin).json();
        assert_eq!(fault["code"], "900901");
        assert!(fault.to_string().contains(words), "{fault}");
    }
    gateway.call(get("/real/1.0/a").bearer(&real)).await.expect(200);
    gateway.call(get("/trial/1.0/a").bearer(&trial)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_url_takes_a_subscription_to_any_version_and_a_versions_own_url_does_not() {
    let origin = origin().start().await;
    let pets = api("Pets", "/p")
        .default_version(&["2.0"])
        .version(closed("1.0").to(&origin))
        .version(closed("2.0").to(&origin));
    let other = api("Other", "/o")
        .default_version(&["1.0"])
        .version(closed("1.0").to(&origin));
    let gateway = start(&[pets, other]).await;
    let app = gateway.app("joe", "Phone").await;
    let old = gateway.subscribe(&app, "Pets", "1.0").await;
    let token = gateway.app_token(&app.keys).await;
    for path in ["/p/2.0/a", "/o/a"] {
        gateway.call(get(path).bearer(&token)).await.refused(403, &origin);
    }
    gateway.call(get("/p/a").bearer(&token)).await.expect(200);
    gateway.call(get("/p/1.0/a").bearer(&token)).await.expect(200);
    let registry = gateway.registry();
    registry
        .set_subscription_state(old, SubscriptionState::Blocked)
        .await
        .unwrap();
    let fault = gateway.call(get("/p/a").bearer(&token)).await.expect(401).json();
    assert_eq!(fault["code"], "900907");
    gateway.subscribe(&app, "Pets", "2.0").await;
    gateway.call(get("/p/a").bearer(&token)).await.expect(200);
    assert_eq!(origin.requests().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_without_tiers_needs_no_subscription_but_a_valid_token() {
    let origin = origin().start().await;
    let free = closed("1.0").to(&origin).line("tiers = []");
    let gateway = start(&[api("Pets", "/p").version(free)]).await;
    let app = gateway.app("joe", "Phone").await;
    gateway.get("/p/1.0/a").await.refused(401, &origin);
    gateway
        .call(get("/p/1.0/a").bearer("nonsense"))
        .await
        .refused(401, &origin);
    let token = gateway.app_token(&app.keys).await;
    gateway.call(get("/p/1.0/a").bearer(&token)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn applications_of_other_tenants_are_served_only_where_they_may_subscribe() {
    let origin = origin().start().await;
    let with = |subscribers: &str| {
        let version = closed("1.0").to(&origin).line(subscribers);
        api("Pets", "/p").version(version)
    };
    let gateway = start(&[with("")]).await;
    let app = gateway.app("ann@acme.example", "Phone").await;
    // As a subscription that was made while it was allowed.
    gateway.subscribe(&app, "Pets", "1.0").await;
    let token = gateway.app_token(&app.keys).await;
    let fault = gateway
        .call(get("/p/1.0/a").bearer(&token))
        .await
        .refused(403, &origin)
        .json();
    assert_eq!(fault["code"], "900908");
    for (subscribers, status) in [
        ("subscribers = [\"globex.example\"]", 403),
        ("subscribers = [\"acme.example\"]", 200),
        ("subscribers = \"all_tenants\"", 200),
        ("subscribers = \"current_tenant\"", 403),
    ] {
        gateway.edit_api(&with(subscribers));
        gateway.reloaded();
        gateway.call(get("/p/1.0/a").bearer(&token)).await.expect(status);
    }
    assert_eq!(origin.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_api_of_another_tenant_is_another_api() {
    let origin = origin().start().await;
    let here = api("Pets", "/p").version(closed("1.0").to(&origin));
    let gateway = start(&[here]).await;
    let there = api("Pets", "/p")
        .tenant("acme.example")
        .version(closed("1.0").to(&origin));
    gateway.edit("apis/there.toml", &there.toml());
    gateway.reloaded();
    let app = gateway.app("joe", "Phone").await;
    gateway.subscribe(&app, "Pets", "1.0").await;
    let token = gateway.app_token(&app.keys).await;
    gateway
        .call(get("/t/acme.example/p/1.0/a").bearer(&token))
        .await
        .refused(403, &origin);
    gateway.call(get("/p/1.0/a").bearer(&token)).await.expect(200);
}
