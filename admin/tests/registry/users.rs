//! Users: names, roles, passwords, and what ends with them.

use admin::model::name::TenantName;
use admin::registry::RegistryError;
use admin::registry::token::Rotated;
use admin::registry::user::UserName;

use crate::*;

promises! {
    a_user_is_known_with_sorted_roles_as_soon_as_it_is_made
    a_name_is_given_once_in_a_tenant
    a_name_is_printable_and_bounded
    a_password_is_right_or_wrong_and_nobodys_is_wrong
    a_new_password_ends_what_the_old_one_granted
    a_deleted_role_is_nobodys
    a_user_who_owns_applications_stays
    a_deleted_user_takes_its_tokens_along
    a_user_who_comes_back_is_younger_than_the_tokens_of_the_last
}

async fn a_user_is_known_with_sorted_roles_as_soon_as_it_is_made(place: Place) {
    let registry = place.open().await;
    assert!(registry.is_empty().await.unwrap());
    add_user(&registry, "joe@example.com", &["b", "a", "b"]).await.unwrap();
    let user = registry.view().user(&name("joe@example.com")).unwrap();
    assert_eq!((user.roles.join(","), user.created), ("a,b".to_owned(), NOW));
    registry.set_roles(&user.name, vec!["c".to_owned()]).await.unwrap();
    assert_eq!(registry.view().user(&user.name).unwrap().roles, ["c"]);
    assert!(!registry.is_empty().await.unwrap());
    assert_eq!(place.open().await.view().users(None)[0].roles, ["c"]);
    let nobody = registry.set_roles(&name("nobody"), Vec::new()).await;
    assert_eq!(
        nobody.unwrap_err().to_string(),
        "there is no user `nobody@carbon.super`"
    );
}

async fn a_name_is_given_once_in_a_tenant(place: Place) {
    let registry = place.open().await;
    let attempts: Vec<_> = (0..8).map(|_| add_user(&registry, "joe", &[])).collect();
    let mut made = 0;
    for attempt in attempts {
        match attempt.await {
            Ok(()) => made += 1,
            Err(error) => assert!(matches!(error, RegistryError::Conflict(_)), "{error}"),
        }
    }
    assert_eq!(made, 1);
    let elsewhere = UserName {
        tenant: TenantName::parse("acme.example").unwrap(),
        name: "joe".to_owned(),
    };
    let user = NewUser {
        name: elsewhere.clone(),
        password: PASSWORD.to_owned(),
        roles: Vec::new(),
    };
    registry.add_user(user, NOW).await.unwrap();
    assert_eq!(registry.view().users(Some(&elsewhere.tenant)).len(), 1);
    assert_eq!(registry.view().users(None).len(), 2);
}

async fn a_name_is_printable_and_bounded(place: Place) {
    let registry = place.open().await;
    for bad in ["", " joe", "a\nb", "a:b", &"x".repeat(161)] {
        let refused = add_user(&registry, bad, &[]).await;
        assert!(matches!(refused, Err(RegistryError::Invalid(_))), "{bad}");
    }
    let refused = add_user(&registry, "joe", &["a\0"]).await;
    assert!(matches!(refused, Err(RegistryError::Invalid(_))));
    assert!(registry.is_empty().await.unwrap());
}

async fn a_password_is_right_or_wrong_and_nobodys_is_wrong(place: Place) {
    let registry = place.open().await;
    add_user(&registry, "joe", &[]).await.unwrap();
    assert!(registry.is_password(&name("joe"), PASSWORD).await.unwrap());
    assert!(!registry.is_password(&name("joe"), "wrong horse").await.unwrap());
    assert!(!registry.is_password(&name("jim"), PASSWORD).await.unwrap());
    registry.set_password(&name("joe"), "another horse", NOW).await.unwrap();
    assert!(!registry.is_password(&name("joe"), PASSWORD).await.unwrap());
    assert!(registry.is_password(&name("joe"), "another horse").await.unwrap());
    let short = registry.set_password(&name("joe"), "short", NOW).await;
    assert!(matches!(short, Err(RegistryError::Invalid(_))));
}

