//! Every grant: what it gives, and to whom not.

use serde_json::json;

use super::*;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";

#[tokio::test]
async fn an_application_gets_a_token_of_its_own_without_a_refresh_token() {
    let scene = Scene::begin().await;
    for path in ["/oauth2/token", "/token"] {
        let answer = scene.post(path, &CREDENTIALS).await.done();
        assert_eq!(
            (answer.header("cache-control"), answer.header("pragma")),
            ("no-store", "no-cache")
        );
        let body = answer.json();
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["expires_in"], 3_600);
        assert_eq!(body["scope"], "am_application_scope default");
        assert!(body.get("refresh_token").is_none() && body.get("id_token").is_none());
        let token = answer.text("access_token");
        assert_eq!(part(&token, 0)["typ"], "at+jwt");
        let claims = claims(&token);
        assert_eq!(claims["iss"], ISSUER);
        assert_eq!(claims["sub"], key("app"));
        assert_eq!(claims["aut"], "APPLICATION");
        assert_eq!(claims["keytype"], "PRODUCTION");
        assert_eq!(claims["exp"], START + 3_600);
        assert_eq!(claims["application"]["owner"], "owner@carbon.super");
        assert!(scene.is_active(&token).await);
    }
}

#[tokio::test]
async fn an_application_has_what_its_owner_may() {
    let scene = Scene::begin().await;
    let ask = [CREDENTIALS[0], ("scope", "news_read news_write openid")];
    assert_eq!(
        scene.token(&ask).await.done().text("scope"),
        "am_application_scope news_read"
    );
}

#[tokio::test]
async fn tom_may_read_and_john_may_write() {
    let scene = Scene::begin().await;
    for (name, granted) in [
        ("tom", "news_read"),
        ("john", "news_read news_write"),
        ("anna@acme.example", "default"),
    ] {
        let answer = scene.password("app", name, "news_read news_write").await.done();
        assert_eq!(answer.text("scope"), granted, "{name}");
        let claims = claims(&answer.text("access_token"));
        assert_eq!(claims["scope"], granted);
        assert_eq!(claims["aut"], "APPLICATION_USER");
        let full = if name.contains('@') {
            name.to_owned()
        } else {
            format!("{name}@carbon.super")
        };
        assert_eq!(claims["sub"], full);
    }
    assert_eq!(scene.password("app", "tom", "").await.done().text("scope"), "default");
}

#[tokio::test]
async fn each_request_gets_another_token() {
    let scene = Scene::begin().await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..5 {
        assert!(seen.insert(scene.token(&CREDENTIALS).await.done().text("access_token")));
    }
}

#[tokio::test]
async fn openid_gets_an_id_token_that_is_no_access_token() {
    let scene = Scene::begin().await;
    let answer = scene.password("app", "tom", "openid").await.done();
    let id_token = answer.text("id_token");
    let claims = claims(&id_token);
    assert_eq!(
        (claims["aud"].as_str(), claims["azp"].as_str()),
        (Some("app-consumer-key"), Some("app-consumer-key"))
    );
    assert_eq!(claims["auth_time"], START);
    let hash = crate::registry::token::Digest::of(&answer.text("access_token")).0;
    assert_eq!(claims["at_hash"], URL_SAFE_NO_PAD.encode(&hash[..16]));
    assert!(!scene.is_active(&id_token).await);
    let bearer = |token: &str| format!("Bearer {token}");
    let userinfo = scene
        .get(
            "/oauth2/userinfo",
            &[("authorization", &bearer(&answer.text("access_token")))],
        )
        .await;
    assert_eq!(
        userinfo.done().json(),
        json!({"sub": "tom@carbon.super", "preferred_username": "tom"})
    );
    let userinfo = scene
        .get("/oauth2/userinfo", &[("authorization", &bearer(&id_token))])
        .await;
    userinfo.refused(401, "invalid_token");
    assert!(userinfo.header("www-authenticate").contains("error=\"invalid_token\""));
    let none = scene.get("/oauth2/userinfo", &[]).await;
    assert_eq!(
        (none.status.as_u16(), none.header("www-authenticate")),
        (401, "Bearer realm=\"tollgate\"")
    );
    let other = scene
        .password("app", "tom", "news_read")
        .await
        .done()
        .text("access_token");
    let userinfo = scene
        .get("/oauth2/userinfo", &[("authorization", &bearer(&other))])
        .await;
    userinfo.refused(403, "insufficient_scope");
    let by_form = scene
        .post_bare(
            "/oauth2/userinfo",
            &[("access_token", &answer.text("access_token"))],
            peer(),
        )
        .await;
    assert_eq!(by_form.done().text("sub"), "tom@carbon.super");
}

