//! A WebSocket that is open ends when what it was opened by is taken back, and by nothing else that changes.

use admin::model::name::TenantName;
use admin::registry::application::TokenType;
use admin::registry::subscription::{SubscriptionId, SubscriptionState};
use admin::registry::user::UserName;
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::*;

struct World {
    origin: WebSocketOrigin,
    gateway: Gateway,
    app: App,
    subscription: SubscriptionId,
}

fn chat(origin: &WebSocketOrigin, label: &str, state: &str) -> Version {
    version(label)
        .state(state)
        .production(&[&origin.url()])
        .line("security = [\"oauth2\", \"basic\", \"api_key\"]")
        .asking("any", &["GET"], "/*")
}

async fn world(token_type: TokenType) -> World {
    let origin = websocket_origin().await;
    let gateway = gateway()
        .set("oauth.algorithm", "\"ES256\"")
        .api(&api("Chat", "/c").version(chat(&origin, "1.0", "published")))
        .start()
        .await;
    let app = gateway.app_with("owner", "Phone", token_type).await;
    let subscription = gateway.subscribe(&app, "Chat", "1.0").await;
    gateway.user("tom", &[]).await;
    World {
        origin,
        gateway,
        app,
        subscription,
    }
}

/// One that was opened and has carried something.
struct Open(WebSocketStream<Socket>);

impl Open {
    async fn by(gateway: &Gateway, call: Call) -> Self {
        let mut open = Self(gateway.connect().await.websocket(call).await.unwrap());
        open.echoes("here").await;
        open
    }

    async fn echoes(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
        let heard = soon("an echo", self.0.next()).await.unwrap().unwrap();
        assert_eq!(heard, Message::text(text));
    }

    /// Waits for the end; returns the code that it was told with.
    async fn code(mut self) -> u16 {
        let mut code = None;
        while let Some(Ok(message)) = soon("the tunnel to end", self.0.next()).await {
            if let Message::Close(frame) = message {
                code = frame.map(|frame| frame.code.into());
            }
        }
        code.expect("nobody said goodbye")
    }
}

const POLICY: u16 = 1008;

impl World {
    fn with_token(&self, token: &str) -> Call {
        upgrade("/c/1.0/a").bearer(token)
    }

    /// Opens one with this token, and one that nothing of it concerns; takes back, and sees which ends.
    async fn ends(&self, token: &str, take_back: impl AsyncFnOnce()) {
        let other = self.gateway.app("other", "Other").await;
        self.gateway.subscribe(&other, "Chat", "1.0").await;
        let others = self.gateway.app_token(&other.keys).await;
        let mut bystander = Open::by(&self.gateway, self.with_token(&others)).await;
        let open = Open::by(&self.gateway, self.with_token(token)).await;
        let before = self.origin.connections();
        take_back().await;
        assert_eq!(open.code().await, POLICY);
        bystander.echoes("still here").await;
        let refused = self.gateway.connect().await.websocket(self.with_token(token)).await;
        assert_eq!(refused.unwrap_err().status / 100, 4);
        assert_eq!(self.origin.connections(), before, "the origin saw more");
    }
}

