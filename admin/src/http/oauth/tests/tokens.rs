//! What becomes of tokens: revoked, introspected, signed by a key that is rotated; and what the server says of itself.

use super::*;

#[tokio::test]
async fn a_revoked_token_is_at_once_none_and_its_family_with_it() {
    let scene = Scene::begin().await;
    scene.client("opaque", ClientProof::default(), TokenType::Opaque).await;
    for client in ["app", "opaque"] {
        for revoked in ["access_token", "refresh_token"] {
            let answer = scene.password(client, "tom", "news_read").await.done();
            let (access, refresh) = (answer.text("access_token"), answer.text("refresh_token"));
            assert!(scene.is_active(&access).await);
            let hint = if revoked == "access_token" {
                "refresh_token"
            } else {
                "nonsense"
            };
            let pairs = [("token", answer.text(revoked)), ("token_type_hint", hint.to_owned())];
            let pairs = pairs.each_ref().map(|(name, value)| (*name, value.as_str()));
            let done = scene.post_as(client, "/oauth2/revoke", &pairs).await.done();
            assert_eq!((done.text.as_str(), done.header("cache-control")), ("", "no-store"));
            assert!(
                done.headers
                    .iter()
                    .all(|(name, _)| !name.as_str().starts_with("revoked"))
            );
            assert!(!scene.is_active(&access).await);
            let pairs = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
            scene
                .post_as(client, "/oauth2/token", &pairs)
                .await
                .refused(400, "invalid_grant");
        }
    }
}

#[tokio::test]
async fn what_is_no_token_counts_as_revoked_but_anothers_does_not() {
    let scene = Scene::begin().await;
    scene.client("other", ClientProof::default(), TokenType::Jwt).await;
    for nonsense in ["x", "a.b.c", "..", "\u{fc}"] {
        scene.post("/revoke", &[("token", nonsense)]).await.done();
    }
    let answer = scene.password("app", "tom", "").await.done();
    for token in ["access_token", "refresh_token"] {
        let pairs = [("token", answer.text(token))];
        let pairs = pairs.each_ref().map(|(name, value)| (*name, value.as_str()));
        scene
            .post_as("other", "/oauth2/revoke", &pairs)
            .await
            .refused(400, "unauthorized_client");
    }
    assert!(scene.is_active(&answer.text("access_token")).await);
    scene.post("/oauth2/revoke", &[]).await.refused(400, "invalid_request");
    scene
        .post_bare("/oauth2/revoke", &[("token", "x")], peer())
        .await
        .refused(401, "invalid_client");
}