#[tokio::test]
async fn a_refresh_token_is_of_use_once_and_a_second_use_ends_the_family() {
    let scene = Scene::begin().await;
    let first = scene.password("app", "john", "news_read news_write").await.done();
    let refresh = |token: String| {
        let scene = &scene;
        async move {
            scene
                .token(&[("grant_type", "refresh_token"), ("refresh_token", &token)])
                .await
        }
    };
    let second = refresh(first.text("refresh_token")).await.done();
    assert_eq!(second.text("scope"), "news_read news_write");
    let third = refresh(second.text("refresh_token")).await.done();
    assert!(scene.is_active(&first.text("access_token")).await);
    refresh(first.text("refresh_token")).await.refused(400, "invalid_grant");
    refresh(third.text("refresh_token")).await.refused(400, "invalid_grant");
    for answer in [first, second, third] {
        assert!(!scene.is_active(&answer.text("access_token")).await);
        assert!(!scene.is_active(&answer.text("refresh_token")).await);
    }
}

#[tokio::test]
async fn a_refresh_brings_an_id_token_of_the_same_sign_in() {
    let scene = Scene::begin().await;
    let first = scene.password("app", "tom", "openid").await.done();
    let before = claims(&first.text("id_token"));
    let mut token = first.text("refresh_token");
    for _ in 0..2 {
        scene.step(60);
        let pairs = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
        let next = scene.token(&pairs).await.done();
        let after = claims(&next.text("id_token"));
        for same in ["iss", "sub", "aud", "azp", "auth_time"] {
            assert_eq!(after[same], before[same], "{same}");
        }
        assert!(after["iat"].as_u64() > before["iat"].as_u64() && after["exp"].as_u64() > before["exp"].as_u64());
        assert_ne!(after["at_hash"], before["at_hash"]);
        assert!(after.get("nonce").is_none());
        token = next.text("refresh_token");
    }
    let without = scene
        .password("app", "tom", "news_read")
        .await
        .done()
        .text("refresh_token");
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", without.as_str())];
    let plain = scene.token(&pairs).await.done();
    assert!(plain.json().get("id_token").is_none());
}

#[tokio::test]
async fn a_refresh_token_is_its_clients_and_gives_no_more_than_was_granted_and_is_allowed_now() {
    let scene = Scene::begin().await;
    scene.client("other", ClientProof::default(), TokenType::Jwt).await;
    let first = scene
        .password("app", "john", "news_read news_write")
        .await
        .done()
        .text("refresh_token");
    let ask = |scope: &'static str, token: String| {
        let scene = &scene;
        async move {
            scene
                .token(&[
                    ("grant_type", "refresh_token"),
                    ("refresh_token", &token),
                    ("scope", scope),
                ])
                .await
        }
    };
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", first.as_str())];
    scene
        .post_as("other", "/oauth2/token", &pairs)
        .await
        .refused(400, "invalid_grant");
    ask("news_read openid", first.clone())
        .await
        .refused(400, "invalid_scope");
    let narrowed = ask("news_read", first).await.done();
    assert_eq!(narrowed.text("scope"), "news_read");
    let whole = ask("", narrowed.text("refresh_token")).await.done();
    assert_eq!(
        whole.text("scope"),
        "news_read news_write",
        "narrowing one token narrows no other"
    );
    let john = user("john", "carbon.super");
    scene
        .authority
        .registry
        .set_roles(&john, vec!["employee".to_owned()])
        .await
        .unwrap();
    let demoted = ask("", whole.text("refresh_token")).await.done();
    assert_eq!(demoted.text("scope"), "news_read");
    scene.step(86_401);
    ask("", demoted.text("refresh_token"))
        .await
        .refused(400, "invalid_grant");
}

