//! Tokens, codes and revocations: used once, revoked at once, and for as long as they matter.

use admin::registry::RegistryError;
use admin::registry::token::{Redeemed, Rotated};

use crate::*;

promises! {
    an_opaque_token_is_known_here_at_once_and_elsewhere_when_asked
    a_token_that_ended_or_was_revoked_is_not_found
    a_token_for_nobody_is_refused
    a_refresh_token_is_exchanged_once
    of_many_who_exchange_a_refresh_token_one_wins
    a_used_refresh_token_revokes_its_family
    an_expired_refresh_token_revokes_nothing
    nothing_of_a_family_outlives_its_revocation
    of_many_who_take_a_code_one_wins
    a_code_that_was_shown_twice_leads_to_nothing
    revocations_survive_a_restart_until_they_end
    what_has_ended_is_swept
}

async fn an_opaque_token_is_known_here_at_once_and_elsewhere_when_asked(place: Place) {
    let (here, elsewhere) = (place.open().await, place.open().await);
    add_shop(&here).await;
    here.add_token(token("t", Some("f"))).await.unwrap();
    let digest = Digest::of("t");
    assert!(here.view().token(&digest).is_some() && elsewhere.view().token(&digest).is_none());
    let record = elsewhere.find_token(&digest, NOW).await.unwrap().unwrap();
    assert_eq!(record.granted.user, Some(name("joe")));
    assert_eq!(record.granted.scopes, ["read", "write"]);
    assert_eq!(record.granted.family.as_deref(), Some("f"));
    assert_eq!(record.granted.certificate, Some(Digest::of("certificate")));
    assert_eq!((record.issued, record.expires), (NOW, LATER));
    assert!(elsewhere.view().token(&digest).is_some());
    assert!(elsewhere.find_token(&Digest::of("x"), NOW).await.unwrap().is_none());
    assert!(place.open().await.view().token(&digest).is_some());
}

async fn a_token_that_ended_or_was_revoked_is_not_found(place: Place) {
    let (here, elsewhere) = (place.open().await, place.open().await);
    add_shop(&here).await;
    here.add_token(token("t", None)).await.unwrap();
    here.add_token(token("u", Some("f"))).await.unwrap();
    assert!(elsewhere.find_token(&Digest::of("t"), LATER).await.unwrap().is_none());
    assert!(elsewhere.find_token(&Digest::of("t"), NOW).await.unwrap().is_some());
    here.revoke(&Digest::of("t"), LATER).await.unwrap();
    here.revoke_family("f", LATER).await.unwrap();
    elsewhere.follow().await.unwrap();
    for registry in [&here, &elsewhere] {
        for secret in ["t", "u"] {
            assert!(registry.view().token(&Digest::of(secret)).is_none());
            assert!(registry.find_token(&Digest::of(secret), NOW).await.unwrap().is_none());
        }
        assert!(registry.view().is_revoked(&Digest::of("t")) && registry.view().is_family_revoked("f"));
        assert!(!registry.view().is_revoked(&Digest::of("u")) && !registry.view().is_family_revoked("t"));
    }
}

async fn a_token_for_nobody_is_refused(place: Place) {
    let registry = place.open().await;
    add_shop(&registry).await;
    let mut of_nobody = refresh_token("r", "f");
    of_nobody.granted.user = Some(name("nobody"));
    let refused = registry.add_refresh_token(of_nobody).await;
    assert!(matches!(refused, Err(RegistryError::Missing(_))));
    let mut of_no_client = refresh_token("r", "f");
    of_no_client.granted.consumer_key = "unknown".to_owned();
    let refused = registry.add_refresh_token(of_no_client).await.unwrap_err();
    assert_eq!(refused.to_string(), "there is no consumer key `unknown`");
}

async fn a_refresh_token_is_exchanged_once(place: Place) {
    let registry = place.open().await;
    add_shop(&registry).await;
    registry.add_refresh_token(refresh_token("r1", "f")).await.unwrap();
    let rotate = |used: &str, next: &str| {
        let (used, next) = (Digest::of(used), Digest::of(next));
        let registry = &registry;
        async move { registry.rotate(&used, &next, NOW, LATER).await.unwrap() }
    };
    assert!(matches!(rotate("unknown", "x").await, Rotated::Unknown));
    let Rotated::Next(granted) = rotate("r1", "r2").await else {
        panic!()
    };
    assert_eq!(
        (granted.consumer_key.as_str(), granted.family.as_deref()),
        ("shop", Some("f"))
    );
    assert!(
        registry
            .find_live_refresh_token(&Digest::of("r1"), NOW)
            .await
            .unwrap()
            .is_none()
    );
    assert!(registry.find_refresh_token(&Digest::of("r1")).await.unwrap().is_some());
    assert!(
        registry
            .find_live_refresh_token(&Digest::of("r2"), NOW)
            .await
            .unwrap()
            .is_some()
    );
    assert!(matches!(rotate("r2", "r3").await, Rotated::Next(_)));
    assert!(!registry.view().is_family_revoked("f"));
}

