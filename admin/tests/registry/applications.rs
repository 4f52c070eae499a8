//! Applications, their keys and subscriptions.

use admin::registry::RegistryError;
use admin::registry::api_key::{NewApiKey, Restrictions};
use admin::registry::key_pair::Terms;

use crate::*;

promises! {
    an_application_has_one_owner_and_one_name
    one_of_many_applications_of_a_name_is_made
    a_key_pair_is_told_once_and_kept_as_a_hash
    an_application_has_one_key_pair_of_a_type
    a_key_pair_is_what_its_terms_say
    bad_keys_are_refused
    a_subscription_follows_its_state_and_tier
    an_api_key_is_found_until_it_is_revoked
    a_changed_application_is_seen_through_its_keys
    a_deleted_application_leaves_nothing_behind
    a_restart_finds_thousands_as_they_were
}

async fn an_application_has_one_owner_and_one_name(place: Place) {
    let registry = place.open().await;
    let orphan = registry.add_application(application("Shop"), NOW).await;
    assert!(matches!(orphan, Err(RegistryError::Missing(_))));
    add_shop(&registry).await;
    let twice = registry.add_application(application("Shop"), NOW).await.unwrap_err();
    assert_eq!(
        twice.to_string(),
        "application `Shop` of `joe@carbon.super` exists already"
    );
    add_user(&registry, "jim", &[]).await.unwrap();
    let of_jim = NewApplication {
        owner: name("jim"),
        ..application("Shop")
    };
    registry.add_application(of_jim, NOW).await.unwrap();
    assert_eq!(registry.view().applications_named(&TenantName::root(), "Shop").len(), 2);
    let nameless = registry.add_application(application("a\u{1}"), NOW).await;
    assert!(matches!(nameless, Err(RegistryError::Invalid(_))));
}

async fn one_of_many_applications_of_a_name_is_made(place: Place) {
    let registries = [Arc::new(place.open().await), Arc::new(place.open().await)];
    add_user(&registries[0], "joe", &[]).await.unwrap();
    let attempts: Vec<_> = (0..16)
        .map(|number: usize| {
            let registry = Arc::clone(&registries[number % 2]);
            tokio::spawn(async move { registry.add_application(application("Shop"), NOW).await })
        })
        .collect();
    let mut made = 0;
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok(_) => made += 1,
            Err(error) => assert!(matches!(error, RegistryError::Conflict(_)), "{error:?}"),
        }
    }
    assert_eq!(made, 1);
}

async fn a_key_pair_is_told_once_and_kept_as_a_hash(place: Place) {
    let registry = place.open().await;
    add_user(&registry, "joe", &[]).await.unwrap();
    let id = registry.add_application(application("Shop"), NOW).await.unwrap();
    let issued = registry.add_key_pair(keys(id, None), NOW).await.unwrap();
    assert_eq!((issued.consumer_key.len(), issued.consumer_secret.len()), (32, 43));
    let client = registry.view().client(&issued.consumer_key).unwrap();
    assert!(client.secret.is_of(&issued.consumer_secret));
    assert_eq!(client.application.name, "Shop");

    let next = registry.regenerate_secret(&issued.consumer_key).await.unwrap();
    let client = registry.view().client(&issued.consumer_key).unwrap();
    assert!(client.secret.is_of(&next.consumer_secret) && !client.secret.is_of(&issued.consumer_secret));
    registry.delete_key_pair(&issued.consumer_key).await.unwrap();
    assert!(registry.view().client(&issued.consumer_key).is_none());
    assert!(registry.view().clients_of(id).is_empty());
    let again = registry.delete_key_pair(&issued.consumer_key).await;
    assert!(matches!(again, Err(RegistryError::Missing(_))));
}

async fn an_application_has_one_key_pair_of_a_type(place: Place) {
    let registry = place.open().await;
    let shop = add_shop(&registry).await;
    let second = registry.add_key_pair(keys(shop, None), NOW).await.unwrap_err();
    assert_eq!(second.to_string(), "a PRODUCTION key pair exists already");
    let sandbox = NewKeyPair {
        key_type: KeyType::Sandbox,
        ..keys(shop, Some("shop"))
    };
    let taken = registry.add_key_pair(sandbox.clone(), NOW).await.unwrap_err();
    assert_eq!(taken.to_string(), "consumer key `shop` exists already");
    registry
        .add_key_pair(NewKeyPair { given: None, ..sandbox }, NOW)
        .await
        .unwrap();
    let types: Vec<_> = registry
        .view()
        .clients_of(shop)
        .iter()
        .map(|keys| keys.key_type)
        .collect();
    assert_eq!(types, [KeyType::Production, KeyType::Sandbox]);
    let nowhere = registry.add_key_pair(keys(ApplicationId(999), None), NOW).await;
    assert!(matches!(nowhere, Err(RegistryError::Missing(_))));
}

