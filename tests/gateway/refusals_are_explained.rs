//! Why a request is refused can be asked: before it is made, by those who run the gateway, and afterwards by its id. No
//! backend is called for it, and nothing that is shown is repeated.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tollgate::registry::subscription::SubscriptionState;

use crate::harness::*;

const BOOTSTRAP: &str = r#"
users = [
  { name = "tom", password = "tom-of-the-test", roles = ["employee"] },
  { name = "john", password = "john-of-the-test", roles = ["employee", "manager"] },
  { name = "boss", password = "boss-of-the-test", roles = ["admin"] },
]

[[applications]]
name = "NewsApp"
owner = "tom"
subscriptions = [{ api = "News", version = "1.0" }]
keys = [{ type = "production", consumer_key = "news-consumer-key", consumer_secret = "a-secret-of-the-test", grants = ["client_credentials", "password"] }]
api_keys = [{ type = "production", key = "tgk_api-key-of-the-test-0001", networks = ["192.0.2.0/24"] }]

[[applications]]
name = "Lone"
owner = "tom"
keys = [{ type = "sandbox", consumer_key = "lone-consumer-key", consumer_secret = "a-secret-of-the-test", grants = ["client_credentials"] }]
"#;

/// Serves an API that asks who calls, to users and applications of a registry.
async fn serving() -> (Origin, Gateway) {
    let origin = origin().start().await;
    let news = format!(
        "name = \"News\"\ncontext = \"/news\"\n\
         scopes = [{{ key = \"news_read\", roles = [\"employee\", \"manager\"] }}, {{ key = \"news_write\", roles = [\"manager\"] }}]\n\
         [[versions]]\nversion = \"1.0\"\nstate = \"published\"\nsecurity = [\"oauth2\", \"api_key\", \"basic\"]\n\
         endpoints = {{ production = [{:?}] }}\n\
         [[versions.resources]]\npath = \"/read\"\nmethods = [\"GET\"]\nscopes = [\"news_read\"]\n\
         [[versions.resources]]\npath = \"/write\"\nmethods = [\"GET\"]\nscopes = [\"news_write\"]\n\
         [[versions.resources]]\npath = \"/any\"\nmethods = [\"GET\"]\n\
         [[versions.resources]]\npath = \"/mine\"\nmethods = [\"GET\"]\nauth = \"application_user\"\n\
         [[versions.resources]]\npath = \"/free\"\nmethods = [\"GET\"]\nauth = \"none\"\n",
        origin.url()
    );
    let builder = gateway()
        .file("bootstrap.toml", BOOTSTRAP)
        .set("explain.refusals", "20");
    let gateway = builder.file("catalog/apis/news.toml", &news).start().await;
    (origin, gateway)
}

async fn token(gateway: &Gateway, client: &str, form: &str) -> String {
    let basic = STANDARD.encode(format!("{client}:a-secret-of-the-test"));
    let ask = post("/oauth2/token", form)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .header("Authorization", &format!("Basic {basic}"));
    let answer = gateway.call(ask).await.expect(200).json();
    answer["access_token"].as_str().unwrap().to_owned()
}

async fn token_of(gateway: &Gateway, user: &str, scope: &str) -> String {
    let form = format!("grant_type=password&username={user}&password={user}-of-the-test&scope={scope}");
    token(gateway, "news-consumer-key", &form).await
}

/// Somebody who runs the gateway.
struct Operator<'g>(&'g Gateway, String);

impl<'g> Operator<'g> {
    async fn of(gateway: &'g Gateway) -> Self {
        Self(gateway, token_of(gateway, "boss", "tollgate:admin").await)
    }

    async fn ask(&self, call: Call) -> Reply {
        let bearer = format!("Bearer {}", self.1);
        self.0.admin(call.header("Authorization", &bearer)).await
    }