async fn of_many_who_exchange_a_refresh_token_one_wins(place: Place) {
    let registries = [Arc::new(place.open().await), Arc::new(place.open().await)];
    add_shop(&registries[0]).await;
    for round in 0..5 {
        let (family, used) = (format!("f{round}"), format!("r{round}"));
        registries[0]
            .add_refresh_token(refresh_token(&used, &family))
            .await
            .unwrap();
        let attempts: Vec<_> = (0..24)
            .map(|number: usize| {
                let registry = Arc::clone(&registries[number % 2]);
                let (used, next) = (Digest::of(&used), Digest::of(&format!("{family}-{number}")));
                tokio::spawn(async move { registry.rotate(&used, &next, NOW, LATER).await.unwrap() })
            })
            .collect();
        let mut won = 0;
        for attempt in attempts {
            match attempt.await.unwrap() {
                Rotated::Next(_) => won += 1,
                // Who comes after the family was revoked finds nothing.
                Rotated::Reused | Rotated::Unknown => {}
                Rotated::Expired => panic!(),
            }
        }
        assert_eq!(won, 1);
        for number in 0..24 {
            let next = Digest::of(&format!("{family}-{number}"));
            assert!(registries[0].find_refresh_token(&next).await.unwrap().is_none());
        }
        for registry in &registries {
            registry.follow().await.unwrap();
            assert!(registry.view().is_family_revoked(&family));
        }
    }
}

async fn a_used_refresh_token_revokes_its_family(place: Place) {
    let registry = place.open().await;
    add_shop(&registry).await;
    registry.add_refresh_token(refresh_token("r1", "f")).await.unwrap();
    registry.add_refresh_token(refresh_token("other", "g")).await.unwrap();
    registry.add_token(token("t", Some("f"))).await.unwrap();
    registry
        .rotate(&Digest::of("r1"), &Digest::of("r2"), NOW, LATER)
        .await
        .unwrap();
    let again = registry
        .rotate(&Digest::of("r1"), &Digest::of("r3"), NOW, LATER)
        .await
        .unwrap();
    assert!(matches!(again, Rotated::Reused));
    assert!(registry.view().is_family_revoked("f") && !registry.view().is_family_revoked("g"));
    assert!(registry.view().token(&Digest::of("t")).is_none());
    let next = registry
        .rotate(&Digest::of("r2"), &Digest::of("r4"), NOW, LATER)
        .await
        .unwrap();
    assert!(matches!(next, Rotated::Unknown));
    assert!(
        registry
            .find_live_refresh_token(&Digest::of("other"), NOW)
            .await
            .unwrap()
            .is_some()
    );
}

async fn an_expired_refresh_token_revokes_nothing(place: Place) {
    let registry = place.open().await;
    add_shop(&registry).await;
    registry.add_refresh_token(refresh_token("r1", "f")).await.unwrap();
    let late = registry
        .rotate(&Digest::of("r1"), &Digest::of("r2"), LATER, LATER.plus(1))
        .await;
    assert!(matches!(late.unwrap(), Rotated::Expired));
    assert!(!registry.view().is_family_revoked("f"));
    assert!(registry.find_refresh_token(&Digest::of("r2")).await.unwrap().is_none());
}

async fn nothing_of_a_family_outlives_its_revocation(place: Place) {
    let registries = [Arc::new(place.open().await), Arc::new(place.open().await)];
    add_shop(&registries[0]).await;
    for round in 0..8 {
        let family = format!("f{round}");
        registries[0]
            .add_refresh_token(refresh_token(&format!("{family}-0"), &family))
            .await
            .unwrap();
        let rotating = tokio::spawn({
            let (registry, family) = (Arc::clone(&registries[0]), family.clone());
            async move {
                for number in 0.. {
                    let used = Digest::of(&format!("{family}-{number}"));
                    let next = Digest::of(&format!("{family}-{}", number + 1));
                    match registry.rotate(&used, &next, NOW, LATER).await.unwrap() {
                        Rotated::Next(_) => {}
                        Rotated::Unknown => return number,
                        Rotated::Expired | Rotated::Reused => panic!(),
                    }
                }
                unreachable!()
            }
        });
        registries[1].revoke_family(&family, LATER).await.unwrap();
        let last = rotating.await.unwrap();
        for number in 0..=last + 1 {
            let left = registries[0]
                .find_refresh_token(&Digest::of(&format!("{family}-{number}")))
                .await;
            assert!(left.unwrap().is_none());
        }
        let late = registries[0].add_refresh_token(refresh_token("late", &family)).await;
        assert!(matches!(late, Err(RegistryError::Invalid(_))));
        let late = registries[0].add_token(token("late", Some(&family))).await;
        assert!(matches!(late, Err(RegistryError::Invalid(_))));
    }
}

