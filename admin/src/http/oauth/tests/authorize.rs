//! A code by a browser: signed in, agreed, sent back, redeemed; and everything that must not happen on the way.

use super::*;
use crate::registry::token::Digest;

const VERIFIER: &str = "a-verifier-that-is-random-enough-for-a-test-0123456789";

/// A browser: it keeps one cookie.
struct Browser<'a> {
    scene: &'a Scene,
    cookie: String,
}

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Digest::of(VERIFIER).0)
}

/// Writes a request's query with these parameters set otherwise; empty ones are left out.
fn query(changes: &[(&str, &str)]) -> String {
    let challenge = challenge();
    let mut pairs = vec![
        ("response_type", "code"),
        ("client_id", "app-consumer-key"),
        ("redirect_uri", BACK),
        ("scope", "openid news_read news_write"),
        ("state", "state & more"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
        ("nonce", "n-1"),
    ];
    for (name, value) in changes {
        pairs.retain(|(is, _)| is != name);
        pairs.push((name, value));
    }
    form::encode(pairs.into_iter().filter(|(_, value)| !value.is_empty()))
}

/// Finds the mark of the form in a page.
fn mark(answer: &Answer) -> String {
    let (_, rest) = answer
        .text
        .split_once("name=\"mark\" value=\"")
        .unwrap_or_else(|| panic!("no form: {}", answer.text));
    rest.split_once('"').unwrap().0.to_owned()
}

/// Reads the parameters of the answer that a browser is sent back with.
fn back(answer: &Answer) -> form::Form {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    let (uri, query) = answer.header("location").split_once('?').unwrap();
    assert_eq!(uri, BACK);
    form::Form::parse(query.as_bytes()).unwrap()
}

impl<'a> Browser<'a> {
    fn of(scene: &'a Scene) -> Self {
        let cookie = String::new();
        Self { scene, cookie }
    }

    async fn send(&mut self, request: http::request::Builder, body: String) -> Answer {
        let request = request.header("cookie", &self.cookie).extension(peer());
        let answer = self.scene.send(request.body(body.into()).unwrap()).await;
        if let Some((cookie, rest)) = answer.header("set-cookie").split_once(';') {
            assert!(cookie.starts_with("__Host-tollgate_session="));
            assert_eq!(rest.trim(), "Path=/; HttpOnly; SameSite=Lax; Secure");
            cookie.clone_into(&mut self.cookie);
        }
        answer
    }

    async fn get(&mut self, query: &str) -> Answer {
        self.send(Request::get(format!("/oauth2/authorize?{query}")), String::new())
            .await
    }

    async fn post(&mut self, form: &str, query: &str, pairs: &[(&str, &str)]) -> Answer {
        let request = post(&format!("/oauth2/authorize/{form}?{query}"), pairs);
        self.send(request, form::encode(pairs.iter().copied())).await
    }

    async fn login(&mut self, query: &str, name: &str) -> Answer {
        let page = self.get(query).await.done();
        let password = format!("password of {name}");
        self.post(
            "login",
            query,
            &[("mark", &mark(&page)), ("username", name), ("password", &password)],
        )
        .await
    }

    async fn allow(&mut self, query: &str, page: &Answer) -> Answer {
        self.post("consent", query, &[("mark", &mark(page)), ("decision", "allow")])
            .await
    }

    /// Goes all the way and returns the code.
    async fn code(&mut self, query: &str, name: &str) -> String {
        let page = self.login(query, name).await.done();
        let answer = self.allow(query, &page).await;
        back(&answer).require("code").unwrap().to_owned()
    }
}

impl Scene {
    async fn redeem(&self, code: &str, changes: &[(&str, &str)]) -> Answer {
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", BACK),
            ("code_verifier", VERIFIER),
        ];
        for (name, value) in changes {
            pairs.retain(|(is, _)| is != name);
            pairs.push((name, value));
        }
        pairs.retain(|(_, value)| !value.is_empty());
        self.token(&pairs).await
    }
}