#[tokio::test]
async fn clients_are_told_of_tokens_of_their_own_tenant_and_of_refresh_tokens_of_their_own() {
    let scene = Scene::begin().await;
    scene.client("other", ClientProof::default(), TokenType::Jwt).await;
    let anna = user("anna", "acme.example");
    scene
        .client_of("acme", ClientProof::default(), TokenType::Jwt, (anna, &GrantType::ALL))
        .await;
    let answer = scene.password("app", "tom", "news_read").await.done();
    let (access, refresh) = (answer.text("access_token"), answer.text("refresh_token"));
    for (client, token, is_told) in [
        ("app", &access, true),
        ("app", &refresh, true),
        ("other", &access, true),
        ("other", &refresh, false),
        ("acme", &access, false),
        ("acme", &refresh, false),
    ] {
        let told = scene
            .post_as(client, "/oauth2/introspect", &[("token", token)])
            .await
            .done();
        assert_eq!(told.json()["active"], is_told, "{client}");
        assert!(is_told || told.text == r#"{"active":false}"#);
        assert_eq!(told.header("cache-control"), "no-store");
    }
    let public = ClientProof {
        is_public: true,
        ..ClientProof::default()
    };
    scene.client("native", public, TokenType::Jwt).await;
    let pairs = [("client_id", "native-consumer-key"), ("token", &access)];
    scene
        .post_bare("/oauth2/introspect", &pairs, peer())
        .await
        .refused(401, "invalid_client");
}

#[tokio::test]
async fn a_token_ends_with_its_time_its_client_and_its_tenant() {
    let scene = Scene::begin().await;
    scene.client("other", ClientProof::default(), TokenType::Jwt).await;
    let others = scene
        .post_as("other", "/token", &CREDENTIALS)
        .await
        .done()
        .text("access_token");
    assert!(scene.is_active(&others).await);
    scene
        .authority
        .registry
        .delete_key_pair("other-consumer-key")
        .await
        .unwrap();
    assert!(!scene.is_active(&others).await);
    let anna = scene
        .password("app", "anna@acme.example", "")
        .await
        .done()
        .text("access_token");
    assert!(scene.is_active(&anna).await);
    let served = Arc::clone(&scene.catalog.lock());
    let without = Catalog::of(vec![tenant("carbon.super")], served.scopes().to_vec(), Vec::new());
    *scene.catalog.lock() = Arc::new(without);
    assert!(!scene.is_active(&anna).await, "the tenant is gone");
    let own = scene.token(&CREDENTIALS).await.done().text("access_token");
    scene.step(3_599);
    assert!(scene.is_active(&own).await);
    scene.step(1);
    assert!(!scene.is_active(&own).await);
}

#[tokio::test]
async fn no_valid_token_fails_while_keys_rotate() {
    let scene = Scene::begin().await;
    let set = async || {
        let answer = scene.get("/oauth2/jwks", &[]).await.done();
        let keys = answer.json()["keys"].as_array().unwrap().clone();
        keys.iter()
            .map(|key| key["kid"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let before = scene.token(&CREDENTIALS).await.done().text("access_token");
    let new = scene.authority.keys.rotate(scene.now()).unwrap();
    assert!(set().await.contains(&new));
    scene.step(3_599);
    let late = scene.token(&CREDENTIALS).await.done().text("access_token");
    assert_eq!(part(&late, 0)["kid"], part(&before, 0)["kid"]);
    assert!(scene.is_active(&before).await);
    scene.step(1);
    let after = scene.token(&CREDENTIALS).await.done().text("access_token");
    assert_eq!(part(&after, 0)["kid"], new);
    assert!(scene.is_active(&late).await && scene.is_active(&after).await);
    scene.step(3_598);
    scene.authority.keys.tick(scene.now()).unwrap();
    assert!(scene.is_active(&late).await);
    assert_eq!(set().await.len(), 2);
}

#[tokio::test]
async fn the_description_says_what_the_server_does() {
    let scene = Scene::begin().await;
    for path in [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
    ] {
        let answer = scene.get(path, &[]).await.done();
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("content-type"), "application/json");
        let told = answer.json();
        assert_eq!(told["issuer"], ISSUER);
        for (name, url) in told
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| name.ends_with("_endpoint"))
        {
            let path = url.as_str().unwrap().strip_prefix(ISSUER).unwrap();
            let found = scene.get(path, &[]).await.status;
            assert_ne!(found, StatusCode::NOT_FOUND, "{name}");
        }
        for grant in told["grant_types_supported"].as_array().unwrap() {
            let answer = scene.token(&[("grant_type", grant.as_str().unwrap())]).await;
            assert_ne!(answer.json()["error"], "unsupported_grant_type", "{grant}");
        }
        let signed = scene.password("app", "tom", "openid").await.done().text("id_token");
        let signing = told["id_token_signing_alg_values_supported"].as_array().unwrap();
        assert!(signing.contains(&part(&signed, 0)["alg"]));
    }
    let keys = scene.get("/oauth2/jwks", &[]).await.done();
    assert_eq!(keys.header("cache-control"), "public, max-age=300");
    assert_eq!(keys.header("access-control-allow-origin"), "*");
    let preflight = Request::options("/oauth2/jwks")
        .extension(peer())
        .body(Body::empty())
        .unwrap();
    assert_eq!(scene.send(preflight).await.status, StatusCode::NO_CONTENT);
    let token = scene.token(&CREDENTIALS).await.done();
    assert_eq!(
        token.header("access-control-allow-origin"),
        "",
        "only what anybody may read"
    );
}

#[tokio::test]
async fn a_registry_that_cannot_be_asked_is_said_to_be_so() {
    let scene = Scene::begin().await;
    let refresh = scene.password("app", "tom", "").await.done().text("refresh_token");
    scene.authority.registry.close().await;
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let answer = scene.token(&pairs).await;
    answer.refused(503, "temporarily_unavailable");
    assert!(
        !answer.text.contains("sql") && !answer.text.contains("pool"),
        "{}",
        answer.text
    );
    scene
        .password("app", "tom", "")
        .await
        .refused(503, "temporarily_unavailable");
    // What needs no database goes on.
    scene.token(&CREDENTIALS).await.done();
    assert!(scene.directory.path().exists());
}
