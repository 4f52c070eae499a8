//! Rotation with stepped time: nothing valid fails, and nothing signs before it was seen.

use std::os::unix::fs::PermissionsExt;

use jsonwebtoken::{Validation, decode, encode};

use super::*;

const START: UnixTime = UnixTime(1_700_000_000);

fn rotation() -> Rotation {
    Rotation {
        algorithm: Algorithm::ES256,
        period: 10_000,
        overlap: 600,
        lifetime: 3_600,
    }
}

fn opened(directory: &Path) -> SigningKeys {
    SigningKeys::open_rotating(directory, rotation(), START).unwrap()
}

fn kids(keys: &SigningKeys, now: UnixTime) -> Vec<String> {
    let set: serde_json::Value = serde_json::from_str(&keys.jwks(now)).unwrap();
    let keys = set["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn both_kinds_of_key_sign_what_their_public_half_proves() {
    for algorithm in [Algorithm::ES256, Algorithm::RS256] {
        let directory = tempfile::tempdir().unwrap();
        let keys = SigningKeys::open(directory.path(), algorithm, START).unwrap();
        let signing = keys.current(START);
        assert_eq!(signing.algorithm, algorithm);
        let token = encode(
            &jsonwebtoken::Header::new(algorithm),
            &serde_json::json!({"a": 1}),
            &signing.key,
        )
        .unwrap();
        let verifying = keys.verifying(&signing.kid, START).unwrap();
        let mut validation = Validation::new(algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        decode::<serde_json::Value>(&token, &verifying.key, &validation).unwrap();
        assert_eq!(kids(&keys, START), [signing.kid.as_str()]);
        assert!(!keys.jwks(START).contains("\"d\""), "the private half is not published");
    }
}

#[test]
fn keys_are_for_their_owner_alone_and_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let kid = opened(&directory.path().join("keys")).current(START).kid.clone();
    for entry in std::fs::read_dir(directory.path().join("keys")).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(opened(&directory.path().join("keys")).current(START).kid, kid);
}

#[test]
fn a_new_key_is_seen_before_it_signs_and_the_old_one_proves_until_its_last_token_ended() {
    let directory = tempfile::tempdir().unwrap();
    let keys = opened(directory.path());
    let old = keys.current(START).kid.clone();
    let new = keys.rotate(START.plus(100)).unwrap();
    assert_eq!(kids(&keys, START.plus(100)), [new.clone(), old.clone()]);
    assert_eq!(keys.current(START.plus(699)).kid, old);
    assert_eq!(keys.current(START.plus(700)).kid, new);
    assert!(
        keys.verifying(&new, START.plus(100)).is_some(),
        "our own processes take it at once"
    );
    // The last token of the old key was signed at 699 and lives for 3,600.
    let ends = START.plus(700 + 3_600 + 600);
    assert!(keys.verifying(&old, UnixTime(ends.0 - 1)).is_some());
    assert!(keys.verifying(&old, ends).is_none());
    keys.tick(ends).unwrap();
    assert_eq!(kids(&keys, ends), [new]);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn keys_rotate_on_schedule_and_nothing_valid_fails() {
    let directory = tempfile::tempdir().unwrap();
    let keys = opened(directory.path());
    let mut issued: Vec<(String, UnixTime)> = Vec::new();
    let mut seen: Vec<String> = kids(&keys, START);
    let mut signed = std::collections::BTreeSet::new();
    for step in 0..400 {
        let now = START.plus(step * 100);
        keys.tick(now).unwrap();
        let kid = keys.current(now).kid.clone();
        // A foreign verifier reads the set every five minutes: it knows each key when it begins to sign.
        assert!(seen.contains(&kid), "at {step}");
        if step % 3 == 0 {
            seen = kids(&keys, now);
        }
        signed.insert(kid.clone());
        issued.push((kid, now.plus(3_600)));
        issued.retain(|(_, ends)| *ends > now);
        for (kid, _) in &issued {
            assert!(
                keys.verifying(kid, now).is_some() && kids(&keys, now).contains(kid),
                "at {step}"
            );
        }
    }
    assert_eq!(signed.len(), 4);
}

#[test]
fn what_another_process_rotated_is_taken_in() {
    let directory = tempfile::tempdir().unwrap();
    let keys = opened(directory.path());
    let other = opened(directory.path()).rotate(START).unwrap();
    assert!(keys.verifying(&other, START).is_none());
    keys.reload().unwrap();
    assert!(keys.verifying(&other, START).is_some());
}

#[test]
fn another_algorithm_by_setting_is_a_rotation() {
    let directory = tempfile::tempdir().unwrap();
    let old = opened(directory.path()).current(START).kid.clone();
    let other = Rotation {
        algorithm: Algorithm::RS256,
        ..rotation()
    };
    let keys = SigningKeys::open_rotating(directory.path(), other, START.plus(10)).unwrap();
    assert_eq!(keys.current(START.plus(10)).kid, old);
    assert_eq!(keys.current(START.plus(610)).algorithm, Algorithm::RS256);
    keys.tick(START.plus(20)).unwrap();
    assert_eq!(kids(&keys, START.plus(20)).len(), 2);
}

#[test]
fn what_is_no_key_is_refused_and_named() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("1-1-x.pem"), "nonsense").unwrap();
    let error = SigningKeys::open(directory.path(), Algorithm::ES256, START).unwrap_err();
    assert!(
        matches!(&error, KeysError::Malformed(path) if path.ends_with("1-1-x.pem")),
        "{error}"
    );
    let error = SigningKeys::open(directory.path(), Algorithm::HS256, START).unwrap_err();
    assert!(matches!(error, KeysError::Algorithm(_)));
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let error = SigningKeys::open(directory.path(), Algorithm::ES256, START).unwrap_err();
    assert!(matches!(error, KeysError::File { .. }));
}

#[test]
fn an_emptied_directory_leaves_the_keys_as_they_were() {
    let directory = tempfile::tempdir().unwrap();
    let keys = opened(directory.path());
    let kid = keys.current(START).kid.clone();
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    assert!(keys.reload().is_err());
    assert_eq!(keys.current(START).kid, kid);
}
