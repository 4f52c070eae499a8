//! Secrets: at rest only as hashes, in errors not at all.

use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use admin::registry::api_key::{NewApiKey, Restrictions};

use crate::*;

#[tokio::test]
async fn no_file_holds_a_secret_and_all_are_their_owners_alone() {
    let place = Place::sqlite();
    let registry = place.open().await;
    let shop = add_shop(&registry).await;
    let issued = registry.regenerate_secret("shop").await.unwrap();
    let key = NewApiKey {
        application: shop,
        key_type: KeyType::Production,
        restrictions: Restrictions::default(),
        expires: None,
    };
    let (_, api_key) = registry.add_api_key(key, NOW).await.unwrap();
    registry.add_token(token("the token itself", None)).await.unwrap();
    registry
        .add_refresh_token(refresh_token("the refresh token itself", "f"))
        .await
        .unwrap();
    registry.add_code(code("the code itself", "g")).await.unwrap();
    let mut files = 0;
    for file in fs::read_dir(place.data.path()).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600,
            "{path:?}"
        );
        let bytes = fs::read(&path).unwrap();
        for secret in [
            PASSWORD,
            &issued.consumer_secret,
            &api_key,
            "0123456789abcdef",
            "itself",
        ] {
            let holds = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!holds, "{path:?} holds {secret}");
        }
        files += 1;
    }
    assert!(files >= 2, "the database and its log");
}

#[tokio::test]
async fn no_error_repeats_the_password_of_a_url() {
    let place = Place::sqlite();
    for url in [
        "postgres://joe:hunter22@127.0.0.1:1/registry",
        "postgres://joe:hunter22@:x/registry",
        "mysql://joe:hunter22@127.0.0.1/registry",
        "hunter22",
    ] {
        let error = Registry::open(url, place.data.path(), NOW).await.unwrap_err();
        let mut said = format!("{error:?}");
        let mut cause: Option<&dyn Error> = Some(&error);
        while let Some(error) = cause {
            said.push_str(&error.to_string());
            cause = error.source();
        }
        assert!(!said.contains("hunter22"), "{said}");
    }
}

#[tokio::test]
async fn a_password_of_the_database_is_not_shown_by_what_holds_it() {
    let url = postgres::database().await;
    let url = url.replace("&user=tollgate", "&user=tollgate&password=hunter22");
    let place = Place::sqlite();
    let registry = Registry::open(&url, place.data.path(), NOW).await.unwrap();
    assert!(!format!("{registry:?}").contains("hunter22"));
}

#[tokio::test]
async fn what_is_told_once_is_not_shown_by_debug() {
    let registry = Place::sqlite().open().await;
    add_user(&registry, "joe", &[]).await.unwrap();
    let id = registry.add_application(application("Shop"), NOW).await.unwrap();
    assert!(!format!("{:?}", keys(id, Some("shop"))).contains("0123456789abcdef"));
    let issued = registry.add_key_pair(keys(id, None), NOW).await.unwrap();
    assert!(!format!("{issued:?}").contains(&issued.consumer_secret));
}