async fn a_new_password_ends_what_the_old_one_granted(place: Place) {
    let registry = place.open().await;
    add_shop(&registry).await;
    registry.add_refresh_token(refresh_token("r", "f")).await.unwrap();
    registry.add_token(token("t", Some("f"))).await.unwrap();
    registry.add_code(code("c", "g")).await.unwrap();
    registry.set_password(&name("joe"), "another horse", NOW).await.unwrap();
    assert!(registry.view().is_family_revoked("f"));
    assert!(registry.view().token(&Digest::of("t")).is_none());
    let rotated = registry.rotate(&Digest::of("r"), &Digest::of("n"), NOW, LATER).await;
    assert!(matches!(rotated.unwrap(), Rotated::Unknown));
    let taken = registry.take_code(&Digest::of("c"), NOW).await.unwrap();
    assert!(matches!(taken, admin::registry::token::Redeemed::Unknown));
}

async fn a_deleted_role_is_nobodys(place: Place) {
    let registry = place.open().await;
    add_user(&registry, "joe", &["a", "b"]).await.unwrap();
    add_user(&registry, "jim", &["b"]).await.unwrap();
    registry
        .delete_role(&TenantName::parse("acme.example").unwrap(), "b")
        .await
        .unwrap();
    assert_eq!(registry.view().user(&name("jim")).unwrap().roles, ["b"]);
    registry.delete_role(&TenantName::root(), "b").await.unwrap();
    assert_eq!(registry.view().user(&name("joe")).unwrap().roles, ["a"]);
    assert!(registry.view().user(&name("jim")).unwrap().roles.is_empty());
}

async fn a_user_who_owns_applications_stays(place: Place) {
    let registry = place.open().await;
    let shop = add_shop(&registry).await;
    let refused = registry.delete_user(&name("joe")).await.unwrap_err();
    assert_eq!(refused.to_string(), "user `joe@carbon.super` owns applications");
    assert!(registry.view().user(&name("joe")).is_some());
    registry.delete_application(shop).await.unwrap();
    registry.delete_user(&name("joe")).await.unwrap();
    assert!(registry.view().user(&name("joe")).is_none());
    assert!(place.open().await.view().user(&name("joe")).is_none());
}

async fn a_deleted_user_takes_its_tokens_along(place: Place) {
    let registry = place.open().await;
    add_shop(&registry).await;
    add_user(&registry, "jim", &[]).await.unwrap();
    let mut of_jim = refresh_token("r", "f");
    of_jim.granted.user = Some(name("jim"));
    registry.add_refresh_token(of_jim.clone()).await.unwrap();
    let record = Arc::new(TokenRecord {
        granted: of_jim.granted,
        issued: NOW,
        expires: LATER,
    });
    let digest = Digest::of("t");
    registry.add_token(NewToken { digest, record }).await.unwrap();
    registry.delete_user(&name("jim")).await.unwrap();
    assert!(registry.view().token(&digest).is_none());
    assert!(registry.find_token(&digest, NOW).await.unwrap().is_none());
    assert!(registry.find_refresh_token(&Digest::of("r")).await.unwrap().is_none());
}

async fn a_user_who_comes_back_is_younger_than_the_tokens_of_the_last(place: Place) {
    let registry = place.open().await;
    add_user(&registry, "joe", &[]).await.unwrap();
    registry.delete_user(&name("joe")).await.unwrap();
    add_user(&registry, "joe", &[]).await.unwrap();
    assert!(registry.view().user(&name("joe")).unwrap().created > NOW);
    // Swept twice, a minute apart, nobody remembers; by then it is another second.
    registry.delete_user(&name("joe")).await.unwrap();
    registry.sweep(NOW).await.unwrap();
    registry.sweep(NOW.plus(61)).await.unwrap();
    add_user(&registry, "joe", &[]).await.unwrap();
    assert_eq!(registry.view().user(&name("joe")).unwrap().created, NOW);
}
