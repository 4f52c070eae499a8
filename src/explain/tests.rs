//! What is told of requests that need nobody to be known.

use std::sync::Arc;

use super::explanation::{Decision, Outcome};
use super::*;
use crate::model::catalog::Catalog;
use crate::model::source::{NoReferences, Source};
use crate::quota::{Ledger, Secret};
use crate::snapshot::compile;

const PETS: &str = r#"
name = "Pets"
context = "/pets"
default_version = ["1.0"]

[[versions]]
version = "1.0"
state = "published"
authorization_header = "X-Auth"
endpoints = { production = "http://127.0.0.1:9" }
resources = [
  { path = "/cats", methods = ["GET"], auth = "none" },
  { path = "/dogs", methods = ["GET"], cache = { timeout = "5m", ignore_query = ["utm"] } },
]

[[versions]]
version = "2.0"
state = "retired"
endpoints = { production = "http://127.0.0.1:9" }
resources = [{ path = "/cats", methods = ["GET"], auth = "none" }]
"#;

fn explainer() -> Explainer {
    let source = Source {
        name: "pets.toml".into(),
        text: PETS.into(),
    };
    let snapshot = compile(7, &Catalog::believe(&[source], &NoReferences).unwrap()).unwrap();
    Explainer {
        live: Arc::new(Live::new(Served::new(snapshot, Vec::new(), Vec::new()))),
        credentials: Arc::new(Credentials::new(Arc::default())),
        counts: Counts::new(Ledger::new(Secret::new([0; 16]), 1_000)),
        limits: Limits {
            connections: 1,
            header_count: 4,
            header_bytes: 512,
            uri_bytes: 64,
            request_body: 10,
            requests_per_connection: 1,
            http2_streams: 1,
        },
        trust: Trust::default(),
        refusals: Arc::new(Refusals::new(1)),
        notes: Vec::new(),
    }
}

async fn told(method: &str, url: &str, token: Option<&str>) -> Explanation {
    let question = Question {
        method: method.to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        token: token.map(str::to_owned),
        client_ip: None,
    };
    explainer().explain(&question).await.unwrap()
}

/// Returns the stage that refuses, what it says and the line behind it.
fn refusal(explained: &Explanation) -> (&str, &str, &str) {
    assert_eq!(explained.decision, Decision::Refused, "{explained:#?}");
    let step = explained
        .steps
        .iter()
        .find(|step| step.outcome == Outcome::Refused)
        .unwrap();
    (&step.stage, &step.says, &step.rule)
}

#[tokio::test]
async fn a_stage_that_refuses_says_why_and_where_that_is_stated() {
    let explained = told("GET", "/pets/2.0/cats", None).await;
    assert_eq!(
        refusal(&explained),
        ("pin_version", "Pets 2.0 of carbon.super is retired", "pets.toml:16")
    );
    let explained = told("POST", "/pets/1.0/cats", None).await;
    assert_eq!(
        refusal(&explained),
        (
            "match_resource",
            "the resources with this path take GET, HEAD, OPTIONS",
            "pets.toml:6"
        )
    );
    let explained = told("GET", "/pets/1.0/birds", None).await;
    assert_eq!(
        refusal(&explained),
        (
            "match_resource",
            "no resource of Pets 1.0 of carbon.super has this path",
            "pets.toml:6"
        )
    );
    let long = format!("/{}", "x".repeat(64));
    assert_eq!(refusal(&told("GET", &long, None).await).2, "[limits] uri_length");
    assert_eq!(
        refusal(&told("GET", "/token;x", None).await).0,
        "locate",
        "a path that looks like our own"
    );
}

#[tokio::test]
async fn the_stages_after_a_refusal_are_not_asked() {
    let explained = told("GET", "/pets/1.0/dogs", None).await;
    let outcomes: Vec<_> = explained.steps.iter().map(|step| step.outcome).collect();
    let (passed, skipped) = (Outcome::Passed, Outcome::Skipped);
    assert_eq!(outcomes[..5], [passed; 5]);
    assert_eq!(outcomes[5], Outcome::Refused);
    assert_eq!(outcomes[6..], [skipped; 6]);
    assert_eq!(
        (explained.status, explained.code.as_deref()),
        (Some(401), Some("900902"))
    );
    assert_eq!(explained.revision, 7);
}

#[tokio::test]
async fn an_open_resource_asks_for_no_subscription_and_no_scope() {
    let explained = told("GET", "https://any.test/pets/cats", None).await;
    assert_eq!(explained.decision, Decision::Permitted);
    let of = |stage: &str| explained.steps.iter().find(|step| step.stage == stage).unwrap();
    assert_eq!(of("entitle").outcome, Outcome::Skipped);
    assert_eq!(of("throttle").says, "no quota is held against it");
    assert_eq!(
        of("pin_version").says,
        "Pets 1.0 of carbon.super, published, by default"
    );
    assert!(explained.version.as_ref().unwrap().by_default);
}

#[tokio::test]
async fn what_is_kept_of_responses_is_told_with_the_resource() {
    let explained = told("GET", "/pets/1.0/dogs", None).await;
    let cache = explained.resource.unwrap().cache;
    let kept = "responses of GET, HEAD and 1MiB at most are kept as long as they say, or for 5m; not where they are \
                `private` or `no-store`, nor with `Set-Cookie`";
    assert_eq!(
        cache[0],
        "the response to this request is kept where it says nothing against it"
    );
    assert_eq!(cache[1], kept);
    assert!(
        cache[2].contains("query but for utm") && cache[2].contains("the caller"),
        "{cache:?}"
    );
    let matched = explained
        .steps
        .iter()
        .find(|step| step.stage == "match_resource")
        .unwrap();
    assert_eq!(matched.details, cache);
    let plain = told("GET", "/pets/1.0/cats", None).await;
    assert!(plain.resource.unwrap().cache.is_empty());
}

#[tokio::test]
async fn a_token_is_shown_in_the_field_of_the_version() {
    let explained = told("GET", "/pets/1.0/dogs", Some("abc.def")).await;
    assert_eq!(refusal(&explained).0, "authenticate");
    assert_eq!(
        explained.credentials[0].flaw.as_deref(),
        Some("malformed"),
        "it was found in X-Auth"
    );
}