#[tokio::test]
async fn a_user_signs_in_agrees_and_the_client_gets_tokens() {
    let scene = Scene::begin().await;
    let mut browser = Browser::of(&scene);
    let query = query(&[]);
    let before = browser.get(&query).await.done();
    let policy = before.header("content-security-policy");
    for part in [
        "default-src 'none'",
        "frame-ancestors 'none'",
        "form-action 'self' https://app.example;",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert_eq!(
        (before.header("x-frame-options"), before.header("cache-control")),
        ("DENY", "no-store")
    );
    let anonymous = browser.cookie.clone();
    let page = browser.login(&query, "tom").await.done();
    assert_ne!(browser.cookie, anonymous, "another name once somebody is signed in");
    assert!(page.text.contains("Read the news") && page.text.contains("tom@carbon.super"));
    assert!(!page.text.contains("Write the news"), "tom is no manager");
    let answer = browser.allow(&query, &page).await;
    let back = back(&answer);
    assert_eq!(
        (back.find("state"), back.find("iss")),
        (Some("state & more"), Some(ISSUER))
    );
    scene.step(59);
    let tokens = scene.redeem(back.require("code").unwrap(), &[]).await.done();
    assert_eq!(tokens.text("scope"), "openid news_read");
    let id = claims(&tokens.text("id_token"));
    assert_eq!(
        (id["nonce"].as_str(), id["auth_time"].as_u64()),
        (Some("n-1"), Some(START))
    );
    assert_eq!(id["sub"], "tom@carbon.super");
    assert!(!tokens.text("refresh_token").is_empty());
}

#[tokio::test]
async fn a_code_is_of_use_once_soon_and_to_whom_it_was_given() {
    let scene = Scene::begin().await;
    scene.client("other", ClientProof::default(), TokenType::Jwt).await;
    let query = query(&[]);
    let wrong = VERIFIER.to_uppercase();
    for changes in [
        &[("code_verifier", wrong.as_str())][..],
        &[("code_verifier", &challenge())],
        &[("redirect_uri", "https://app.example/other")],
    ] {
        let code = Browser::of(&scene).code(&query, "tom").await;
        scene.redeem(&code, changes).await.refused(400, "invalid_grant");
        scene.redeem(&code, &[]).await.refused(400, "invalid_grant");
    }
    let code = Browser::of(&scene).code(&query, "tom").await;
    for missing in ["code_verifier", "redirect_uri", "code"] {
        scene
            .redeem(&code, &[(missing, "")])
            .await
            .refused(400, "invalid_request");
    }
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    scene
        .post_as("other", "/oauth2/token", &pairs)
        .await
        .refused(400, "invalid_grant");
    let code = Browser::of(&scene).code(&query, "tom").await;
    scene.step(60);
    scene.redeem(&code, &[]).await.refused(400, "invalid_grant");
    let code = Browser::of(&scene).code(&query, "tom").await;
    let tokens = scene.redeem(&code, &[]).await.done();
    assert!(scene.is_active(&tokens.text("access_token")).await);
    scene.redeem(&code, &[]).await.refused(400, "invalid_grant");
    assert!(
        !scene.is_active(&tokens.text("access_token")).await,
        "shown twice: what it led to is revoked"
    );
    let pairs = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &tokens.text("refresh_token")),
    ];
    scene.token(&pairs).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn who_is_signed_in_and_has_agreed_is_not_asked_again_unless_the_client_wants_it() {
    let scene = Scene::begin().await;
    let mut browser = Browser::of(&scene);
    let none = query(&[("prompt", "none")]);
    assert_eq!(back(&browser.get(&none).await).find("error"), Some("login_required"));
    let page = browser.login(&query(&[]), "john").await.done();
    assert_eq!(back(&browser.get(&none).await).find("error"), Some("consent_required"));
    browser.allow(&query(&[]), &page).await;
    scene.step(100);
    for changes in [
        &[][..],
        &[("prompt", "none")],
        &[("max_age", "100")],
        &[("scope", "news_read")],
    ] {
        let answer = browser.get(&query(changes)).await;
        assert!(back(&answer).find("code").is_some(), "{changes:?}");
    }
    let again = browser.get(&query(&[("prompt", "consent")])).await.done();
    assert!(again.text.contains("Allow app?"));
    for changes in [
        &[("prompt", "login")][..],
        &[("max_age", "99")],
        &[("prompt", "select_account")],
    ] {
        let page = browser.get(&query(changes)).await.done();
        assert!(page.text.contains("name=\"password\""), "{changes:?}");
    }
    let late = back(&browser.get(&query(&[("prompt", "none"), ("max_age", "99")])).await);
    assert_eq!(late.find("error"), Some("login_required"));
    let login = query(&[("prompt", "login consent")]);
    let page = browser.login(&login, "john").await.done();
    assert!(page.text.contains("Allow app?"));
    assert!(back(&browser.allow(&login, &page).await).find("code").is_some());
    scene.step(8 * 3_600);
    assert_eq!(back(&browser.get(&none).await).find("error"), Some("login_required"));
}

