//! Versions have lives: they are copied, published, deprecated and answer by default.

use super::*;
use crate::model::name::{ApiName, VersionName};
use crate::registry::application::ApplicationId;
use crate::registry::subscription::{NewSubscription, Subscribed, SubscriptionState};

fn subscribed(version: &str) -> Subscribed {
    Subscribed {
        tenant: TenantName::root(),
        api: ApiName::parse("Video").unwrap(),
        version: VersionName::parse(version).unwrap(),
    }
}

/// Subscribes an application to version 1.0.
async fn subscribe(scene: &Scene, application: ApplicationId, tier: &str, state: SubscriptionState) {
    let new = NewSubscription {
        application,
        to: subscribed("1.0"),
        tier: TierName::parse(tier).unwrap(),
        state,
    };
    scene.authority.registry.subscribe(new, scene.now()).await.unwrap();
}

async fn application(scene: &Scene, owner: &str) -> ApplicationId {
    let new = NewApplication {
        name: format!("of {owner}"),
        owner: user(owner),
        tier: TierName::parse("Unlimited").unwrap(),
        token_type: TokenType::Jwt,
    };
    let made = scene.authority.registry.add_application(new, scene.now()).await;
    made.unwrap()
}

/// Makes version 2.0 of the API; says how it differs from 1.0.
async fn second(scene: &Scene, token: &str, differs: &Value) {
    let mut version = video("created")["versions"][0].clone();
    let said = version.as_object_mut().unwrap();
    said.insert("version".to_owned(), json!("2.0"));
    said.extend(differs.as_object().unwrap().clone());
    let path = "/apis/Video/versions";
    scene.tell(token, "POST", path, &version).await.is(201);
}

async fn published(scene: &Scene, token: &str) {
    scene.tell(token, "POST", "/apis", &video("published")).await.is(201);
}

#[tokio::test]
async fn a_version_is_made_as_a_copy_and_begins_anew() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    published(&scene, &token).await;
    let copy = scene
        .tell(
            &token,
            "POST",
            "/apis/Video/versions?copy_of=1.0",
            &json!({"version": "2.0"}),
        )
        .await
        .is(201)
        .json();
    assert_eq!(
        (&copy["version"], copy.get("state"), &copy["tiers"]),
        (&json!("2.0"), None, &json!(["Unlimited"]))
    );
    let listed = scene.ask(&token, "GET", "/apis/Video/versions").await.is(200).json();
    assert_eq!(
        (&listed["items"][1]["state"], &listed["items"][0]["is_default"]),
        (&json!("created"), &json!(true))
    );
    scene
        .tell(
            &token,
            "POST",
            "/apis/Video/versions?copy_of=9",
            &json!({"version": "3"}),
        )
        .await
        .refused(404, "missing");
    scene
        .tell(&token, "POST", "/apis/Video/versions", &json!({}))
        .await
        .is(422);
}

#[tokio::test]
async fn only_the_moves_of_its_state_are_made() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    published(&scene, &token).await;
    let path = "/apis/Video/versions/1.0/lifecycle";
    let standing = scene.ask(&token, "GET", path).await.is(200).json();
    assert_eq!(
        (&standing["state"], standing["events"].as_array().unwrap().len()),
        (&json!("published"), 4)
    );
    scene
        .tell(&token, "POST", path, &json!({"event": "retire"}))
        .await
        .refused(409, "conflict");
    for (event, state) in [
        ("block", "blocked"),
        ("republish", "published"),
        ("deprecate", "deprecated"),
        ("retire", "retired"),
    ] {
        let moved = scene
            .tell(&token, "POST", path, &json!({"event": event}))
            .await
            .is(200)
            .json();
        assert_eq!(moved["state"], state);
    }
    let standing = scene.ask(&token, "GET", path).await.is(200).json();
    assert_eq!(standing["events"], json!([]));
    assert!(scene.file("apis/video.toml").unwrap().contains("state = \"retired\""));
}

#[tokio::test]
async fn publishing_deprecates_older_versions_and_carries_their_subscribers_over() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    published(&scene, &token).await;
    let registry = &scene.authority.registry;
    let application = registry.view().applications(None)[0].id;
    subscribe(&scene, application, "Unlimited", SubscriptionState::Unblocked).await;
    for version in ["2.0", "3.0"] {
        let body = json!({"version": version});
        scene
            .tell(&token, "POST", "/apis/Video/versions?copy_of=1.0", &body)
            .await
            .is(201);
    }
    let event = json!({"event": "publish", "deprecate_older": true});
    let moved = scene
        .tell(&token, "POST", "/apis/Video/versions/2.0/lifecycle", &event)
        .await
        .is(200)
        .json();
    assert_eq!(
        moved,
        json!({"state": "published", "deprecated": ["1.0"], "carried_over": 1, "not_carried_over": 0})
    );
    assert_eq!(registry.view().subscriptions_to(&subscribed("2.0")).len(), 1);
    let listed = scene.ask(&token, "GET", "/apis/Video/versions").await.is(200).json();
    assert_eq!(
        (&listed["items"][0]["state"], &listed["items"][1]["state"]),
        (&json!("deprecated"), &json!("published"))
    );
    let event = json!({"event": "publish", "require_resubscription": true});
    let moved = scene
        .tell(&token, "POST", "/apis/Video/versions/3.0/lifecycle", &event)
        .await
        .is(200)
        .json();
    assert_eq!((&moved["deprecated"], &moved["carried_over"]), (&json!([]), &json!(0)));
    assert!(registry.view().subscriptions_to(&subscribed("3.0")).is_empty());
}

