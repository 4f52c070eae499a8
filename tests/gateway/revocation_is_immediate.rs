//! What is taken back is refused to the very next request on the same connection, however warm the cache is.

use admin::registry::api_key::{ApiKeyId, NewApiKey};
use admin::registry::application::TokenType;
use admin::registry::key_pair::KeyType;
use admin::registry::subscription::SubscriptionState;

use crate::harness::*;

struct World {
    origin: Origin,
    gateway: Gateway,
    app: App,
}

async fn world(token_type: TokenType) -> World {
    let origin = origin().start().await;
    let version = version("1.0")
        .to(&origin)
        .line("security = [\"oauth2\", \"basic\", \"api_key\"]")
        .asking("any", &["GET"], "/*");
    let gateway = gateway()
        .set("oauth.algorithm", "\"ES256\"")
        .api(&api("Pets", "/p").version(version))
        .start()
        .await;
    let app = gateway.app_with("owner", "Phone", token_type).await;
    gateway.subscribe(&app, "Pets", "1.0").await;
    gateway.user("tom", &[]).await;
    World { origin, gateway, app }
}

/// Calls until the cache is warm, takes back, and calls on the same connection.
async fn ends(world: &World, token: &str, code: &str, take_back: impl AsyncFnOnce()) {
    let mut caller = world.gateway.connect().await;
    for _ in 0..3 {
        caller.call(get("/p/1.0/a").bearer(token)).await.expect(200);
    }
    let before = world.origin.requests().len();
    take_back().await;
    for _ in 0..2 {
        let reply = caller.call(get("/p/1.0/a").bearer(token)).await;
        assert_eq!(reply.status / 100, 4, "{reply:?}");
        assert_eq!(reply.json()["code"], code);
    }
    assert_eq!(world.origin.requests().len(), before, "the origin saw more");
}

