//! A resource's auth type decides which kinds of token are taken, exactly as W 5.1 has it, for the very next request.

use admin::registry::application::TokenType;

use crate::harness::*;

fn pets(origin: &Origin, closed: &str) -> Api {
    let version = version("1.0")
        .to(origin)
        .asking("none", &["GET"], "/none")
        .asking("application", &["GET"], "/application")
        .asking("application_user", &["GET"], "/application_user")
        .asking("any", &["GET"], "/any")
        .asking(closed, &["GET"], "/changing");
    api("Pets", "/p").version(version)
}

struct Shown {
    application: String,
    user: String,
}

async fn world(token_type: TokenType) -> (Origin, Gateway, Shown) {
    let origin = origin().start().await;
    let gateway = gateway()
        .set("oauth.algorithm", "\"ES256\"")
        .api(&pets(&origin, "any"))
        .start()
        .await;
    let app = gateway.app_with("joe", "Phone", token_type).await;
    gateway.subscribe(&app, "Pets", "1.0").await;
    let shown = Shown {
        application: gateway.app_token(&app.keys).await,
        user: gateway.user_token(&app.keys, "joe", "").await,
    };
    (origin, gateway, shown)
}

/// Tries every auth type with every kind of token, each on the same connection.
async fn the_table_holds(token_type: TokenType) {
    let (origin, gateway, shown) = world(token_type).await;
    let garbage = ["nonsense", "a.b.c", "eyJhbGciOiJub25lIn0.e30."];
    let (application, user) = (shown.application.as_str(), shown.user.as_str());
    let (missing, wrong) = ((401, "900902"), (401, "900905"));
    let ok = (200, "");
    let mut caller = gateway.connect().await;
    for (auth, of_nobody, of_application, of_user) in [
        ("none", ok, ok, ok),
        ("application", missing, ok, wrong),
        ("application_user", missing, wrong, ok),
        ("any", missing, ok, ok),
    ] {
        let of_garbage = if auth == "none" { ok } else { (401, "900901") };
        let mut cases = vec![
            (None, of_nobody),
            (Some(application), of_application),
            (Some(user), of_user),
        ];
        cases.extend(garbage.map(|token| (Some(token), of_garbage)));
        for (token, (status, code)) in cases {
            let before = origin.requests().len();
            let call = get(&format!("/p/1.0/{auth}"));
            let reply = caller
                .call(token.map_or(call.clone(), |token| call.bearer(token)))
                .await;
            let reply = reply.expect(status);
            let is_served = status == 200;
            assert_eq!(
                origin.requests().len(),
                before + usize::from(is_served),
                "{auth} {token:?}"
            );
            if !is_served {
                assert_eq!(reply.json()["code"], code, "{auth} {token:?}");
                assert!(reply.header("www-authenticate").is_some());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_holds_for_signed_tokens() {
    the_table_holds(TokenType::Jwt).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_holds_for_random_tokens() {
    the_table_holds(TokenType::Opaque).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_auth_type_holds_for_the_next_request_of_a_known_token() {
    let (origin, gateway, shown) = world(TokenType::Jwt).await;
    let mut caller = gateway.connect().await;
    for (auth, of_application, of_user) in [
        ("any", 200, 200),
        ("application", 200, 401),
        ("application_user", 401, 200),
        ("none", 200, 200),
        ("any", 200, 200),
    ] {
        gateway.edit_api(&pets(&origin, auth));
        gateway.reloaded();
        let before = origin.requests().len();
        for (token, status) in [(&shown.application, of_application), (&shown.user, of_user)] {
            caller.call(get("/p/1.0/changing").bearer(token)).await.expect(status);
        }
        let served = usize::from(of_application == 200) + usize::from(of_user == 200);
        assert_eq!(origin.requests().len(), before + served, "{auth}");
    }
}
