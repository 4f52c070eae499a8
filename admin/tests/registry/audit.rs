//! The audit: what is kept of it, what is found in it, and what is forgotten.

use admin::registry::audit::{Record, SIGN_IN_REFUSED, Wanted};
use serde_json::json;

use crate::*;

promises! {
    a_record_is_found_as_it_was_kept_the_latest_first
    records_are_narrowed_and_paged
    the_audit_is_bounded_and_guessing_pushes_out_nothing_else
    a_record_is_bounded
    a_page_is_bounded_by_its_bytes
}

fn record(action: &'static str, object: &str) -> Record {
    Record {
        at: NOW,
        actor: "joe@carbon.super".to_owned(),
        tenant: TenantName::root(),
        address: Some("2001:db8::1".parse().unwrap()),
        action: action.into(),
        object: object.to_owned(),
        before: None,
        after: Some(json!({ "roles": ["admin"], "text": "ü '\"" })),
        revision: Some(7),
        outcome: "done".into(),
    }
}

async fn a_record_is_found_as_it_was_kept_the_latest_first(place: Place) {
    let registry = place.open().await;
    let bare = Record {
        address: None,
        after: None,
        revision: None,
        ..record("delete", "user tom")
    };
    registry.audit(&record("put", "user tom")).await.unwrap();
    registry.audit(&bare).await.unwrap();
    let (kept, total) = place.open().await.audited(&Wanted::default(), (10, 0)).await.unwrap();
    let records: Vec<_> = kept.iter().map(|kept| kept.record.clone()).collect();
    assert_eq!((records, total), (vec![bare, record("put", "user tom")], 2));
    assert!(kept[0].id > kept[1].id);
}

async fn records_are_narrowed_and_paged(place: Place) {
    let registry = place.open().await;
    let acme = TenantName::parse("acme.example").unwrap();
    for (at, tenant, actor, action, object) in [
        (1, TenantName::root(), "a", "put", "api One"),
        (2, acme.clone(), "a", "put", "api Two_%"),
        (3, acme.clone(), "b", "delete", "api Two_%"),
        (4, TenantName::root(), "b", "sign_in", "session"),
    ] {
        let record = Record {
            at: UnixTime(at),
            tenant,
            actor: actor.to_owned(),
            ..record(action, object)
        };
        registry.audit(&record).await.unwrap();
    }
    let found = async |wanted: Wanted| {
        let (kept, total) = registry.audited(&wanted, (10, 0)).await.unwrap();
        assert_eq!(kept.len(), total);
        kept.iter().map(|kept| kept.record.at.0).collect::<Vec<_>>()
    };
    let wanted = |set: fn(&mut Wanted)| {
        let mut wanted = Wanted::default();
        set(&mut wanted);
        wanted
    };
    assert_eq!(found(wanted(|_| {})).await, [4, 3, 2, 1]);
    assert_eq!(
        found(wanted(|all| all.tenant = TenantName::parse("acme.example").ok())).await,
        [3, 2]
    );
    assert_eq!(found(wanted(|all| all.actor = Some("a".into()))).await, [2, 1]);
    assert_eq!(found(wanted(|all| all.action = Some("put".into()))).await, [2, 1]);
    assert_eq!(found(wanted(|all| all.object = Some("TWO_%".into()))).await, [3, 2]);
    assert!(found(wanted(|all| all.object = Some("o_o".into()))).await.is_empty());
    assert_eq!(
        found(wanted(
            |all| (all.since, all.until) = (Some(UnixTime(2)), Some(UnixTime(4)))
        ))
        .await,
        [3, 2]
    );
    let (kept, total) = registry.audited(&Wanted::default(), (2, 1)).await.unwrap();
    let times: Vec<_> = kept.iter().map(|kept| kept.record.at.0).collect();
    assert_eq!((times, total), (vec![3, 2], 4));
}

async fn the_audit_is_bounded_and_guessing_pushes_out_nothing_else(place: Place) {
    let registry = place.open().await;
    let fill = |count: u32, action: &str| {
        format!(
            "INSERT INTO audit (at, actor, tenant, action, object, outcome) \
             WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {count}) \
             SELECT number, 'x', 'carbon.super', '{action}', 'o', 'done' FROM numbers"
        )
    };
    registry.audit(&record("put", "first")).await.unwrap();
    place.execute(&[fill(20_000, SIGN_IN_REFUSED)]).await;
    registry.audit(&record(SIGN_IN_REFUSED, "session")).await.unwrap();
    let total = async || registry.audited(&Wanted::default(), (1, 0)).await.unwrap().1;
    assert_eq!(total().await, 10_001);
    place.execute(&[fill(100_000, "put")]).await;
    registry.audit(&record("put", "last")).await.unwrap();
    assert_eq!(total().await, 100_000);
    let first = Wanted {
        object: Some("first".to_owned()),
        ..Wanted::default()
    };
    assert_eq!(registry.audited(&first, (1, 0)).await.unwrap().1, 0);
}

async fn a_record_is_bounded(place: Place) {
    let registry = place.open().await;
    let (fits, long) = (json!("x".repeat(65_534)), json!("x".repeat(65_535)));
    let text = "ü".repeat(600);
    let large = Record {
        actor: text.clone(),
        before: Some(fits.clone()),
        after: Some(long),
        outcome: text.clone().into(),
        ..record("put", &text)
    };
    registry.audit(&large).await.unwrap();
    let (mut kept, _) = registry.audited(&Wanted::default(), (1, 0)).await.unwrap();
    let kept = kept.remove(0).record;
    assert_eq!(kept.before, Some(fits));
    // The digest of the string as JSON, within its quotation marks.
    let digest = "0f90b01cf9c38ff5bc73e80fcbd202ca4db7e60a6d7c81f493674c88e106831f";
    assert_eq!(kept.after, Some(json!({ "bytes": 65_537, "sha256": digest })));
    let cut = format!("{}…", "ü".repeat(510));
    assert_eq!((&kept.actor, &kept.object, &*kept.outcome), (&cut, &cut, &*cut));
}

async fn a_page_is_bounded_by_its_bytes(place: Place) {
    let registry = place.open().await;
    let large = Record {
        before: Some(json!("b".repeat(65_000))),
        after: Some(json!("a".repeat(65_000))),
        ..record("put", "user tom")
    };
    for _ in 0..40 {
        registry.audit(&large).await.unwrap();
    }
    let page = async |offset| registry.audited(&Wanted::default(), (500, offset)).await.unwrap();
    let (first, total) = page(0).await;
    // 33 records of 130,033 bytes are the first that reach 4 MiB.
    assert_eq!((first.len(), total), (33, 40));
    let (rest, total) = page(33).await;
    assert_eq!((rest.len(), total), (7, 40));
    assert!(first.iter().chain(&rest).is_sorted_by(|a, b| a.id > b.id));
}