const BOTH: [TokenType; 2] = [TokenType::Jwt, TokenType::Opaque];

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_given_back() {
    for token_type in BOTH {
        let world = world(token_type).await;
        let (gateway, keys) = (&world.gateway, &world.app.keys);
        let token = gateway.app_token(keys).await;
        let other = gateway.app_token(keys).await;
        ends(&world, &token, "900901", async || {
            gateway
                .ask("/revoke", keys, &format!("token={token}"))
                .await
                .expect(200);
        })
        .await;
        gateway.call(get("/p/1.0/a").bearer(&other)).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tokens_of_a_refresh_token_that_was_given_back_or_used_twice() {
    for token_type in BOTH {
        let world = world(token_type).await;
        let (gateway, keys) = (&world.gateway, &world.app.keys);
        let granted = gateway.user_grant(keys, "tom", "").await;
        let (access, refresh) = (
            granted["access_token"].as_str().unwrap(),
            granted["refresh_token"].as_str().unwrap(),
        );
        ends(&world, access, "900901", async || {
            gateway
                .ask("/oauth2/revoke", keys, &format!("token={refresh}"))
                .await
                .expect(200);
        })
        .await;
        let granted = gateway.user_grant(keys, "tom", "").await;
        let refresh = granted["refresh_token"].as_str().unwrap();
        let form = format!("grant_type=refresh_token&refresh_token={refresh}");
        let next = gateway.grant(keys, &form).await;
        ends(&world, next["access_token"].as_str().unwrap(), "900901", async || {
            let fault = gateway.ask("/token", keys, &form).await.expect(400).json();
            assert_eq!(fault["error"], "invalid_grant");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tokens_of_a_key_pair_that_is_gone() {
    for token_type in BOTH {
        let world = world(token_type).await;
        let token = world.gateway.app_token(&world.app.keys).await;
        ends(&world, &token, "900901", async || {
            let registry = world.gateway.registry();
            registry.delete_key_pair(&world.app.keys.consumer_key).await.unwrap();
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tokens_and_keys_of_an_application_that_is_gone() {
    for token_type in BOTH {
        let world = world(token_type).await;
        let gateway = &world.gateway;
        let token = gateway.app_token(&world.app.keys).await;
        let key = gateway.api_key(&world.app, Default::default()).await;
        let with_key = || get("/p/1.0/a").header("apikey", &key);
        gateway.call(with_key()).await.expect(200);
        ends(&world, &token, "900901", async || {
            gateway.registry().delete_application(world.app.id).await.unwrap();
        })
        .await;
        let before = world.origin.requests().len();
        gateway.call(with_key()).await.expect(401);
        assert_eq!(world.origin.requests().len(), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tokens_of_a_user_who_is_gone_even_when_another_of_that_name_comes() {
    for token_type in BOTH {
        let world = world(token_type).await;
        let gateway = &world.gateway;
        let token = gateway.user_token(&world.app.keys, "tom", "").await;
        let known_as = basic("tom", PASSWORD);
        let as_basic = || get("/p/1.0/a").header("Authorization", &known_as);
        gateway.call(as_basic()).await.expect(200);
        ends(&world, &token, "900901", async || {
            let tom = admin::registry::user::UserName {
                tenant: admin::model::name::TenantName::root(),
                name: "tom".to_owned(),
            };
            gateway.registry().delete_user(&tom).await.unwrap();
        })
        .await;
        let before = world.origin.requests().len();
        gateway.call(as_basic()).await.expect(401);
        assert_eq!(world.origin.requests().len(), before);
        gateway.user("tom", &[]).await;
        gateway.call(get("/p/1.0/a").bearer(&token)).await.expect(401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_is_blocked_or_gone() {
    let world = world(TokenType::Jwt).await;
    let gateway = &world.gateway;
    let app = gateway.app("second", "Tablet").await;
    let id = gateway.subscribe(&app, "Pets", "1.0").await;
    let token = gateway.app_token(&app.keys).await;
    ends(&world, &token, "900907", async || {
        let registry = gateway.registry();
        registry
            .set_subscription_state(id, SubscriptionState::Blocked)
            .await
            .unwrap();
    })
    .await;
    let registry = gateway.registry();
    registry
        .set_subscription_state(id, SubscriptionState::Unblocked)
        .await
        .unwrap();
    ends(&world, &token, "900908", async || {
        registry.unsubscribe(id).await.unwrap()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_key() {
    let world = world(TokenType::Jwt).await;
    let gateway = &world.gateway;
    let key = NewApiKey {
        application: world.app.id,
        key_type: KeyType::Production,
        restrictions: Default::default(),
        expires: None,
    };
    let (id, key): (ApiKeyId, String) = gateway.registry().add_api_key(key, now()).await.unwrap();
    let mut caller = gateway.connect().await;
    let call = || get("/p/1.0/a").header("apikey", &key);
    caller.call(call()).await.expect(200);
    gateway.registry().revoke_api_key(id).await.unwrap();
    assert_eq!(caller.call(call()).await.expect(401).json()["code"], "900901");
    world.origin.only_request();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_was_changed_is_known_at_the_next_request() {
    let world = world(TokenType::Jwt).await;
    let gateway = &world.gateway;
    let tom = admin::registry::user::UserName {
        tenant: admin::model::name::TenantName::root(),
        name: "tom".to_owned(),
    };
    let (old, new) = (basic("tom", PASSWORD), basic("tom", "another horse"));
    let mut caller = gateway.connect().await;
    let call = |known_as: &str| get("/p/1.0/a").header("Authorization", known_as);
    caller.call(call(&old)).await.expect(200);
    // Tried before its time: that must not be held against it.
    caller.call(call(&new)).await.expect(401);
    gateway
        .registry()
        .set_password(&tom, "another horse", now())
        .await
        .unwrap();
    caller.call(call(&old)).await.expect(401);
    caller.call(call(&new)).await.expect(200);
    assert_eq!(world.origin.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_was_tried_before_there_was_one_is_known_at_the_next_request() {
    let world = world(TokenType::Jwt).await;
    let known_as = basic("late", PASSWORD);
    let call = || get("/p/1.0/a").header("Authorization", &known_as);
    world.gateway.call(call()).await.refused(401, &world.origin);
    world.gateway.user("late", &[]).await;
    world.gateway.call(call()).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_takes_back_as_soon_as_it_is_followed() {
    let world = world(TokenType::Opaque).await;
    let gateway = &world.gateway;
    let token = gateway.app_token(&world.app.keys).await;
    ends(&world, &token, "900901", async || {
        let other = admin::registry::Registry::open("sqlite", &gateway.path("data"), now())
            .await
            .unwrap();
        other.delete_key_pair(&world.app.keys.consumer_key).await.unwrap();
        other.close().await;
        gateway.follow();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_takes_back_while_this_one_drains() {
    let gate = Gate::new();
    let held = gate.clone();
    let origin = origin().answers(move |_| answer(200).behind(&held)).start().await;
    let version = version("1.0").to(&origin);
    let gateway = gateway().api(&api("Pets", "/p").version(version)).start().await;
    let tom = gateway.user("tom", &[]).await;
    let (view, data) = (std::sync::Arc::clone(gateway.registry().view()), gateway.path("data"));
    let mut caller = gateway.connect().await;
    let under_way = tokio::spawn(async move { caller.call(get("/p/1.0/a")).await });
    eventually("the request to be under way", async || origin.requests().len() == 1).await;
    let stopping = tokio::spawn(gateway.stop());
    let other = admin::registry::Registry::open("sqlite", &data, now()).await.unwrap();
    other.delete_user(&tom).await.unwrap();
    other.close().await;
    eventually("it to be known", async || view.user(&tom).is_none()).await;
    assert!(!stopping.is_finished(), "it drains");
    gate.open();
    under_way.await.unwrap().expect(200);
    stopping.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_while_signing_keys_are_rotated() {
    let world = world(TokenType::Jwt).await;
    let gateway = &world.gateway;
    let mut tokens = vec![gateway.app_token(&world.app.keys).await];
    let mut caller = gateway.connect().await;
    for _ in 0..5 {
        gateway.rotate_key();
        tokens.push(gateway.app_token(&world.app.keys).await);
        for token in &tokens {
            caller.call(get("/p/1.0/a").bearer(token)).await.expect(200);
        }
    }
    let keys = gateway.get("/oauth2/jwks").await.expect(200).json();
    assert!(keys["keys"].as_array().unwrap().len() > 1, "{keys}");
}

#[tokio::test(flavor = "multi_thread")]
async fn by_another_process_while_this_one_leaves() {
    for token_type in BOTH {
        let world = world(token_type).await;
        let token = world.gateway.app_token(&world.app.keys).await;
        let elsewhere = world.gateway.elsewhere().await;
        world.gateway.leave();
        ends(&world, &token, "900901", async || {
            elsewhere.delete_application(world.app.id).await.unwrap();
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_leaves_and_cannot_ask_decides_only_what_needs_no_caller() {
    let origin = origin().start().await;
    let version = version("1.0")
        .to(&origin)
        .asking("none", &["GET"], "/open")
        .asking("any", &["GET"], "/*");
    let gateway = gateway().api(&api("Pets", "/p").version(version)).start().await;
    let app = gateway.app("owner", "Phone").await;
    gateway.subscribe(&app, "Pets", "1.0").await;
    let token = gateway.app_token(&app.keys).await;
    gateway.call(get("/p/1.0/a").bearer(&token)).await.expect(200);
    gateway.registry().close().await;
    // Alone, it goes on with what it knows.
    gateway.call(get("/p/1.0/a").bearer(&token)).await.expect(200);
    gateway.leave();
    let before = origin.requests().len();
    let refused = gateway.call(get("/p/1.0/a").bearer(&token)).await.expect(401);
    assert_eq!(refused.json()["code"], "900901");
    gateway.call(get("/oauth2/jwks")).await.expect(500);
    assert_eq!(origin.requests().len(), before, "the origin saw more");
    gateway.call(get("/p/1.0/open")).await.expect(200);
}