#[tokio::test]
async fn a_no_is_told_to_the_client() {
    let scene = Scene::begin().await;
    let mut browser = Browser::of(&scene);
    let page = browser.login(&query(&[]), "tom").await.done();
    let answer = browser
        .post("consent", &query(&[]), &[("mark", &mark(&page)), ("decision", "deny")])
        .await;
    let back = back(&answer);
    assert_eq!(
        (back.find("error"), back.find("iss"), back.find("code")),
        (Some("access_denied"), Some(ISSUER), None)
    );
}

#[tokio::test]
async fn without_a_known_client_and_address_nobody_is_sent_anywhere() {
    let scene = Scene::begin().await;
    for changes in [
        &[("client_id", "nobody")][..],
        &[("client_id", "")],
        &[("redirect_uri", "https://evil.example/")],
        &[("redirect_uri", "https://app.example/back/")],
        &[("redirect_uri", "http://127.0.0.1:5000/native")],
        &[("redirect_uri", "")],
    ] {
        let answer = Browser::of(&scene).get(&query(changes)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("location")),
            (400, ""),
            "{changes:?}"
        );
        assert!(answer.header("content-type").starts_with("text/html"));
    }
    let twice = format!("{}&redirect_uri=https%3A%2F%2Fevil.example", query(&[]));
    let answer = Browser::of(&scene).get(&twice).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (400, ""));
}

#[tokio::test]
async fn what_is_not_supported_is_told_to_the_client() {
    let scene = Scene::begin().await;
    let long = "x".repeat(600);
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "", "invalid_request"),
        ("response_mode", "fragment", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("scope", "a\"b", "invalid_scope"),
        ("prompt", "none login", "invalid_request"),
        ("prompt", "whatever", "invalid_request"),
        ("max_age", "-1", "invalid_request"),
        ("nonce", &long, "invalid_request"),
        ("request", "x", "request_not_supported"),
        ("request_uri", "https://a", "request_uri_not_supported"),
    ] {
        let answer = Browser::of(&scene).get(&query(&[(name, value)])).await;
        let back = back(&answer);
        assert_eq!(
            (back.find("error"), back.find("state")),
            (Some(error), Some("state & more")),
            "{name} {value}"
        );
    }
    let owner = user("owner", "carbon.super");
    scene
        .client_of(
            "few",
            ClientProof::default(),
            TokenType::Jwt,
            (owner, &[GrantType::Password]),
        )
        .await;
    let answer = Browser::of(&scene)
        .get(&query(&[("client_id", "few-consumer-key")]))
        .await;
    assert_eq!(back(&answer).find("error"), Some("unauthorized_client"));
}

#[tokio::test]
async fn a_form_counts_only_from_the_browser_and_request_that_it_was_shown_for() {
    let scene = Scene::begin().await;
    let (login, other) = (query(&[("prompt", "login")]), query(&[("state", "other")]));
    let query = query(&[]);
    let mut browser = Browser::of(&scene);
    let page = browser.get(&query).await.done();
    let pairs = [
        ("mark", mark(&page)),
        ("username", "tom".to_owned()),
        ("password", "password of tom".to_owned()),
    ];
    let pairs = pairs.each_ref().map(|(name, value)| (*name, value.as_str()));
    let foreign = Browser::of(&scene).post("login", &query, &pairs).await;
    assert_eq!(foreign.status, StatusCode::BAD_REQUEST, "another browser");
    assert_eq!(
        browser.post("login", &other, &pairs).await.status,
        StatusCode::BAD_REQUEST,
        "another request"
    );
    assert_eq!(
        browser.post("login", &query, &pairs[1..]).await.status,
        StatusCode::BAD_REQUEST,
        "no mark"
    );
    let request = post(&format!("/oauth2/authorize/login?{query}"), &pairs).header("sec-fetch-site", "cross-site");
    assert_eq!(
        browser.send(request, form::encode(pairs)).await.status,
        StatusCode::FORBIDDEN
    );
    let page = browser.login(&query, "tom").await.done();
    let login = browser.get(&login).await.done();
    let answer = browser
        .post("consent", &query, &[("mark", &mark(&login)), ("decision", "allow")])
        .await;
    assert!(
        answer.done().text.contains("Allow app?"),
        "the mark of a login page agrees to nothing"
    );
    let john = user("tom", "carbon.super");
    scene
        .authority
        .registry
        .set_roles(&john, vec!["manager".to_owned()])
        .await
        .unwrap();
    let answer = browser.allow(&query, &page).await.done();
    assert!(
        answer.text.contains("Write the news"),
        "what was added since is shown first"
    );
}