fn tom() -> UserName {
    UserName {
        tenant: TenantName::root(),
        name: "tom".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_token_that_is_given_back() {
    for token_type in [TokenType::Jwt, TokenType::Opaque] {
        let world = world(token_type).await;
        let (gateway, keys) = (&world.gateway, &world.app.keys);
        let token = gateway.app_token(keys).await;
        let form = format!("token={token}");
        world
            .ends(&token, async || {
                gateway.ask("/revoke", keys, &form).await.expect(200);
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_key_pair_or_an_application_that_is_gone() {
    let world = world(TokenType::Jwt).await;
    let (gateway, registry) = (&world.gateway, world.gateway.registry());
    let token = gateway.app_token(&world.app.keys).await;
    world
        .ends(&token, async || {
            registry.delete_key_pair(&world.app.keys.consumer_key).await.unwrap();
        })
        .await;
    let app = gateway.app("second", "Tablet").await;
    gateway.subscribe(&app, "Chat", "1.0").await;
    let key = gateway.api_key(&app, Default::default()).await;
    let open = Open::by(gateway, upgrade("/c/1.0/a").header("apikey", &key)).await;
    registry.delete_application(app.id).await.unwrap();
    assert_eq!(open.code().await, POLICY);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_user_who_is_gone() {
    let world = world(TokenType::Opaque).await;
    let token = world.gateway.user_token(&world.app.keys, "tom", "").await;
    world
        .ends(&token, async || {
            world.gateway.registry().delete_user(&tom()).await.unwrap();
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_password_that_is_changed() {
    let world = world(TokenType::Jwt).await;
    let call = || upgrade("/c/1.0/a").header("Authorization", &basic("tom", PASSWORD));
    let open = Open::by(&world.gateway, call()).await;
    let registry = world.gateway.registry();
    registry.set_password(&tom(), "another horse", now()).await.unwrap();
    assert_eq!(open.code().await, POLICY);
    let before = world.origin.connections();
    let refused = world.gateway.connect().await.websocket(call()).await.unwrap_err();
    assert_eq!((refused.status, world.origin.connections()), (401, before));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_subscription_that_is_blocked() {
    let world = world(TokenType::Jwt).await;
    let token = world.gateway.app_token(&world.app.keys).await;
    world
        .ends(&token, async || {
            let registry = world.gateway.registry();
            let blocked = SubscriptionState::Blocked;
            registry
                .set_subscription_state(world.subscription, blocked)
                .await
                .unwrap();
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_what_another_process_takes_back() {
    let world = world(TokenType::Jwt).await;
    let token = world.gateway.app_token(&world.app.keys).await;
    world
        .ends(&token, async || {
            let data = world.gateway.path("data");
            let other = admin::registry::Registry::open("sqlite", &data, now()).await.unwrap();
            other.delete_key_pair(&world.app.keys.consumer_key).await.unwrap();
            other.close().await;
            world.gateway.follow();
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_version_that_is_blocked_or_gone_and_not_with_another_change() {
    let world = world(TokenType::Jwt).await;
    let gateway = &world.gateway;
    let token = gateway.app_token(&world.app.keys).await;
    let chat = |label, state| chat(&world.origin, label, state);
    let mut open = Open::by(gateway, world.with_token(&token)).await;
    let with_second = |state| {
        api("Chat", "/c")
            .version(chat("1.0", state))
            .version(chat("2.0", "published"))
    };
    gateway.edit_api(&with_second("published"));
    gateway.reloaded();
    open.echoes("still here").await;
    gateway.edit_api(&with_second("blocked"));
    gateway.reloaded();
    assert_eq!(open.code().await, POLICY);

    gateway.edit_api(&with_second("published"));
    gateway.reloaded();
    let open = Open::by(gateway, world.with_token(&token)).await;
    gateway.edit_api(&api("Chat", "/c").version(chat("2.0", "published")));
    gateway.reloaded();
    assert_eq!(open.code().await, POLICY);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_default_version_that_moves_so_that_it_is_opened_anew() {
    let world = world(TokenType::Jwt).await;
    let gateway = &world.gateway;
    let token = gateway.app_token(&world.app.keys).await;
    let both = |default| {
        let both = ["1.0", "2.0"].map(|label| chat(&world.origin, label, "published"));
        both.into_iter()
            .fold(api("Chat", "/c").default_version(default), Api::version)
    };
    gateway.edit_api(&both(&["1.0"]));
    gateway.reloaded();
    let by_default = Open::by(gateway, upgrade("/c/a").bearer(&token)).await;
    let mut by_name = Open::by(gateway, world.with_token(&token)).await;
    gateway.edit_api(&both(&["2.0"]));
    gateway.reloaded();
    assert_eq!(by_default.code().await, 1001);
    by_name.echoes("still here").await;
}