#[tokio::test]
async fn the_preferred_version_answers_once_it_is_published() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    published(&scene, &token).await;
    scene
        .tell(
            &token,
            "POST",
            "/apis/Video/versions?copy_of=1.0",
            &json!({"version": "2.0"}),
        )
        .await
        .is(201);
    let path = "/apis/Video/default-version";
    let wanted = json!({"default_version": ["2.0", "1.0"]});
    let told = scene.tell(&token, "PUT", path, &wanted).await.is(200).json();
    assert_eq!(told, json!({"default_version": ["2.0", "1.0"], "answers": "1.0"}));
    scene
        .tell(
            &token,
            "POST",
            "/apis/Video/versions/2.0/lifecycle",
            &json!({"event": "publish"}),
        )
        .await
        .is(200);
    assert_eq!(scene.ask(&token, "GET", path).await.is(200).json()["answers"], "2.0");
    scene
        .tell(&token, "PUT", path, &json!({"default_version": ["9"]}))
        .await
        .refused(422, "refused");
}

#[tokio::test]
async fn all_resources_are_replaced_in_one_change() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    published(&scene, &token).await;
    let path = "/apis/Video/versions/1.0/resources";
    let resources = json!({"resources": [
        {"path": "/a", "methods": ["GET"], "auth": "none"}, {"path": "/videos/{id}", "methods": ["GET", "PUT"]}]});
    let said = scene.tell(&token, "PUT", path, &resources).await.is(200);
    assert_eq!(
        (&said.json()["resources"], said.header("tollgate-revision")),
        (&resources["resources"], "3")
    );
    let listed = scene.ask(&token, "GET", path).await.is(200).json();
    assert_eq!(listed["items"], resources["resources"]);
    let broken = json!({"resources": [{"path": "/a", "methods": ["GET"], "auth": "nobody"}]});
    let problem = scene
        .tell(&token, "PUT", path, &broken)
        .await
        .refused(422, "refused")
        .json();
    assert_eq!(problem["violations"][0]["pointer"], "/resources/0/auth");
}

#[tokio::test]
async fn subscribers_are_carried_over_as_the_version_takes_them() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    for (tier, roles) in [("First", json!(["boss"])), ("Second", json!(["employee"]))] {
        let body = json!({"limits": [{"requests": 1, "per": "1s"}], "roles": roles});
        let path = format!("/tiers/subscription/{tier}");
        scene.tell(&token, "PUT", &path, &body).await.is(201);
    }
    published(&scene, &token).await;
    let mut of = Vec::new();
    for owner in ["tom", "pub", "tom@acme.example"] {
        let application = application(&scene, owner).await;
        subscribe(&scene, application, "Unlimited", SubscriptionState::Blocked).await;
        of.push(application);
    }
    second(
        &scene,
        &token,
        &json!({"tiers": ["First", "Second"], "subscribers": "current_tenant"}),
    )
    .await;
    let path = "/apis/Video/versions/2.0/lifecycle";
    let moved = scene
        .tell(&token, "POST", path, &json!({"event": "publish"}))
        .await
        .is(200);
    let expected = json!({"state": "published", "deprecated": [], "carried_over": 1, "not_carried_over": 2});
    assert_eq!(moved.json(), expected);
    let carried = scene.authority.registry.view().subscriptions_to(&subscribed("2.0"));
    let [(application, right)] = carried.as_slice() else {
        panic!("{carried:?}")
    };
    // tom is an employee; pub may use neither tier, and the other one is of another tenant.
    assert_eq!((application, right.tier.as_str()), (&of[0], "Second"));
    assert_eq!(right.state, SubscriptionState::Blocked);
    let kept = scene
        .ask(&token, "GET", "/audit?action=carry_over")
        .await
        .is(200)
        .json();
    assert_eq!(
        (&kept["total"], &kept["items"][0]["after"]["id"]),
        (&json!(1), &json!(right.id.0))
    );
    assert_eq!(kept["items"][0]["object"], "subscription of of tom to Video 2.0");
}

#[tokio::test]
async fn a_version_that_is_live_is_told_to_be_when_nobody_can_be_carried_over() {
    let scene = Scene::begin().await;
    let token = scene.token("root").await;
    published(&scene, &token).await;
    let application = application(&scene, "tom").await;
    subscribe(&scene, application, "Unlimited", SubscriptionState::Unblocked).await;
    second(&scene, &token, &json!({})).await;
    scene.authority.registry.close().await;
    let path = "/apis/Video/versions/2.0/lifecycle";
    let moved = scene
        .tell(&token, "POST", path, &json!({"event": "publish"}))
        .await
        .is(200);
    let expected = json!({"state": "published", "deprecated": [], "carried_over": 0, "not_carried_over": 1});
    assert_eq!(moved.json(), expected);
    assert_eq!(
        scene.ask(&token, "GET", path).await.is(200).json()["state"],
        "published"
    );
}
