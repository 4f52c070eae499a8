//! A resource's scopes: any one of them is enough, and only as long as the user has a role that grants it (W 6.1).

use admin::model::name::TenantName;

use crate::harness::*;

const SCOPES: &str = "[[scopes]]\nkey = \"news_read\"\nname = \"Read\"\nroles = [\"employee\", \"manager\"]\n\
                      [[scopes]]\nkey = \"news_write\"\nname = \"Write\"\nroles = [\"manager\"]\n\
                      [[scopes]]\nkey = \"news_admin\"\nname = \"Rule\"\nroles = [\"admin\"]\n";

async fn newsroom() -> (Origin, Gateway, App) {
    let origin = origin().start().await;
    let version = version("1.0")
        .to(&origin)
        .line("security = [\"oauth2\", \"basic\", \"api_key\"]")
        .asking("any", &["GET"], "/news")
        .resource_line("scopes = [\"news_read\"]")
        .asking("any", &["POST"], "/news")
        .resource_line("scopes = [\"news_admin\", \"news_write\"]");
    let gateway = gateway()
        .set("oauth.algorithm", "\"ES256\"")
        .file("catalog/scopes.toml", SCOPES)
        .api(&api("News", "/news").version(version))
        .start()
        .await;
    let app = gateway.app("joe", "Desk").await;
    gateway.subscribe(&app, "News", "1.0").await;
    gateway.user("tom", &["employee"]).await;
    gateway.user("john", &["employee", "manager"]).await;
    (origin, gateway, app)
}

#[tokio::test(flavor = "multi_thread")]
async fn tom_may_read_and_john_may_write() {
    let (origin, gateway, app) = newsroom().await;
    for (user, granted) in [("tom", "news_read"), ("john", "news_read news_write")] {
        let answer = gateway.user_grant(&app.keys, user, "news_read news_write").await;
        assert_eq!(answer["scope"], granted);
        let token = answer["access_token"].as_str().unwrap().to_owned();
        gateway.call(get("/news/1.0/news").bearer(&token)).await.expect(200);
        let before = origin.requests().len();
        let reply = gateway.call(post("/news/1.0/news", "x").bearer(&token)).await;
        if user == "john" {
            reply.expect(200);
            continue;
        }
        let reply = reply.expect(403);
        assert_eq!(origin.requests().len(), before);
        assert_eq!(reply.json()["code"], "900910");
        assert!(!reply.text().contains(&token));
        let challenge = reply.header("www-authenticate").unwrap();
        assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
        assert!(challenge.contains("scope=\"news_admin news_write\""), "{challenge}");
    }
    let nothing = gateway.user_token(&app.keys, "tom", "").await;
    gateway.call(get("/news/1.0/news").bearer(&nothing)).await.expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_taken_away_ends_what_it_granted_at_the_next_request() {
    let (origin, gateway, app) = newsroom().await;
    let token = gateway.user_token(&app.keys, "john", "news_read news_write").await;
    let john = admin::registry::user::UserName {
        tenant: TenantName::root(),
        name: "john".to_owned(),
    };
    let known_as = basic("john", PASSWORD);
    let mut caller = gateway.connect().await;
    let as_token = || post("/news/1.0/news", "x").bearer(&token);
    let as_basic = || post("/news/1.0/news", "x").header("Authorization", &known_as);
    caller.call(as_token()).await.expect(200);
    caller.call(as_basic()).await.expect(200);
    let registry = gateway.registry();
    registry.set_roles(&john, vec!["employee".to_owned()]).await.unwrap();
    caller.call(as_token()).await.expect(403);
    caller.call(as_basic()).await.expect(403);
    registry.set_roles(&john, vec!["manager".to_owned()]).await.unwrap();
    caller.call(as_token()).await.expect(200);
    registry.delete_role(&TenantName::root(), "manager").await.unwrap();
    caller.call(as_token()).await.expect(403);
    caller.call(as_basic()).await.expect(403);
    assert_eq!(origin.requests().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_gains_roles_is_asked_for_them_at_the_next_request() {
    let (origin, gateway, app) = newsroom().await;
    let token = gateway.user_token(&app.keys, "tom", "news_read").await;
    let mut caller = gateway.connect().await;
    caller.call(get("/news/1.0/news").bearer(&token)).await.expect(200);
    gateway.edit(
        "scopes.toml",
        &SCOPES.replace("[\"employee\", \"manager\"]", "[\"manager\"]"),
    );
    gateway.reloaded();
    caller.call(get("/news/1.0/news").bearer(&token)).await.expect(403);
    origin.only_request();
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_are_not_asked_of_api_keys_and_an_application_has_its_owners_roles() {
    let (origin, gateway, app) = newsroom().await;
    let key = gateway.api_key(&app, Default::default()).await;
    let with_scope = |scope: &str| format!("grant_type=client_credentials&scope={scope}");
    let granted = gateway.grant(&app.keys, &with_scope("news_read")).await;
    assert_eq!(granted["scope"], "am_application_scope default");
    let token = granted["access_token"].as_str().unwrap().to_owned();
    gateway
        .call(get("/news/1.0/news").bearer(&token))
        .await
        .refused(403, &origin);
    gateway
        .call(get("/news/1.0/news").header("apikey", &key))
        .await
        .expect(200);
}
