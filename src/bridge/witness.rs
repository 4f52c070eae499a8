//! Keeps in the audit what hands did to the catalog's files: whoever edits a file tells nobody.
//!
//! Edits of the admin API are kept by whoever makes them. These are found in the history, where `files` is their author,
//! also those of the time when no gateway ran.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use admin::control::Control;
use admin::control::change::Author;
use admin::control::diff::{self, Difference};
use admin::control::history::Entry;
use admin::control::publish::Revision;
use admin::control::secrets::hide_secrets;
use admin::registry::Registry;
use admin::registry::audit::{DONE, Record, Wanted};
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tracing::error;

use crate::model::name::TenantName;

/// Keeps what hands did, now and whenever another catalog is served, until shutdown.
pub async fn witness(
    control: Arc<Control>,
    registry: Arc<Registry>,
    mut published: watch::Receiver<u64>,
    mut shutdown: watch::Receiver<bool>,
) {
    let actor = Author::of_files().actor;
    let wanted = Wanted {
        actor: Some(actor.clone()),
        ..Wanted::default()
    };
    let kept = registry.audited(&wanted, (1, 0)).await;
    let last = kept.ok().and_then(|(records, _)| records.first()?.record.revision);
    let mut last = Revision(last.unwrap_or_default());
    loop {
        let served = Revision(*published.borrow_and_update());
        comes_to_know(&control, served).await;
        let entries = control.revisions().into_iter().filter(|entry| entry.revision > last);
        for entry in entries.collect::<Vec<_>>().into_iter().rev() {
            last = entry.revision;
            if entry.actor == actor {
                keep(&control, &registry, entry).await;
            }
        }
        tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => return,
            changed = published.changed() => if changed.is_err() { return },
        }
    }
}

/// Waits until the history has a catalog that is served: it is written a moment after. Where it cannot be written, the
/// next one is looked for together with this one.
async fn comes_to_know(control: &Control, served: Revision) {
    for _ in 0..LOOKS {
        let head = control.revisions().first().map(|entry| entry.revision);
        if head.is_some_and(|head| head >= served) {
            return;
        }
        sleep(BETWEEN_LOOKS).await;
    }
}

/// Keeps what an edit of the files changed, thing by thing.
async fn keep(control: &Arc<Control>, registry: &Registry, entry: Entry) {
    let (looked, number) = (Arc::clone(control), entry.revision);
    let differences = spawn_blocking(move || differences(&looked, number))
        .await
        .unwrap_or_default();
    for ((object, tenant), (before, after)) in told(differences) {
        let record = Record {
            at: entry.at,
            actor: entry.actor.clone(),
            tenant: TenantName::parse(&tenant).unwrap_or_else(|_| TenantName::root()),
            address: None,
            action: "edit".into(),
            object,
            before,
            after,
            revision: Some(entry.revision.0),
            outcome: DONE.into(),
        };
        if let Err(reason) = registry.audit(&record).await {
            error!(
                error = &reason as &dyn std::error::Error,
                "the audit misses an edit of the files"
            );
        }
    }
}

/// Tells what a revision changed of the one before it; nothing of the first, which changed none.
fn differences(control: &Control, number: Revision) -> Vec<Difference> {
    let changes = control.changes(number).ok().flatten();
    changes.map_or_else(Vec::new, |(before, after)| diff::by_object(&before, &after))
}

type Told = BTreeMap<(String, String), (Option<Value>, Option<Value>)>;

/// Gathers the fields of each thing that differs, at most [`MOST`] things; no secret is among them.
fn told(differences: Vec<Difference>) -> Told {
    let mut things = Told::new();
    for Difference {
        object,
        tenant,
        field,
        before,
        after,
    } in differences
    {
        let key = (object, tenant);
        if things.len() == MOST && !things.contains_key(&key) {
            break;
        }
        let sides = things.entry(key).or_default();
        for (side, value) in [(&mut sides.0, before), (&mut sides.1, after)] {
            add(side, &field, value);
        }
    }
    things
}

fn add(side: &mut Option<Value>, field: &str, mut value: Value) {
    if value.is_null() {
        return;
    }
    if field.is_empty() {
        hide_secrets(&mut value);
        *side = Some(value);
        return;
    }
    let mut fields = Value::Object(Map::from_iter([(field.to_owned(), value)]));
    hide_secrets(&mut fields);
    match (side, fields) {
        (Some(Value::Object(known)), Value::Object(fields)) => known.extend(fields),
        (side, fields) => *side = Some(fields),
    }
}

/// An edit of more things than these is an exchange of the catalog: the history has the rest.
const MOST: usize = 100;

const LOOKS: usize = 100;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_of_a_thing_are_told_together_and_secrets_are_not() {
        let difference = |object: &str, field: &str, before: Value, after: Value| Difference {
            object: object.to_owned(),
            tenant: "carbon.super".to_owned(),
            field: field.to_owned(),
            before,
            after,
        };
        let told = told(vec![
            difference("tier Gold", "", Value::Null, json!({"name": "Gold"})),
            difference("version 1 of A", "state", json!("created"), json!("published")),
            difference("version 1 of A", "tier", Value::Null, json!("Gold")),
            difference(
                "key manager K",
                "introspection",
                json!({"client_secret": "hush"}),
                Value::Null,
            ),
        ]);
        let of = |object: &str| told[&(object.to_owned(), "carbon.super".to_owned())].clone();
        assert_eq!(of("tier Gold"), (None, Some(json!({"name": "Gold"}))));
        let version = (
            Some(json!({"state": "created"})),
            Some(json!({"state": "published", "tier": "Gold"})),
        );
        assert_eq!(of("version 1 of A"), version);
        assert_eq!(
            of("key manager K").0,
            Some(json!({"introspection": {"client_secret": "********"}}))
        );
    }
}