#[tokio::test]
async fn a_deleted_user_has_nothing_left() {
    let scene = Scene::begin().await;
    let answer = scene.password("app", "tom", "news_read").await.done();
    let tom = user("tom", "carbon.super");
    scene.authority.registry.delete_user(&tom).await.unwrap();
    assert!(!scene.is_active(&answer.text("access_token")).await);
    let pairs = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &answer.text("refresh_token")),
    ];
    scene.token(&pairs).await.refused(400, "invalid_grant");
    scene.step(10);
    let again = NewUser {
        name: tom,
        password: "password of tom".to_owned(),
        roles: vec!["manager".to_owned()],
    };
    scene.authority.registry.add_user(again, scene.now()).await.unwrap();
    assert!(
        !scene.is_active(&answer.text("access_token")).await,
        "the new tom is somebody else"
    );
    scene.token(&pairs).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn opaque_tokens_say_nothing_and_are_introspected() {
    let scene = Scene::begin().await;
    scene.client("opaque", ClientProof::default(), TokenType::Opaque).await;
    let answer = scene.password("opaque", "tom", "news_read").await.done();
    let token = answer.text("access_token");
    assert!(token.len() == 43 && !token.contains('.'));
    let told = scene
        .post("/oauth2/introspect", &[("token", &token)])
        .await
        .done()
        .json();
    assert_eq!(told["client_id"], key("opaque"));
    assert_eq!(
        (told["username"].as_str(), told["scope"].as_str()),
        (Some("tom@carbon.super"), Some("news_read"))
    );
    scene.step(3_600);
    assert!(!scene.is_active(&token).await);
}

#[tokio::test]
async fn a_token_is_exchanged_for_a_narrower_one_of_the_client_that_asks() {
    let scene = Scene::begin().await;
    scene.client("service", ClientProof::default(), TokenType::Jwt).await;
    let old = scene.password("app", "john", "news_read news_write").await.done();
    scene.step(600);
    let token = old.text("access_token");
    let exchange = [
        ("grant_type", EXCHANGE),
        ("subject_token", token.as_str()),
        ("subject_token_type", ACCESS),
    ];
    let ask = |more: &'static [(&'static str, &'static str)]| [&exchange, more].concat();
    let answer = scene
        .post_as("service", "/oauth2/token", &ask(&[("scope", "news_read")]))
        .await
        .done();
    assert_eq!(answer.text("issued_token_type"), ACCESS);
    assert_eq!(
        (answer.text("scope").as_str(), answer.json()["expires_in"].as_u64()),
        ("news_read", Some(3_000))
    );
    let new = answer.text("access_token");
    assert_eq!(claims(&new)["client_id"], key("service"));
    assert_eq!(claims(&new)["sub"], "john@carbon.super");
    assert!(claims(&new).get("act").is_none());
    for (more, error) in [
        (&[("scope", "news_read openid")][..], "invalid_scope"),
        (&[("audience", "somebody")], "invalid_target"),
        (&[("resource", "https://a.example")], "invalid_target"),
        (
            &[("requested_token_type", "urn:ietf:params:oauth:token-type:saml2")],
            "invalid_request",
        ),
        (&[("actor_token_type", ACCESS)], "invalid_request"),
    ] {
        scene
            .post_as("service", "/oauth2/token", &ask(more))
            .await
            .refused(400, error);
    }
    // What it came from ends it, too.
    scene.post("/oauth2/revoke", &[("token", &token)]).await.done();
    assert!(!scene.is_active(&new).await);
    scene
        .post_as("service", "/oauth2/token", &exchange)
        .await
        .refused(400, "invalid_request");
}