    async fn explain(&self, method: &str, path: &str, more: Value) -> Value {
        let mut question = json!({ "method": method, "url": format!("http://gateway.test{path}") });
        for (name, value) in more.as_object().unwrap() {
            question[name] = value.clone();
        }
        let reply = self.ask(post("/explain", question.to_string())).await.expect(200);
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        reply.json()
    }
}

/// Returns the code, the stage and the rule of a refusal.
#[track_caller]
fn refused(explained: &Value) -> (String, String, String) {
    assert_eq!(explained["decision"], "refused", "{explained:#}");
    let steps = explained["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["outcome"] == "refused").unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&explained["code"]), text(&step["stage"]), text(&step["rule"]))
}

/// Tells whether a refusal is explained by this code and this stage.
#[track_caller]
fn is_refused(explained: &Value, code: &str, stage: &str, line: usize) {
    let (found, at, rule) = refused(explained);
    assert_eq!((found.as_str(), at.as_str()), (code, stage), "{explained:#}");
    if line == 0 {
        assert_eq!(rule, "", "{explained:#}");
    } else {
        assert!(rule.ends_with(&format!("news.toml:{line}")), "{rule}: {explained:#}");
    }
}

#[expect(clippy::too_many_lines, reason = "one table, read as one")]
#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_is_explained_as_it_would_be_given() {
    let (origin, gateway) = serving().await;
    let operator = Operator::of(&gateway).await;
    let tom = token_of(&gateway, "tom", "news_read").await;
    let own = token(&gateway, "news-consumer-key", "grant_type=client_credentials").await;
    let lone = token(&gateway, "lone-consumer-key", "grant_type=client_credentials").await;
    let nothing = || json!({});
    let bad = format!("{}x", &tom[..tom.len() - 2]);
    for (method, path, more, code, stage, line) in [
        ("GET", "/nothing/1.0", nothing(), "404", "locate", 0),
        ("GET", "/news/1.0/nothing", nothing(), "404", "match_resource", 4),
        ("POST", "/news/1.0/read", nothing(), "405", "match_resource", 4),
        ("GET", "/news/1.0/../x", nothing(), "400", "bound", 0),
        ("GET", "/news/1.0/any", nothing(), "900902", "authenticate", 17),
        (
            "GET",
            "/news/1.0/any",
            json!({ "token": bad }),
            "900901",
            "authenticate",
            17,
        ),
        (
            "GET",
            "/news/1.0/any",
            json!({ "headers": ["apikey: tgk_nobody-has-this-one"] }),
            "900901",
            "authenticate",
            17,
        ),
        (
            "GET",
            "/news/1.0/any",
            json!({ "headers": ["apikey: tgk_api-key-of-the-test-0001"] }),
            "900908",
            "authenticate",
            17,
        ),
        (
            "GET",
            "/news/1.0/mine",
            json!({ "token": own }),
            "900905",
            "authenticate",
            20,
        ),
        ("GET", "/news/1.0/any", json!({ "token": lone }), "900908", "entitle", 4),
        (
            "GET",
            "/news/1.0/write",
            json!({ "token": tom }),
            "900910",
            "authorize",
            13,
        ),
    ] {
        let explained = operator.explain(method, path, more.clone()).await;
        is_refused(&explained, code, stage, line);
        // The same as the caller is told who comes with it.
        let mut call = call(method, path);
        if let Some(token) = more["token"].as_str() {
            call = call.header("Authorization", &format!("Bearer {token}"));
        }
        for field in more["headers"].as_array().into_iter().flatten() {
            let (name, value) = field.as_str().unwrap().split_once(": ").unwrap();
            call = call.header(name, value);
        }
        let reply = gateway.call(call).await;
        assert_eq!(reply.json()["code"], code, "{method} {path}");
        assert_eq!(explained["status"], reply.status, "{method} {path}");
        assert!(!explained.to_string().contains("tgk_"), "{explained}");
        for secret in [&tom, &own, &lone, &bad] {
            assert!(!explained.to_string().contains(secret.as_str()), "{explained}");
        }
    }
    origin.saw_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_the_claim_the_scopes_and_the_roles_that_are_wanting() {
    let (origin, gateway) = serving().await;
    let operator = Operator::of(&gateway).await;
    let tom = token_of(&gateway, "tom", "news_read").await;
    let explained = operator
        .explain("GET", "/news/1.0/write", json!({ "token": tom }))
        .await;
    let scope = &explained["scopes"][0];
    assert_eq!((&scope["key"], &scope["held"]), (&"news_write".into(), &false.into()));
    assert_eq!(
        (&scope["backed"], &scope["roles"]),
        (&false.into(), &json!(["manager"]))
    );
    assert!(scope["rule"].as_str().unwrap().ends_with("news.toml:3"), "{scope}");
    assert_eq!(explained["caller"]["scopes"], json!(["news_read"]));
    assert_eq!(explained["caller"]["roles"], json!(["employee"]));
    assert_eq!(explained["caller"]["application"], "NewsApp");
    assert_eq!(explained["subscription"]["state"], "UNBLOCKED");
    let john = STANDARD.encode("john:not-the-password");
    let field = format!("Authorization: Basic {john}");
    let explained = operator
        .explain("GET", "/news/1.0/any", json!({ "headers": [field] }))
        .await;
    assert_eq!(explained["credentials"][0]["flaw"], "not_authentic", "{explained:#}");
    assert_eq!(explained["fetched"], json!(["whether it is the user's password"]));
    assert!(!explained.to_string().contains(&john));
    let header = STANDARD.encode(br#"{"alg":"ES256","kid":"nobody"}"#).replace('=', "");
    let foreign = format!("{header}.e30.c2ln");
    let explained = operator
        .explain("GET", "/news/1.0/any", json!({ "token": foreign }))
        .await;
    assert_eq!(explained["credentials"][0]["claim"], "iss", "{explained:#}");
    origin.saw_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_permitted_is_said_without_calling_a_backend() {
    let (origin, gateway) = serving().await;
    let operator = Operator::of(&gateway).await;
    let tom = token_of(&gateway, "tom", "news_read").await;
    let explained = operator.explain("GET", "/news/1.0/read", json!({ "token": tom })).await;
    assert_eq!(explained["decision"], "permitted", "{explained:#}");
    let steps = explained["steps"].as_array().unwrap();
    assert!(steps.iter().all(|step| step["outcome"] == "passed"), "{explained:#}");
    let from = json!({ "headers": ["apikey: tgk_api-key-of-the-test-0001"], "client_ip": "192.0.2.7" });
    assert_eq!(
        operator.explain("GET", "/news/1.0/any", from).await["decision"],
        "permitted"
    );
    let reply = operator.ask(get("/explain?url=%2Fnews%2F1.0%2Ffree")).await.expect(200);
    assert_eq!(reply.json()["decision"], "permitted");
    assert_eq!(
        operator.explain("OPTIONS", "/news/1.0/any", json!({})).await["decision"],
        "answered"
    );
    assert_eq!(
        operator.explain("POST", "/oauth2/token", json!({})).await["decision"],
        "own"
    );
    origin.saw_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_is_blocked_is_named() {
    let (origin, gateway) = serving().await;
    let operator = Operator::of(&gateway).await;
    let tom = token_of(&gateway, "tom", "news_read").await;
    let registry = gateway.registry();
    let application = registry
        .view()
        .applications(None)
        .into_iter()
        .find(|one| one.name == "NewsApp")
        .unwrap();
    let (_, subscription) = registry.view().subscriptions_of(application.id).remove(0);
    for (state, code) in [
        (SubscriptionState::Blocked, "900907"),
        (SubscriptionState::OnHold, "900909"),
    ] {
        registry.set_subscription_state(subscription.id, state).await.unwrap();
        let explained = operator.explain("GET", "/news/1.0/read", json!({ "token": tom })).await;
        is_refused(&explained, code, "entitle", 4);
        assert_eq!(explained["subscription"]["state"], state.word());
    }
    origin.saw_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_is_explained_by_its_id() {
    let (origin, gateway) = serving().await;
    let operator = Operator::of(&gateway).await;
    let tom = token_of(&gateway, "tom", "news_read").await;
    let call = get("/news/1.0/write?secret=x").header("Authorization", &format!("Bearer {tom}"));
    let reply = gateway.call(call).await.refused(403, &origin);
    let id = reply.header("x-request-id").unwrap();
    let found = operator
        .ask(get(&format!("/explain?request={id}")))
        .await
        .expect(200)
        .json();
    let refused = &found["refused"][0];
    for (name, value) in [
        ("request_id", json!(id)),
        ("method", json!("GET")),
        ("path", json!("/news/1.0/write")),
        ("code", json!("900910")),
        ("reason", json!("missing_scope")),
        ("stage", json!("authorize")),
        ("version", json!(["carbon.super", "News", "1.0"])),
        ("resource", json!("/write")),
        ("application", json!("NewsApp")),
        ("subject", json!("tom@carbon.super")),
        ("wanted_scopes", json!(["news_write"])),
        ("held_scopes", json!(["news_read"])),
    ] {
        assert_eq!(refused[name], value, "{refused:#}");
    }
    assert!(
        refused["rule"].as_str().unwrap().ends_with("news.toml:13"),
        "{refused:#}"
    );
    assert!(!found.to_string().contains("secret") && !found.to_string().contains(&tom));
    let flawed = get("/news/1.0/any")
        .header("apikey", "tgk_nobody")
        .header("X-Request-Id", "mine");
    gateway.call(flawed).await.refused(401, &origin);
    let found = operator.ask(get("/explain?request=mine")).await.expect(200).json();
    assert_eq!(found["refused"][0]["flaw"], "unknown", "{found:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_last_refusals_are_remembered() {
    let (_, gateway) = serving().await;
    let operator = Operator::of(&gateway).await;
    let mut caller = gateway.connect().await;
    for number in 0..25 {
        let call = get("/nothing").header("X-Request-Id", &format!("number-{number}"));
        caller.call(call).await.expect(404);
    }
    let ask = async |number: usize| {
        operator
            .ask(get(&format!("/explain?request=number-{number}")))
            .await
            .status
    };
    assert_eq!((ask(4).await, ask(5).await, ask(24).await), (404, 200, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_is_told() {
    let (origin, gateway) = serving().await;
    let ask = || get("/explain?url=%2Fnews%2F1.0%2Fany");
    let bare = gateway.admin(ask()).await.expect(401);
    assert_eq!(bare.header("content-type"), Some("application/problem+json"));
    assert_eq!(
        bare.header("www-authenticate"),
        Some("Bearer realm=\"tollgate\", scope=\"tollgate:admin\"")
    );
    let tom = token_of(&gateway, "tom", "tollgate:admin").await;
    let boss_unscoped = token_of(&gateway, "boss", "").await;
    let own = token(
        &gateway,
        "news-consumer-key",
        "grant_type=client_credentials&scope=tollgate:admin",
    )
    .await;
    for (token, status) in [
        ("nonsense", 401),
        (tom.as_str(), 403),
        (boss_unscoped.as_str(), 403),
        (own.as_str(), 401),
    ] {
        let bearer = format!("Bearer {token}");
        let reply = gateway
            .admin(ask().header("Authorization", &bearer))
            .await
            .expect(status);
        assert_eq!(reply.json()["status"], status, "{reply:?}");
    }
    gateway.call(ask()).await.refused(404, &origin);
    let operator = Operator::of(&gateway).await;
    let field = get("/explain?url=%2Fx&header=Authorization:%20secret");
    let reply = operator.ask(field).await.expect(400);
    assert!(!reply.text().contains("secret"), "{reply:?}");
    operator
        .ask(post("/explain", "{\"token\": 1, \"secret\""))
        .await
        .expect(400);
    operator.ask(call("DELETE", "/explain")).await.expect(405);
}
