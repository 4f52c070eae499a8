//! The audit: who did what, when and from where, and what the thing was like before and after.
//!
//! It is bounded: the last 100,000 records are kept, and of sign-ins that were refused the last 10,000, so that whoever
//! guesses passwords pushes out nothing else. A record is bounded, too: a text in it is cut after 1 KiB, and what a thing
//! was like is named by its size and digest where it takes more than 64 KiB. Each record is a line of the log, too.

use std::borrow::Cow;
use std::net::IpAddr;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};
use tracing::info;

use super::{Registry, Result, sql};
use crate::model::instant::UnixTime;
use crate::model::name::TenantName;

/// Something that was done. No secret is in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// When.
    pub at: UnixTime,
    /// Who did it: `name@tenant`, or `shell` for commands of the machine itself.
    pub actor: String,
    /// The tenant of the thing.
    pub tenant: TenantName,
    /// From where, if it came over a network.
    pub address: Option<IpAddr>,
    /// What was done, in a word: `put`, `delete`, `sign_in`...
    pub action: Cow<'static, str>,
    /// The thing: `api YouTube`, `user tom`...
    pub object: String,
    /// What it was like before, where it was there. Of more than 64 KiB of JSON, `bytes` and `sha256` are kept.
    pub before: Option<Value>,
    /// What it is like after, where it is there. Of more than 64 KiB of JSON, `bytes` and `sha256` are kept.
    pub after: Option<Value>,
    /// The revision of the catalog that it led to.
    pub revision: Option<u64>,
    /// What came of it: `done`, or why not.
    pub outcome: Cow<'static, str>,
}

/// A record with its number.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Kept {
    /// Its number; it rises with each record.
    pub id: i64,
    /// What it says.
    pub record: Record,
}

/// Which records are asked for; those of everything by default.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Of this tenant.
    pub tenant: Option<TenantName>,
    /// By this actor.
    pub actor: Option<String>,
    /// Of this action.
    pub action: Option<String>,
    /// Of things whose name has this text, in any letter case.
    pub object: Option<String>,
    /// Not before.
    pub since: Option<UnixTime>,
    /// Before.
    pub until: Option<UnixTime>,
}

/// The action of a sign-in that was refused.
pub const SIGN_IN_REFUSED: &str = "sign_in_refused";

/// What came of what was done.
pub const DONE: &str = "done";

impl Registry {
    /// Keeps a record, and writes it to the log.
    ///
    /// # Errors
    ///
    /// Fails when the database cannot be asked; the log has the record then, too.
    pub async fn audit(&self, record: &Record) -> Result<()> {
        let (before, after) = (bounded(record.before.as_ref()), bounded(record.after.as_ref()));
        let record = &record.cut();
        info!(
            actor = record.actor,
            tenant = %record.tenant,
            address = record.address.map(tracing::field::display),
            action = %record.action,
            object = record.object,
            before = before.as_deref(),
            after = after.as_deref(),
            revision = record.revision,
            outcome = %record.outcome,
            "audit"
        );
        let mut transaction = self.store.begin().await?;
        let id = sql::audit::insert(&mut transaction, record, (before, after)).await?;
        sql::audit::forget(&mut transaction, id - KEPT).await?;
        if record.action == SIGN_IN_REFUSED {
            sql::audit::forget_of(&mut transaction, SIGN_IN_REFUSED, REFUSED_KEPT).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Lists some of the records that are wanted, the latest first, after so many; and tells how many there are in all.
    /// Of large ones there are fewer than the limit: at most 4 MiB, but one at least.
    ///
    /// # Errors
    ///
    /// Fails when the database cannot be asked.
    pub async fn audited(&self, wanted: &Wanted, (limit, offset): (usize, usize)) -> Result<(Vec<Kept>, usize)> {
        let number = |count| i64::try_from(count).unwrap_or(i64::MAX);
        let mut db = self.store.read().acquire().await?;
        // Counted first: what is kept between the two makes the list longer than the count, never an empty list of something.
        let total = sql::audit::count(&mut db, wanted).await?;
        let records = sql::audit::list(&mut db, wanted, (number(limit), number(offset))).await?;
        let listed = if records.is_empty() { 0 } else { offset + records.len() };
        Ok((records, usize::try_from(total).unwrap_or_default().max(listed)))
    }
}

impl Record {
    /// Returns it with short texts, and without what the thing was like.
    fn cut(&self) -> Self {
        Self {
            at: self.at,
            actor: cut(&self.actor).into_owned(),
            tenant: self.tenant.clone(),
            address: self.address,
            action: Cow::Owned(cut(&self.action).into_owned()),
            object: cut(&self.object).into_owned(),
            before: None,
            after: None,
            revision: self.revision,
            outcome: Cow::Owned(cut(&self.outcome).into_owned()),
        }
    }
}

/// Cuts what is longer than it may be, and says so.
fn cut(text: &str) -> Cow<'_, str> {
    if text.len() <= TEXT_BYTES {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(TEXT_BYTES - CUT.len());
    let (kept, _) = text.split_at_checked(end).unwrap_or_default();
    Cow::Owned(format!("{kept}{CUT}"))
}

/// Writes what a thing is like; of what is large, its size and digest.
fn bounded(state: Option<&Value>) -> Option<String> {
    let text = state?.to_string();
    if text.len() <= STATE_BYTES {
        return Some(text);
    }
    let sha256 = hex::encode(digest(&SHA256, text.as_bytes()));
    Some(json!({ "bytes": text.len(), "sha256": sha256 }).to_string())
}

/// A text of a record has no more bytes.
const TEXT_BYTES: usize = 1 << 10;

/// Ends what was cut.
const CUT: &str = "…";

/// What a thing is like takes no more bytes of JSON.
const STATE_BYTES: usize = 64 << 10;

/// So many records are kept.
const KEPT: i64 = 100_000;

/// So many sign-ins that were refused are kept.
const REFUSED_KEPT: i64 = 10_000;
