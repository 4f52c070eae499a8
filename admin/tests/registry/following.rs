//! Following: what one process changes, another sees after it has asked.

use admin::registry::api_key::{NewApiKey, Restrictions};

use crate::*;

promises! {
    every_change_is_followed
    every_deletion_is_followed
    one_who_fell_behind_reads_everything_anew
    one_who_writes_still_sees_what_others_wrote
    many_writers_leave_every_view_the_same
    the_log_stays_bounded
    whoever_asks_after_a_change_knows_it_however_many_ask
}

fn api_key(application: ApplicationId) -> NewApiKey {
    NewApiKey {
        application,
        key_type: KeyType::Production,
        restrictions: Restrictions::default(),
        expires: None,
    }
}

async fn every_change_is_followed(place: Place) {
    let (here, elsewhere) = (place.open().await, place.open().await);
    let shop = add_shop(&here).await;
    let id = here.subscribe(subscription(shop, "Demo", "1"), NOW).await.unwrap();
    let (_, secret) = here.add_api_key(api_key(shop), NOW).await.unwrap();
    here.revoke(&Digest::of("jti"), LATER).await.unwrap();
    here.revoke_family("f", LATER).await.unwrap();
    assert_eq!(elsewhere.view().counts(), Default::default());
    elsewhere.follow().await.unwrap();
    let view = elsewhere.view();
    assert_eq!(view.user(&name("joe")).unwrap().roles, ["staff"]);
    assert_eq!(view.client("shop").unwrap().application.id, shop);
    assert!(view.api_key(&Digest::of(&secret)).is_some());
    assert!(view.is_revoked(&Digest::of("jti")) && view.is_family_revoked("f"));
    assert!(view.subscription(shop, ("carbon.super", "Demo", "1")).is_some());

    here.set_subscription_state(id, SubscriptionState::Rejected)
        .await
        .unwrap();
    here.set_roles(&name("joe"), Vec::new()).await.unwrap();
    let secret = here.regenerate_secret("shop").await.unwrap();
    elsewhere.follow().await.unwrap();
    let subscription = view.subscription(shop, ("carbon.super", "Demo", "1")).unwrap();
    assert_eq!(subscription.state, SubscriptionState::Rejected);
    assert!(view.user(&name("joe")).unwrap().roles.is_empty());
    assert!(view.client("shop").unwrap().secret.is_of(&secret.consumer_secret));
}

async fn every_deletion_is_followed(place: Place) {
    let (here, elsewhere) = (place.open().await, place.open().await);
    let shop = add_shop(&here).await;
    let id = here.subscribe(subscription(shop, "Demo", "1"), NOW).await.unwrap();
    let (key, secret) = here.add_api_key(api_key(shop), NOW).await.unwrap();
    elsewhere.follow().await.unwrap();
    here.unsubscribe(id).await.unwrap();
    here.revoke_api_key(key).await.unwrap();
    here.delete_key_pair("shop").await.unwrap();
    elsewhere.follow().await.unwrap();
    let view = elsewhere.view();
    assert!(view.subscription(shop, ("carbon.super", "Demo", "1")).is_none());
    assert!(view.api_key(&Digest::of(&secret)).is_none() && view.client("shop").is_none());
    here.add_key_pair(keys(shop, Some("shop")), NOW).await.unwrap();
    here.delete_application(shop).await.unwrap();
    here.delete_user(&name("joe")).await.unwrap();
    elsewhere.follow().await.unwrap();
    assert_eq!(view.counts(), Default::default());
}

async fn one_who_fell_behind_reads_everything_anew(place: Place) {
    let (here, elsewhere) = (place.open().await, place.open().await);
    let shop = add_shop(&here).await;
    add_user(&here, "jim", &[]).await.unwrap();
    elsewhere.follow().await.unwrap();
    here.delete_user(&name("jim")).await.unwrap();
    here.subscribe(subscription(shop, "Demo", "1"), NOW).await.unwrap();
    here.revoke(&Digest::of("jti"), LATER).await.unwrap();
    place.execute(&["DELETE FROM changes".to_owned()]).await;
    elsewhere.follow().await.unwrap();
    let view = elsewhere.view();
    assert!(view.user(&name("jim")).is_none() && view.user(&name("joe")).is_some());
    assert!(view.subscription(shop, ("carbon.super", "Demo", "1")).is_some());
    assert!(view.is_revoked(&Digest::of("jti")) && view.client("shop").is_some());
    // From here on it follows line by line again.
    here.delete_application(shop).await.unwrap();
    elsewhere.follow().await.unwrap();
    assert!(view.application(shop).is_none());
}

