//! What reaches a backend: no credential that was taken, nothing forged, and where it asks, a signed statement.

use admin::registry::api_key::Restrictions;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Value;

use crate::harness::*;

struct World {
    origin: Origin,
    gateway: Gateway,
    app: App,
}

async fn world(builder: GatewayBuilder) -> World {
    let origin = origin().start().await;
    let version = version("1.0")
        .to(&origin)
        .line("security = [\"oauth2\", \"basic\", \"api_key\"]\nbackend_jwt = true")
        .asking("any", &["GET", "POST"], "/closed")
        .resource(&["GET"], "/open");
    let gateway = builder
        .api(&api("Pets", "/p").default_version(&["1.0"]).version(version))
        .start()
        .await;
    let app = gateway.app("joe", "Phone").await;
    gateway.subscribe(&app, "Pets", "1.0").await;
    World { origin, gateway, app }
}

fn begin(algorithm: &str) -> GatewayBuilder {
    gateway().set("oauth.algorithm", &format!("{algorithm:?}"))
}

impl World {
    /// Verifies the statement that the origin got last, as a backend would.
    async fn stated(&self, field: &str, algorithm: Algorithm) -> Value {
        let seen = self.origin.last_request();
        assert_eq!(seen.fields.all(field).len(), 1, "{seen:?}");
        let token = seen.header(field).unwrap();
        let keys: JwkSet = serde_json::from_value(self.gateway.get("/oauth2/jwks").await.expect(200).json()).unwrap();
        let key = keys.find(&decode_header(token).unwrap().kid.unwrap()).unwrap();
        let mut validation = Validation::new(algorithm);
        validation.validate_aud = false;
        validation.set_issuer(&["wso2.org/products/am"]);
        decode(token, &DecodingKey::from_jwk(key).unwrap(), &validation)
            .unwrap()
            .claims
    }
}

fn claim<'a>(claims: &'a Value, name: &str) -> &'a Value {
    &claims[format!("http://wso2.org/claims/{name}")]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_can_verify_who_calls_and_gets_no_credential() {
    for (name, algorithm) in [("ES256", Algorithm::ES256), ("RS256", Algorithm::RS256)] {
        let world = world(begin(name)).await;
        let gateway = &world.gateway;
        gateway.user("tom", &[]).await;
        let user = gateway.user_token(&world.app.keys, "tom", "").await;
        let own = gateway.app_token(&world.app.keys).await;
        let key = gateway.api_key(&world.app, Restrictions::default()).await;
        let closed = || get("/p/1.0/closed");
        for (call, kind, end_user, is_apps) in [
            (closed().bearer(&user), "APPLICATION_USER", "tom@carbon.super", true),
            (
                closed().bearer(&own),
                "APPLICATION",
                world.app.keys.consumer_key.as_str(),
                true,
            ),
            (closed().header("apikey", &key), "APPLICATION", "Phone", true),
            (
                closed().header("Authorization", &basic("tom", PASSWORD)),
                "APPLICATION_USER",
                "tom@carbon.super",
                false,
            ),
        ] {
            let forged = call
                .header("X-JWT-Assertion", "forged")
                .header("X_JWT_Assertion", "forged");
            gateway.call(forged).await.expect(200);
            let claims = world.stated("x-jwt-assertion", algorithm).await;
            assert_eq!(claim(&claims, "usertype"), kind);
            assert_eq!(claim(&claims, "enduser"), end_user);
            assert_eq!(claim(&claims, "keytype"), "PRODUCTION");
            assert_eq!(claim(&claims, "version"), "1.0");
            let application = if is_apps { Value::from("Phone") } else { Value::Null };
            assert_eq!(*claim(&claims, "applicationname"), application);
            let subscriber = if is_apps {
                Value::from("joe@carbon.super")
            } else {
                Value::Null
            };
            assert_eq!(*claim(&claims, "subscriber"), subscriber);
            let head = String::from_utf8_lossy(&world.origin.last_request().head).into_owned();
            for secret in [&user, &own, &key, "forged", &basic("tom", PASSWORD)[6..]] {
                assert!(!head.contains(secret), "{head}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_is_told_of_a_token_that_has_just_ended_elsewhere_what_has_not_ended() {
    let key = IssuerKey::new("a");
    let issuer = Issuer::start(&[&key]).await;
    let origin = origin().start().await;
    let version = version("1.0")
        .to(&origin)
        .line("tiers = []\nbackend_jwt = true")
        .asking("any", &["GET"], "/*");
    let gateway = begin("ES256")
        .file("catalog/managers.toml", &issuer.key_manager(""))
        .api(&api("Pets", "/p").version(version))
        .start()
        .await;
    let at = now().0;
    let token = key.sign(&serde_json::json!({
        "iss": "https://other.test", "sub": "someone", "client_id": "theirs", "iat": at - 600, "exp": at - 5,
    }));
    gateway.call(get("/p/1.0/a").bearer(&token)).await.expect(200);
    let app = gateway.app("joe", "Phone").await;
    let claims = World { origin, gateway, app }
        .stated("x-jwt-assertion", Algorithm::ES256)
        .await;
    let exp = claims["exp"].as_u64().unwrap();
    assert!((at + 30..at + 40).contains(&exp), "{exp} at {at}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_cannot_be_forged_dropped_or_put_in_trailers() {
    let world = world(begin("ES256").set("credentials.backend_jwt_header", "\"X-Who\"")).await;
    let token = world.gateway.app_token(&world.app.keys).await;
    let hostile = get("/p/1.0/closed")
        .bearer(&token)
        .header("X-Who", "forged")
        .header("x_who", "forged")
        .header("X-JWT-Assertion", "forged")
        .header("X-Jwt_Assertion", "forged")
        .header("Connection", "X-Who, X-JWT-Assertion");
    world.gateway.call(hostile).await.expect(200);
    assert!(!String::from_utf8_lossy(&world.origin.last_request().head).contains("forged"));
    world.stated("x-who", Algorithm::ES256).await;
    let open = get("/p/1.0/open").header("X-Who", "forged").header("X_Who", "forged");
    world.gateway.call(open).await.expect(200);
    assert!(!String::from_utf8_lossy(&world.origin.last_request().head).contains("forged"));
    let mut caller = world.gateway.connect().await;
    let trailing = format!(
        "POST /p/1.0/closed HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: Bearer {token}\r\n\
         Transfer-Encoding: chunked\r\nTrailer: X-Who\r\n\r\n1\r\nx\r\n0\r\nX-Who: forged\r\n\r\n"
    );
    caller.send(trailing).await;
    let reply = caller.reply().await;
    if reply.status == 200 {
        let place = world.origin.last_request().connection;
        let bytes = world.origin.bytes_of(place);
        assert!(!String::from_utf8_lossy(&bytes).contains("forged"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_made_once_for_a_token_and_anew_when_what_it_says_changes() {
    let world = world(begin("ES256")).await;
    let token = world.gateway.app_token(&world.app.keys).await;
    let mut caller = world.gateway.connect().await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        caller.call(get("/p/1.0/closed").bearer(&token)).await.expect(200);
        seen.push(
            world
                .origin
                .last_request()
                .header("x-jwt-assertion")
                .unwrap()
                .to_owned(),
        );
    }
    assert_eq!(seen[0], seen[1]);
    let other = world.gateway.app_token(&world.app.keys).await;
    caller.call(get("/p/1.0/closed").bearer(&other)).await.expect(200);
    assert_ne!(seen[0], world.origin.last_request().header("x-jwt-assertion").unwrap());
}