async fn of_many_who_take_a_code_one_wins(place: Place) {
    let registries = [Arc::new(place.open().await), Arc::new(place.open().await)];
    add_shop(&registries[0]).await;
    registries[0].add_code(code("c", "f")).await.unwrap();
    let attempts: Vec<_> = (0..24)
        .map(|number: usize| {
            let registry = Arc::clone(&registries[number % 2]);
            tokio::spawn(async move { registry.take_code(&Digest::of("c"), NOW).await.unwrap() })
        })
        .collect();
    let (mut won, mut late) = (0, 0);
    for attempt in attempts {
        match attempt.await.unwrap() {
            Redeemed::Code(_) => won += 1,
            Redeemed::Reused => late += 1,
            Redeemed::Unknown => panic!(),
        }
    }
    assert_eq!((won, late), (1, 23));
    for registry in &registries {
        registry.follow().await.unwrap();
        assert!(registry.view().is_family_revoked("f"));
    }
}

async fn a_code_that_was_shown_twice_leads_to_nothing(place: Place) {
    let registry = place.open().await;
    add_shop(&registry).await;
    registry
        .add_code(AuthorizationCode {
            nonce: Some("n".to_owned()),
            ..code("c", "f")
        })
        .await
        .unwrap();
    registry.add_code(code("old", "g")).await.unwrap();
    let Redeemed::Code(taken) = registry.take_code(&Digest::of("c"), NOW).await.unwrap() else {
        panic!()
    };
    assert_eq!(
        (taken.nonce.as_deref(), taken.challenge.as_str()),
        (Some("n"), "challenge")
    );
    assert_eq!((taken.granted.family.as_deref(), taken.authenticated), (Some("f"), NOW));
    registry.add_refresh_token(refresh_token("r", "f")).await.unwrap();
    assert!(matches!(
        registry.take_code(&Digest::of("c"), NOW).await.unwrap(),
        Redeemed::Reused
    ));
    assert!(registry.find_refresh_token(&Digest::of("r")).await.unwrap().is_none());
    // The one who was first is late with its tokens.
    let late = registry.add_refresh_token(refresh_token("r2", "f")).await;
    assert!(matches!(late, Err(RegistryError::Invalid(_))));
    let expired = registry.take_code(&Digest::of("old"), NOW.plus(600)).await.unwrap();
    assert!(matches!(expired, Redeemed::Unknown));
    assert!(!registry.view().is_family_revoked("g"));
}

async fn revocations_survive_a_restart_until_they_end(place: Place) {
    let registry = place.open().await;
    registry.revoke(&Digest::of("jti"), LATER).await.unwrap();
    // A shorter one takes nothing away.
    registry.revoke(&Digest::of("jti"), NOW).await.unwrap();
    registry.revoke_family("f", LATER).await.unwrap();
    registry.close().await;
    let registry = place.open().await;
    assert!(registry.view().is_revoked(&Digest::of("jti")) && registry.view().is_family_revoked("f"));
    registry.sweep(UnixTime(LATER.0 - 1)).await.unwrap();
    assert!(registry.view().is_revoked(&Digest::of("jti")) && registry.view().is_family_revoked("f"));
    registry.sweep(LATER).await.unwrap();
    for registry in [&registry, &place.open().await] {
        assert!(!registry.view().is_revoked(&Digest::of("jti")) && !registry.view().is_family_revoked("f"));
    }
}

async fn what_has_ended_is_swept(place: Place) {
    let registry = place.open().await;
    add_shop(&registry).await;
    registry.add_token(token("t", None)).await.unwrap();
    registry.add_refresh_token(refresh_token("r", "f")).await.unwrap();
    registry.add_code(code("c", "g")).await.unwrap();
    // More than are deleted at a time.
    place
        .execute(&[
            "INSERT INTO revoked_families (family, expires) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL \
             SELECT i + 1 FROM n WHERE i < 2500) SELECT 'x' || i, 1 FROM n"
                .to_owned(),
        ])
        .await;
    registry.sweep(NOW).await.unwrap();
    assert!(registry.view().token(&Digest::of("t")).is_some());
    assert_eq!(place.open().await.view().counts().families_revoked, 0);
    registry.sweep(LATER.plus(86_400)).await.unwrap();
    assert_eq!(registry.view().counts().tokens, 0);
    assert!(registry.find_token(&Digest::of("t"), NOW).await.unwrap().is_none());
    assert!(registry.find_refresh_token(&Digest::of("r")).await.unwrap().is_none());
    assert!(matches!(
        registry.take_code(&Digest::of("c"), NOW).await.unwrap(),
        Redeemed::Unknown
    ));
}