#[tokio::test]
async fn an_actor_stands_in_the_token_and_after_it_who_acted_before() {
    let scene = Scene::begin().await;
    scene.client("service", ClientProof::default(), TokenType::Jwt).await;
    scene.client("opaque", ClientProof::default(), TokenType::Opaque).await;
    let subject = scene
        .password("app", "john", "news_read")
        .await
        .done()
        .text("access_token");
    let mut acted = subject.clone();
    for client in ["app", "service"] {
        let actor = scene
            .post_as(client, "/oauth2/token", &CREDENTIALS)
            .await
            .done()
            .text("access_token");
        let pairs = [
            ("grant_type", EXCHANGE),
            ("subject_token", acted.as_str()),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
            ("actor_token", &actor),
            ("actor_token_type", ACCESS),
        ];
        let answer = scene.post_as(client, "/oauth2/token", &pairs).await.done();
        assert!(answer.json().get("refresh_token").is_none());
        acted = answer.text("access_token");
    }
    let act = &claims(&acted)["act"];
    assert_eq!(
        (act["sub"].as_str(), act["act"]["sub"].as_str()),
        (Some("service-consumer-key"), Some("app-consumer-key"))
    );
    let told = scene
        .post("/oauth2/introspect", &[("token", &acted)])
        .await
        .done()
        .json();
    assert_eq!(told["act"]["client_id"], key("service"));
    // Somebody else's token makes nobody an actor, and opaque tokens cannot name one.
    let others = scene.token(&CREDENTIALS).await.done().text("access_token");
    let own = scene
        .post_as("opaque", "/oauth2/token", &CREDENTIALS)
        .await
        .done()
        .text("access_token");
    for actor in [&others, &own] {
        let pairs = [
            ("grant_type", EXCHANGE),
            ("subject_token", subject.as_str()),
            ("subject_token_type", ACCESS),
            ("actor_token", actor),
            ("actor_token_type", ACCESS),
        ];
        scene
            .post_as("opaque", "/oauth2/token", &pairs)
            .await
            .refused(400, "invalid_request");
    }
}

#[tokio::test]
async fn only_users_tokens_of_ones_own_tenant_are_exchanged() {
    let scene = Scene::begin().await;
    let own = scene.token(&CREDENTIALS).await.done().text("access_token");
    let anna = scene
        .password("app", "anna@acme.example", "")
        .await
        .done()
        .text("access_token");
    let id_token = scene.password("app", "tom", "openid").await.done().text("id_token");
    for token in [&own, &anna, &id_token, &"x".to_owned(), &"a.b.c".to_owned()] {
        let pairs = [
            ("grant_type", EXCHANGE),
            ("subject_token", token),
            ("subject_token_type", ACCESS),
        ];
        scene.token(&pairs).await.refused(400, "invalid_request");
    }
}

#[tokio::test]
async fn a_client_uses_the_grants_that_it_has() {
    let scene = Scene::begin().await;
    let owner = user("owner", "carbon.super");
    scene
        .client_of(
            "few",
            ClientProof::default(),
            TokenType::Jwt,
            (owner, &[GrantType::Password]),
        )
        .await;
    let answer = scene.password("few", "tom", "").await.done();
    assert!(answer.json().get("refresh_token").is_none(), "it could not use one");
    scene
        .post_as("few", "/oauth2/token", &CREDENTIALS)
        .await
        .refused(400, "unauthorized_client");
    scene
        .token(&[("grant_type", "implicit")])
        .await
        .refused(400, "unsupported_grant_type");
    scene.token(&[("scope", "a")]).await.refused(400, "invalid_request");
    scene
        .token(&[CREDENTIALS[0], ("scope", "a\"b")])
        .await
        .refused(400, "invalid_scope");
}

#[tokio::test]
async fn an_operator_mints_under_the_same_rule() {
    let scene = Scene::begin().await;
    let tom = user("tom", "carbon.super");
    let mint = |user, scope| crate::oauth::mint(&scene.authority, "app-consumer-key", user, Some(scope));
    let minted = mint(Some(&tom), "news_read news_write").await.unwrap();
    assert_eq!(minted.scope, "news_read");
    assert!(scene.is_active(&minted.access_token).await);
    assert_eq!(
        mint(None, "news_read").await.unwrap().scope,
        "am_application_scope news_read"
    );
    assert!(mint(Some(&user("nobody", "carbon.super")), "").await.is_err());
}
