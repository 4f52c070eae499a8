//! Clients prove themselves: one way at a time, each way exactly.

use serde_json::json;

use super::*;

const CERTIFICATE: &[u8] = b"the DER of a certificate";

fn peer_with(certificate: &[u8]) -> Peer {
    Peer {
        certificate: Some(certificate.to_vec()),
        ..peer()
    }
}

fn of_certificate() -> ClientProof {
    ClientProof {
        certificate: peer_with(CERTIFICATE).thumbprint(),
        ..ClientProof::default()
    }
}

#[tokio::test]
async fn a_secret_comes_by_basic_or_in_the_form() {
    let scene = Scene::begin().await;
    let secret = secret("app");
    let by_form = [
        CREDENTIALS[0],
        ("client_id", "app-consumer-key"),
        ("client_secret", &secret),
    ];
    scene.post_bare("/oauth2/token", &by_form, peer()).await.done();
    let agreeing = [CREDENTIALS[0], ("client_id", "app-consumer-key")];
    scene.token(&agreeing).await.done();
    for pairs in [
        &[CREDENTIALS[0], ("client_secret", &secret)][..],
        &[CREDENTIALS[0], ("client_id", "another")],
        &[
            CREDENTIALS[0],
            ("client_assertion_type", crate::oauth::client::ASSERTION_TYPE),
        ],
    ] {
        scene.token(pairs).await.refused(400, "invalid_request");
    }
}

#[tokio::test]
async fn who_proves_nothing_is_challenged_alike_whoever_it_is() {
    let scene = Scene::begin().await;
    let mut told = Vec::new();
    for (key, secret) in [
        ("app-consumer-key", "wrong"),
        ("nobody", "wrong"),
        ("app-consumer-key", ""),
    ] {
        let request = post("/oauth2/token", &CREDENTIALS).header(header::AUTHORIZATION, basic(key, secret));
        let answer = scene
            .send(
                request
                    .extension(peer())
                    .body(form::encode(CREDENTIALS).into())
                    .unwrap(),
            )
            .await;
        answer.refused(401, "invalid_client");
        assert!(answer.header("www-authenticate").starts_with("Basic "));
        told.push(answer.text);
    }
    for pairs in [
        &[CREDENTIALS[0]][..],
        &[CREDENTIALS[0], ("client_id", "app-consumer-key")],
        &[CREDENTIALS[0], ("client_id", "nobody"), ("client_secret", "x")],
    ] {
        let answer = scene.post_bare("/oauth2/token", pairs, peer()).await;
        answer.refused(401, "invalid_client");
        assert_eq!(answer.header("www-authenticate"), "", "Basic was not tried");
        told.push(answer.text);
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
}

#[tokio::test]
async fn a_certificate_proves_its_client_and_binds_what_it_gets() {
    let scene = Scene::begin().await;
    scene.client("cert", of_certificate(), TokenType::Jwt).await;
    let pairs = [
        ("grant_type", "password"),
        ("username", "tom"),
        ("password", "password of tom"),
        ("scope", "openid"),
        ("client_id", "cert-consumer-key"),
    ];
    let answer = scene
        .post_bare("/oauth2/token", &pairs, peer_with(CERTIFICATE))
        .await
        .done();
    let token = answer.text("access_token");
    assert_eq!(answer.text("token_type"), "Bearer");
    let thumbprint = URL_SAFE_NO_PAD.encode(peer_with(CERTIFICATE).thumbprint().unwrap().0);
    assert_eq!(claims(&token)["cnf"]["x5t#S256"], thumbprint);
    let told = scene
        .post("/oauth2/introspect", &[("token", &token)])
        .await
        .done()
        .json();
    assert_eq!(told["cnf"]["x5t#S256"], thumbprint);
    for (certificate, status) in [(Some(CERTIFICATE), 200), (Some(&b"another"[..]), 401), (None, 401)] {
        let request = Request::get("/oauth2/userinfo").header(header::AUTHORIZATION, format!("Bearer {token}"));
        let peer = certificate.map_or_else(peer, peer_with);
        let answer = scene.send(request.extension(peer).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status.as_u16(), status);
    }
    scene
        .post_bare("/oauth2/token", &pairs, peer_with(b"another"))
        .await
        .refused(401, "invalid_client");
    scene
        .post_bare("/oauth2/token", &pairs, peer())
        .await
        .refused(401, "invalid_client");
    // A bound refresh token is of no use to whoever has only the secret, and an exchange does not unbind.
    let refresh = answer.text("refresh_token");
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    scene
        .post_as("cert", "/oauth2/token", &pairs)
        .await
        .refused(400, "invalid_grant");
    let pairs = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", token.as_str()),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
    ];
    scene.token(&pairs).await.refused(400, "invalid_request");
    let pairs = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &refresh),
        ("client_id", "cert-consumer-key"),
    ];
    let next = scene
        .post_bare("/oauth2/token", &pairs, peer_with(CERTIFICATE))
        .await
        .done();
    assert_eq!(claims(&next.text("access_token"))["cnf"]["x5t#S256"], thumbprint);
}