async fn one_who_writes_still_sees_what_others_wrote(place: Place) {
    let (here, elsewhere) = (place.open().await, place.open().await);
    add_user(&here, "joe", &[]).await.unwrap();
    add_user(&elsewhere, "jim", &[]).await.unwrap();
    add_user(&here, "jane", &[]).await.unwrap();
    // Who writes has caught up first: what it changes may be of another's making.
    assert!(elsewhere.view().user(&name("joe")).is_some() && elsewhere.view().user(&name("jane")).is_none());
    for registry in [&here, &elsewhere] {
        registry.follow().await.unwrap();
        assert_eq!(registry.view().users(None).len(), 3);
    }
}

async fn many_writers_leave_every_view_the_same(place: Place) {
    let registries = [Arc::new(place.open().await), Arc::new(place.open().await)];
    let shop = add_shop(&registries[0]).await;
    let following = {
        let registry = Arc::new(place.open().await);
        let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let task = tokio::spawn({
            let (registry, done) = (Arc::clone(&registry), Arc::clone(&done));
            async move {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    registry.follow().await.unwrap();
                    tokio::task::yield_now().await;
                }
            }
        });
        (registry, done, task)
    };
    let writers: Vec<_> = (0..8)
        .map(|number: usize| {
            let registry = Arc::clone(&registries[number % 2]);
            tokio::spawn(async move {
                let api = format!("Api{number}");
                for round in 0..10_usize {
                    let id = registry.subscribe(subscription(shop, &api, "1"), NOW).await.unwrap();
                    registry
                        .set_subscription_state(id, SubscriptionState::Blocked)
                        .await
                        .unwrap();
                    if round.is_multiple_of(2) || number.is_multiple_of(2) {
                        registry.unsubscribe(id).await.unwrap();
                    } else {
                        let to = ("carbon.super", api.as_str(), "1");
                        assert_eq!(
                            registry.view().subscription(shop, to).unwrap().state,
                            SubscriptionState::Blocked
                        );
                        registry.unsubscribe(id).await.unwrap();
                        registry
                            .subscribe(subscription(shop, &api, &format!("2.{round}")), NOW)
                            .await
                            .unwrap();
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let (follower, done, task) = following;
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    task.await.unwrap();
    let fresh = place.open().await.view().subscriptions_of(shop);
    assert_eq!(fresh.len(), 4 * 5);
    for registry in [&registries[0], &registries[1], &follower] {
        registry.follow().await.unwrap();
        assert_eq!(registry.view().subscriptions_of(shop), fresh);
    }
}

async fn the_log_stays_bounded(place: Place) {
    let registry = place.open().await;
    // As if a great many changes had been made.
    place
        .execute(&[
            "UPDATE head SET number = 30000".to_owned(),
            "INSERT INTO changes (number, noun, name) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL \
             SELECT i + 1 FROM n WHERE i < 30000) SELECT i, 'family', 'f' FROM n"
                .to_owned(),
        ])
        .await;
    registry.revoke_family("g", LATER).await.unwrap();
    // Were there more than ten thousand, this would clash with one of them.
    let left = "INSERT INTO changes (number, noun, name) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL \
                SELECT i + 1 FROM n WHERE i < 20001) SELECT i, 'family', 'f' FROM n";
    place.execute(&[left.to_owned()]).await;
    registry.follow().await.unwrap();
    assert!(registry.view().is_family_revoked("g"));
}

async fn whoever_asks_after_a_change_knows_it_however_many_ask(place: Place) {
    let (here, elsewhere) = (Arc::new(place.open().await), Arc::new(place.open().await));
    let revoking = (0..200).map(|number| {
        let (here, elsewhere) = (Arc::clone(&here), Arc::clone(&elsewhere));
        tokio::spawn(async move {
            let digest = Digest::of(&number.to_string());
            here.revoke(&digest, LATER).await.unwrap();
            elsewhere.follow().await.unwrap();
            assert!(elsewhere.view().is_revoked(&digest), "{number}");
        })
    });
    for task in revoking.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}
