//! `/admin/v1/audit`: who did what; and the keeping of it for every handler that changes something.

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::moment::Moment;
use super::openapi::told;
use super::principal::Principal;
use super::query::{List, Page};
use super::{Answer, Means};
use crate::model::name::TenantName;
use crate::registry::audit::{DONE, Kept, Record, Wanted};

/// Something that was done.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "AuditRecord")]
struct Document {
    /// Its number; it rises with each record.
    id: i64,
    /// When.
    at: Moment,
    /// Who did it: `name@tenant`, or `shell` for commands of the machine itself.
    actor: String,
    /// The tenant of the thing.
    tenant: String,
    /// From where, if it came over a network.
    address: Option<String>,
    /// What was done, in a word: `put`, `delete`, `sign_in`...
    action: String,
    /// The thing: `api YouTube`, `user tom`... As every text here it ends in `…` where it is cut, after 1 KiB.
    object: String,
    /// What it was like before, where it was there. Of more than 64 KiB of JSON only the size, `bytes`, and the digest,
    /// `sha256`, are kept.
    before: Option<Value>,
    /// What it is like after, where it is there; kept as `before` is.
    after: Option<Value>,
    /// The revision of the catalog that it led to.
    revision: Option<u64>,
    /// `done`, or why not.
    outcome: String,
}

impl From<Kept> for Document {
    fn from(Kept { id, record }: Kept) -> Self {
        Self {
            id,
            at: Moment(record.at),
            actor: record.actor,
            tenant: record.tenant.to_string(),
            address: record.address.map(|address| address.to_string()),
            action: record.action.into_owned(),
            object: record.object,
            before: record.before,
            after: record.after,
            revision: record.revision,
            outcome: record.outcome.into_owned(),
        }
    }
}

/// Narrows records; `q` is text within the thing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Narrowed {
    /// By this actor, `name@tenant`.
    actor: Option<String>,
    /// Of this action.
    action: Option<String>,
    /// Of things whose name has this text, in any letter case; as `q`.
    object: Option<String>,
    /// Not before this moment.
    since: Option<Moment>,
    /// Before this moment.
    until: Option<Moment>,
}

pub(super) fn routes() -> ApiRouter<Arc<Means>> {
    ApiRouter::new().api_route(
        "/admin/v1/audit",
        get_with(
            list,
            told(
                "audit",
                "listAudit",
                "Tells who did what, the latest first; a page ends after 4 MiB",
            ),
        ),
    )
}

async fn list(State(means): State<Arc<Means>>, who: Principal, asked: List<Narrowed>) -> Answer<Page<Document>> {
    let tenant = who.narrow(asked.tenant.as_ref())?;
    let Narrowed {
        actor,
        action,
        object,
        since,
        until,
    } = &asked.filter;
    let q = (!asked.q.is_empty()).then(|| asked.q.clone());
    let wanted = Wanted {
        tenant,
        actor: actor.clone(),
        action: action.clone(),
        object: object.clone().or(q),
        since: since.map(|since| since.0),
        until: until.map(|until| until.0),
    };
    let (records, total) = means.registry().audited(&wanted, asked.part()).await?;
    Ok(asked.page_of(records.into_iter().map(Document::from).collect(), total))
}

/// Something that a handler did.
#[derive(Debug, Default)]
pub(super) struct Deed {
    /// What was done, in a word.
    pub(super) action: &'static str,
    /// The thing: its noun and its name.
    pub(super) object: String,
    /// What it was like before, where it was there.
    pub(super) before: Option<Value>,
    /// What it is like after, where it is there.
    pub(super) after: Option<Value>,
    /// The revision of the catalog that it led to.
    pub(super) revision: Option<u64>,
}

impl Means {
    /// Keeps what somebody did to a thing of a tenant. What is done stays done where it cannot be kept: the log has it.
    pub(super) async fn note(&self, who: &Principal, tenant: &TenantName, deed: Deed) {
        let record = Record {
            at: self.authority.now(),
            actor: who.user.to_string(),
            tenant: tenant.clone(),
            address: Some(who.address),
            action: deed.action.into(),
            object: deed.object,
            before: deed.before,
            after: deed.after,
            revision: deed.revision,
            outcome: DONE.into(),
        };
        if let Err(error) = self.registry().audit(&record).await {
            tracing::error!(error = &error as &dyn std::error::Error, "the audit misses a record");
        }
    }
}

/// Writes what a thing is like, for the audit.
pub(super) fn state(document: &impl Serialize) -> Option<Value> {
    serde_json::to_value(document).ok()
}