#[tokio::test]
async fn a_public_client_proves_nothing_and_gets_less() {
    let scene = Scene::begin().await;
    let public = ClientProof {
        is_public: true,
        ..ClientProof::default()
    };
    scene.client("native", public, TokenType::Jwt).await;
    let id = ("client_id", "native-consumer-key");
    let user = [
        ("grant_type", "password"),
        ("username", "tom"),
        ("password", "password of tom"),
        id,
    ];
    let answer = scene.post_bare("/oauth2/token", &user, peer()).await.done();
    let refresh = answer.text("refresh_token");
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str()), id];
    scene.post_bare("/oauth2/token", &pairs, peer()).await.done();
    for grant in ["client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"] {
        let pairs = [("grant_type", grant), id];
        scene
            .post_bare("/oauth2/token", &pairs, peer())
            .await
            .refused(400, "unauthorized_client");
    }
    let pairs = [CREDENTIALS[0], id, ("client_secret", "x")];
    scene
        .post_bare("/oauth2/token", &pairs, peer())
        .await
        .refused(401, "invalid_client");
    let pairs = [
        ("token", answer.text("access_token")),
        ("client_id", "native-consumer-key".to_owned()),
    ];
    let pairs = pairs.each_ref().map(|(name, value)| (*name, value.as_str()));
    scene.post_bare("/oauth2/revoke", &pairs, peer()).await.done();
    assert!(!scene.is_active(&answer.text("access_token")).await);
}

impl Scene {
    /// Sends the assertion of a client, from another address each time, so that none is refused for those before it.
    async fn prove(&self, number: usize, assertion: &str) -> Answer {
        let peer = Peer {
            address: format!("10.1.1.{number}").parse().unwrap(),
            ..peer()
        };
        let kind = ("client_assertion_type", crate::oauth::client::ASSERTION_TYPE);
        let pairs = [CREDENTIALS[0], kind, ("client_assertion", assertion)];
        self.post_bare("/oauth2/token", &pairs, peer).await
    }

    async fn begin_with_signer() -> Self {
        let scene = Self::begin().await;
        let proof = ClientProof {
            jwks: Some(scene.issuer.jwks(scene.now()).to_string()),
            ..ClientProof::default()
        };
        scene.client("signer", proof, TokenType::Jwt).await;
        scene
    }
}

/// Makes the claims of an assertion that is fine but for one of them.
fn with(name: &str, value: &Value) -> Value {
    let mut claims = json!({
        "iss": "signer-consumer-key", "sub": "signer-consumer-key", "aud": ISSUER,
        "exp": START + 300, "iat": START, "jti": format!("{name}{value}"),
    });
    claims[name] = value.clone();
    claims
}

#[tokio::test]
async fn a_signed_assertion_proves_its_client_once() {
    let scene = Scene::begin_with_signer().await;
    let good = signed(&scene.issuer, Some("JWT"), &with("jti", &json!("1")));
    scene.prove(1, &good).await.done();
    scene.prove(2, &good).await.refused(401, "invalid_client");
    for audience in [json!("https://gate.example/oauth2/token"), json!(["x", ISSUER])] {
        scene
            .prove(3, &signed(&scene.issuer, None, &with("aud", &audience)))
            .await
            .done();
    }
    let of_an_hour = signed(&scene.issuer, None, &with("exp", &json!(START + 3_600)));
    scene.prove(3, &of_an_hour).await.done();
    let fresh = with("jti", &json!("fresh"));
    let others = SigningKeys::open(&scene.directory.path().join("others"), Algorithm::ES256, scene.now()).unwrap();
    for bad in [
        signed(&scene.issuer, Some("at+jwt"), &fresh),
        signed(&others, None, &fresh),
    ] {
        scene.prove(4, &bad).await.refused(401, "invalid_client");
    }
    scene.prove(4, &signed(&scene.issuer, None, &fresh)).await.done();
}

#[tokio::test]
async fn an_assertion_that_is_not_for_us_of_now_or_of_the_client_proves_nothing() {
    let scene = Scene::begin_with_signer().await;
    let bad = [
        ("iss", json!("app-consumer-key")),
        ("iss", json!("nobody")),
        ("sub", json!("app-consumer-key")),
        ("aud", json!("https://evil.example")),
        ("aud", json!([])),
        ("aud", json!("https://gate.example/")),
        ("exp", json!(START)),
        ("exp", json!(START + 3_631)),
        ("exp", json!("soon")),
        ("exp", json!(1e300)),
        ("exp", json!(-1)),
        ("nbf", json!(START + 31)),
        ("nbf", json!("then")),
        ("iat", json!(START + 31)),
        ("jti", json!(1)),
        ("jti", json!("")),
        ("jti", json!(null)),
    ];
    for (number, (name, value)) in bad.into_iter().enumerate() {
        let answer = scene
            .prove(number, &signed(&scene.issuer, None, &with(name, &value)))
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.error().as_str()),
            (401, "invalid_client"),
            "{name} {value}"
        );
    }
}