#[tokio::test]
async fn a_wrong_password_is_told_on_the_page_and_a_locked_out_user_waits() {
    let scene = Scene::begin().await;
    let mut browser = Browser::of(&scene);
    let query = query(&[("login_hint", "\"><script>")]);
    let mut page = browser.get(&query).await.done();
    assert!(!page.text.contains("<script>"), "{}", page.text);
    for number in 0..6 {
        let pairs = [
            ("mark", mark(&page)),
            ("username", "tom".to_owned()),
            ("password", "a wrong one".to_owned()),
        ];
        let pairs = pairs.each_ref().map(|(name, value)| (*name, value.as_str()));
        page = browser.post("login", &query, &pairs).await;
        assert_eq!(page.status.as_u16(), if number < 5 { 403 } else { 429 });
        assert!(page.text.contains("role=\"alert\"") && !page.text.contains("a wrong one"));
    }
    assert_eq!(page.header("retry-after"), "1");
}

#[tokio::test]
async fn a_session_ends_with_its_user() {
    let scene = Scene::begin().await;
    let mut browser = Browser::of(&scene);
    let page = browser.login(&query(&[]), "tom").await.done();
    scene
        .authority
        .registry
        .delete_user(&user("tom", "carbon.super"))
        .await
        .unwrap();
    let answer = browser.allow(&query(&[]), &page).await;
    assert_ne!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    assert!(browser.get(&query(&[])).await.text.contains("name=\"password\""));
}

#[tokio::test]
async fn a_session_ends_with_the_password_that_began_it() {
    let scene = Scene::begin().await;
    let (mut old, mut other) = (Browser::of(&scene), Browser::of(&scene));
    old.code(&query(&[]), "tom").await;
    other.code(&query(&[]), "john").await;
    back(&old.get(&query(&[])).await).require("code").unwrap();
    // Within the same second, and to the same password.
    let registry = &scene.authority.registry;
    let tom = user("tom", "carbon.super");
    registry
        .set_password(&tom, "password of tom", UnixTime(START))
        .await
        .unwrap();
    let answer = old.get(&query(&[])).await;
    assert!(answer.text.contains("name=\"password\""), "{}", answer.text);
    let none = old.get(&query(&[("prompt", "none")])).await;
    assert_eq!(back(&none).require("error").unwrap(), "login_required");
    back(&other.get(&query(&[])).await).require("code").unwrap();
    old.code(&query(&[]), "tom").await;
    back(&old.get(&query(&[])).await).require("code").unwrap();
}

#[tokio::test]
async fn a_native_client_is_answered_at_the_port_that_it_listens_at() {
    let scene = Scene::begin().await;
    let public = ClientProof {
        is_public: true,
        ..ClientProof::default()
    };
    scene.client("native", public, TokenType::Jwt).await;
    let at = "http://127.0.0.1:50123/native";
    let query = query(&[("client_id", "native-consumer-key"), ("redirect_uri", at)]);
    let mut browser = Browser::of(&scene);
    let page = browser.login(&query, "tom").await.done();
    let answer = browser.allow(&query, &page).await;
    let (uri, parameters) = answer.header("location").split_once('?').unwrap();
    assert_eq!(uri, at);
    let code = form::Form::parse(parameters.as_bytes())
        .unwrap()
        .require("code")
        .unwrap()
        .to_owned();
    let pairs = [
        ("grant_type", "authorization_code"),
        ("client_id", "native-consumer-key"),
        ("code", code.as_str()),
        ("redirect_uri", at),
        ("code_verifier", VERIFIER),
    ];
    scene.post_bare("/oauth2/token", &pairs, peer()).await.done();
}

#[tokio::test]
async fn a_request_may_come_as_a_form() {
    let scene = Scene::begin().await;
    let mut browser = Browser::of(&scene);
    let page = browser.send(post("/oauth2/authorize", &[]), query(&[])).await.done();
    assert!(page.text.contains("name=\"password\""));
}

#[tokio::test]
async fn without_tls_the_cookie_is_still_the_browsers_alone() {
    let scene = Scene::begin().await;
    let peer = Peer {
        is_tls: false,
        ..peer()
    };
    let request = Request::get(format!("/oauth2/authorize?{}", query(&[]))).extension(peer);
    let answer = scene.send(request.body(Body::empty()).unwrap()).await.done();
    let cookie = answer.header("set-cookie");
    assert!(
        cookie.starts_with("tollgate_session=") && cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
}
