//! Requests that make no sense, from clients that do.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;

impl Scene {
    async fn raw(&self, fields: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::post("/oauth2/token").extension(peer());
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[tokio::test]
async fn only_forms_are_read_and_each_parameter_once() {
    let scene = Scene::begin().await;
    let basic = basic(&key("app"), &secret("app"));
    let proof = ("authorization", basic.as_str());
    let body = "grant_type=client_credentials";
    for kind in [
        "application/x-www-form-urlencoded; charset=UTF-8",
        "Application/X-WWW-Form-Urlencoded",
    ] {
        scene.raw(&[proof, ("content-type", kind)], body).await.done();
    }
    for kind in [
        "application/json",
        "text/plain",
        "",
        "application/x-www-form-urlencoded; charset=utf-16",
        "multipart/form-data",
    ] {
        scene
            .raw(&[proof, ("content-type", kind)], body)
            .await
            .refused(400, "invalid_request");
    }
    scene.raw(&[proof], body).await.refused(400, "invalid_request");
    scene
        .raw(&[proof, FORM, FORM], body)
        .await
        .refused(400, "invalid_request");
    scene
        .raw(&[proof, proof, FORM], body)
        .await
        .refused(400, "invalid_request");
    for bad in [
        "grant_type=a&grant_type=b",
        "grant_type=%ff",
        "grant_type=%",
        "grant_type=a%00b",
        "scope=a&scope=",
    ] {
        scene.raw(&[proof, FORM], bad).await.refused(400, "invalid_request");
    }
    let large = format!("grant_type=client_credentials&x={}", "a".repeat(70_000));
    scene.raw(&[proof, FORM], large).await.refused(400, "invalid_request");
    assert_eq!(
        scene.get("/oauth2/token", &[]).await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
}

#[tokio::test]
async fn without_knowing_who_asks_nothing_is_answered() {
    let scene = Scene::begin().await;
    let request = Request::post("/oauth2/token").header(FORM.0, FORM.1);
    scene
        .send(request.body(Body::empty()).unwrap())
        .await
        .refused(500, "server_error");
}

#[test]
fn any_request_is_refused_as_the_protocol_has_it() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let scene = runtime.block_on(Scene::begin());
    let words = prop_oneof![
        Just("grant_type".to_owned()),
        Just("password".to_owned()),
        Just("refresh_token".to_owned()),
        Just("urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned()),
        Just("urn:ietf:params:oauth:grant-type:token-exchange".to_owned()),
        Just("authorization_code".to_owned()),
        Just("client_id".to_owned()),
        Just("client_assertion".to_owned()),
        Just("client_assertion_type".to_owned()),
        Just("eyJhbGciOiJub25lIn0.eyJpc3MiOiJhIn0.".to_owned()),
        "[ -~]{0,20}",
        "\\PC{0,10}",
    ];
    let pairs = proptest::collection::vec((words.clone(), words), 0..6);
    let request = (pairs, proptest::option::of("\\PC{0,40}"), any::<bool>());
    let mut runner = TestRunner::new(ProptestConfig::with_cases(200));
    let outcome = runner.run(&request, |(pairs, authorization, is_ours)| {
        let body = form::encode(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let mut builder = Request::post("/oauth2/token").extension(peer()).header(FORM.0, FORM.1);
        if is_ours {
            builder = builder.header("authorization", basic(&key("app"), &secret("app")));
        } else if let Some(value) = authorization.and_then(|text| http::HeaderValue::try_from(text).ok()) {
            builder = builder.header("authorization", value);
        }
        let answer = runtime.block_on(scene.send(builder.body(body.into()).unwrap()));
        prop_assert!(
            matches!(answer.status.as_u16(), 400 | 401 | 429),
            "{} {}",
            answer.status,
            answer.text
        );
        prop_assert_eq!(answer.header("cache-control"), "no-store");
        let told = answer.json();
        let description = told["error_description"].as_str().unwrap();
        prop_assert!(
            description
                .chars()
                .all(|c| (c == ' ' || c.is_ascii_graphic()) && c != '"' && c != '\\')
        );
        Ok(())
    });
    outcome.unwrap();
}