async fn a_key_pair_is_what_its_terms_say(place: Place) {
    let registry = place.open().await;
    add_shop(&registry).await;
    let client = registry.view().client("shop").unwrap();
    assert_eq!(client.grants, [GrantType::ClientCredentials, GrantType::JwtBearer]);
    assert_eq!(
        client.redirect_uris,
        ["https://a.example/back", "com.example.app:/back"]
    );
    let terms = Terms {
        grants: GrantType::ALL.to_vec(),
        redirect_uris: Vec::new(),
        proof: ClientProof {
            jwks: Some(r#"{"keys":[{"kty":"EC"}]}"#.to_owned()),
            certificate: Some(Digest::of("certificate")),
            is_public: false,
        },
    };
    registry.set_key_pair("shop", &terms).await.unwrap();
    for registry in [&registry, &place.open().await] {
        let client = registry.view().client("shop").unwrap();
        assert_eq!((&client.grants, &client.proof), (&terms.grants, &terms.proof));
        assert!(registry.view().has_certified_clients());
        assert!(client.redirect_uris.is_empty());
    }
    let public = Terms {
        proof: ClientProof {
            is_public: true,
            ..ClientProof::default()
        },
        ..terms.clone()
    };
    registry.set_key_pair("shop", &public).await.unwrap();
    assert!(!registry.view().has_certified_clients());
    let secret = registry.regenerate_secret("shop").await;
    assert!(matches!(secret, Err(RegistryError::Invalid(_))));
    registry.set_key_pair("shop", &terms).await.unwrap();
    registry.delete_key_pair("shop").await.unwrap();
    assert!(!registry.view().has_certified_clients());
}

async fn bad_keys_are_refused(place: Place) {
    let registry = place.open().await;
    add_user(&registry, "joe", &[]).await.unwrap();
    let id = registry.add_application(application("Shop"), NOW).await.unwrap();
    let given = |key: &str, secret: &str| NewKeyPair {
        given: Some((key.to_owned(), secret.to_owned())),
        ..keys(id, None)
    };
    let redirect = |uri: &str| NewKeyPair {
        redirect_uris: vec![uri.to_owned()],
        ..keys(id, None)
    };
    let jwks = |text: &str| NewKeyPair {
        proof: ClientProof {
            jwks: Some(text.to_owned()),
            ..ClientProof::default()
        },
        ..keys(id, None)
    };
    for bad in [
        given("", "0123456789abcdef"),
        given("a:b", "0123456789abcdef"),
        given("a b", "0123456789abcdef"),
        given("key", "tooshortsecret"),
        given("key", "0123456789abcdef\n"),
        redirect("/relative"),
        redirect("https://a.example/#fragment"),
        redirect("https://*.example/"),
        redirect("javascript:alert(1)"),
        redirect("JavaScript:alert(1)"),
        redirect("https://a.example/ b"),
        redirect("https://a.example/\nhttps://b.example/"),
        jwks("{}"),
        jwks("nonsense"),
        jwks(r#"{"keys":[]}"#),
        NewKeyPair {
            proof: ClientProof {
                certificate: Some(Digest([1; 32])),
                is_public: true,
                ..ClientProof::default()
            },
            ..keys(id, None)
        },
    ] {
        let refused = registry.add_key_pair(bad, NOW).await.unwrap_err();
        assert!(matches!(refused, RegistryError::Invalid(_)), "{refused}");
        assert!(!format!("{refused:?}").contains("tooshortsecret"));
    }
    assert!(registry.view().clients_of(id).is_empty());
}

async fn a_subscription_follows_its_state_and_tier(place: Place) {
    let registry = place.open().await;
    let shop = add_shop(&registry).await;
    let id = registry.subscribe(subscription(shop, "Demo", "1"), NOW).await.unwrap();
    let twice = registry.subscribe(subscription(shop, "Demo", "1"), NOW).await;
    assert!(matches!(twice, Err(RegistryError::Conflict(_))));
    registry.subscribe(subscription(shop, "Demo", "2"), NOW).await.unwrap();
    let to = |version| registry.view().subscription(shop, ("carbon.super", "Demo", version));
    assert_eq!(to("1").unwrap().state, SubscriptionState::Unblocked);
    registry
        .set_subscription_state(id, SubscriptionState::Blocked)
        .await
        .unwrap();
    assert_eq!(to("1").unwrap().state, SubscriptionState::Blocked);
    assert_eq!(to("2").unwrap().state, SubscriptionState::Unblocked);
    let best = registry
        .view()
        .any_subscription(shop, ("carbon.super", "Demo"))
        .unwrap();
    assert_eq!(best.state, SubscriptionState::Unblocked);
    registry
        .set_subscription_tier(id, &TierName::parse("Silver").unwrap())
        .await
        .unwrap();
    assert_eq!(to("1").unwrap().tier.as_str(), "Silver");
    registry.unsubscribe(id).await.unwrap();
    assert!(to("1").is_none() && to("2").is_some() && to("3").is_none());
    assert_eq!(registry.view().subscriptions_of(shop).len(), 1);
    assert!(matches!(registry.unsubscribe(id).await, Err(RegistryError::Missing(_))));
}

async fn an_api_key_is_found_until_it_is_revoked(place: Place) {
    let registry = place.open().await;
    let shop = add_shop(&registry).await;
    let key = NewApiKey {
        application: shop,
        key_type: KeyType::Sandbox,
        restrictions: Restrictions {
            networks: vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
            referers: vec!["*.example.com/*".to_owned(), "https://a.example/x".to_owned()],
        },
        expires: Some(LATER),
    };
    let (id, secret) = registry.add_api_key(key.clone(), NOW).await.unwrap();
    assert!(secret.starts_with("tgk_") && secret.len() == 47);
    for registry in [&registry, &place.open().await] {
        let found = registry.view().api_key(&Digest::of(&secret)).unwrap();
        assert_eq!((found.key_type, found.expires), (KeyType::Sandbox, Some(LATER)));
        assert_eq!(found.restrictions, key.restrictions);
        assert_eq!(registry.view().api_keys_of(shop).len(), 1);
    }
    registry.revoke_api_key(id).await.unwrap();
    assert!(registry.view().api_key(&Digest::of(&secret)).is_none());
    assert!(registry.view().api_keys_of(shop).is_empty());
    assert!(matches!(
        registry.revoke_api_key(id).await,
        Err(RegistryError::Missing(_))
    ));
}

async fn a_changed_application_is_seen_through_its_keys(place: Place) {
    let registry = place.open().await;
    let shop = add_shop(&registry).await;
    registry.subscribe(subscription(shop, "Demo", "1"), NOW).await.unwrap();
    let gold = TierName::parse("Gold").unwrap();
    registry.set_application(shop, &gold, TokenType::Opaque).await.unwrap();
    let client = registry.view().client("shop").unwrap();
    assert_eq!(
        (&client.application.tier, client.application.token_type),
        (&gold, TokenType::Opaque)
    );
    assert_eq!(registry.view().application(shop).unwrap().tier, gold);
    assert!(
        registry
            .view()
            .subscription(shop, ("carbon.super", "Demo", "1"))
            .is_some()
    );
}

async fn a_deleted_application_leaves_nothing_behind(place: Place) {
    let registry = place.open().await;
    let shop = add_shop(&registry).await;
    registry.subscribe(subscription(shop, "Demo", "1"), NOW).await.unwrap();
    let key = NewApiKey {
        application: shop,
        key_type: KeyType::Production,
        restrictions: Restrictions::default(),
        expires: None,
    };
    let (_, secret) = registry.add_api_key(key, NOW).await.unwrap();
    registry.add_token(token("t", None)).await.unwrap();
    registry.add_refresh_token(refresh_token("r", "f")).await.unwrap();
    registry.add_code(code("c", "f")).await.unwrap();
    registry.delete_application(shop).await.unwrap();
    for registry in [&registry, &place.open().await] {
        let view = registry.view();
        assert!(view.application(shop).is_none() && view.client("shop").is_none());
        assert!(view.api_key(&Digest::of(&secret)).is_none() && view.token(&Digest::of("t")).is_none());
        assert!(view.subscription(shop, ("carbon.super", "Demo", "1")).is_none());
        assert!(registry.find_token(&Digest::of("t"), NOW).await.unwrap().is_none());
        assert!(registry.find_refresh_token(&Digest::of("r")).await.unwrap().is_none());
        assert_eq!(
            view.counts().applications + view.counts().clients + view.counts().api_keys,
            0
        );
    }
    assert!(matches!(
        registry.delete_application(shop).await,
        Err(RegistryError::Missing(_))
    ));
}

async fn a_restart_finds_thousands_as_they_were(place: Place) {
    // More than two pages of applications are what counts; SQL makes them faster than edits would.
    const COUNT: usize = 12_000;
    let registry = place.open().await;
    let shop = add_shop(&registry).await;
    let owner = "(SELECT id FROM users LIMIT 1)";
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)";
    place
        .execute(&[
            format!(
                "INSERT INTO applications (uuid, name, owner_id, tier, token_type, created) \
                 {numbers} SELECT 'u' || i, 'app' || i, {owner}, 'Gold', 'JWT', 1 FROM n"
            ),
            "INSERT INTO clients (consumer_key, application_id, key_type, secret, grants, redirect_uris, is_public, \
             created) SELECT 'key' || id, id, 'SANDBOX', (SELECT secret FROM clients LIMIT 1), 'password', '', 0, 1 \
             FROM applications"
                .to_owned(),
            "INSERT INTO subscriptions (application_id, tenant, api, version, tier, state, created) \
             SELECT id, 'carbon.super', 'Demo', '1', 'Gold', 'ON_HOLD', 1 FROM applications"
                .to_owned(),
        ])
        .await;
    let view = Arc::clone(place.open().await.view());
    assert_eq!(
        (view.counts().applications, view.counts().clients),
        (COUNT + 1, COUNT + 2)
    );
    for application in view.applications(None) {
        let client = view.client(&format!("key{}", application.id.0)).unwrap();
        assert_eq!(client.application.id, application.id);
        let subscription = view
            .subscription(application.id, ("carbon.super", "Demo", "1"))
            .unwrap();
        assert_eq!(subscription.state, SubscriptionState::OnHold);
    }
    assert_eq!(view.clients_of(shop).len(), 2);
}
