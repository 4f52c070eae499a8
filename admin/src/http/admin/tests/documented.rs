//! The OpenAPI document is true of what is routed.

use serde_json::Value;

use super::*;

async fn document(scene: &Scene) -> Value {
    let token = scene.token("view@acme.example").await;
    let asked = call("GET", "/admin/v1/openapi.json").token(&token);
    scene.send(asked).await.is(200).json()
}

#[tokio::test]
async fn every_operation_says_what_it_answers() {
    let scene = Scene::begin().await;
    let document = document(&scene).await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let of = format!("{method} {path}");
            ids.push(
                operation["operationId"]
                    .as_str()
                    .unwrap_or_else(|| panic!("{of} has no name")),
            );
            assert!(operation["summary"].is_string(), "{of}");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('2')), "{of}");
            for (status, response) in responses {
                assert!(!response["description"].as_str().unwrap().is_empty(), "{of} {status}");
                let is_bare = ["204", "304"].contains(&status.as_str());
                assert_eq!(response["content"].is_null(), is_bare, "{of} {status}");
            }
            for status in ["400", "401", "403", "404", "503"] {
                assert!(
                    responses[status]["content"]["application/problem+json"].is_object(),
                    "{of} {status}"
                );
            }
            for part in path.split('/').filter(|part| part.starts_with('{')) {
                let name = part.trim_matches(['{', '}']);
                let parameters = operation["parameters"].as_array().unwrap();
                assert!(
                    parameters
                        .iter()
                        .any(|known| known["name"] == name && known["in"] == "path"),
                    "{of}"
                );
            }
        }
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert!(count == ids.len() && count > 8, "{ids:?}");
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let scene = Scene::begin().await;
    let document = document(&scene).await;
    fn check(value: &Value, document: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(to) = fields.get("$ref").and_then(Value::as_str) {
                    let pointer = to.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{to} leads nowhere");
                }
                fields.values().for_each(|value| check(value, document));
            }
            Value::Array(items) => items.iter().for_each(|value| check(value, document)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    check(&document, &document);
}

#[tokio::test]
async fn what_the_caller_has_is_not_sent_again() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    let ask = || call("GET", "/admin/v1/users/tom").token(&token);
    let first = scene.send(ask()).await.is(200);
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.len() == 34, "{tag}");
    let again = scene.send(ask().field("if-none-match", &tag)).await.is(304);
    assert_eq!((again.text.as_str(), again.header("etag")), ("", tag.as_str()));
    scene.send(ask().field("if-none-match", "\"other\"")).await.is(200);
}
