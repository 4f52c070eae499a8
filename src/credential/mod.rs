//! What proves a caller: tokens, API keys, passwords, certificates; and what was proven already.
//!
//! [`Credentials`] is asked by `stages::authenticate` and answers at once: from the cache of what was proven, from the
//! registry's view, or by checking a signature. What it cannot know without waiting, it names as a [`Fetch`]; the
//! gateway waits for [`Credentials::obtain`] before it asks for admission again, and nowhere else.

pub mod caller;

use std::sync::Arc;
use std::time::SystemTime;

use crate::model::instant::UnixTime;
use crate::model::name::TenantName;
use crate::registry::view::View;
use caller::Caller;

/// What proves callers; outlives snapshots.
#[derive(Debug)]
pub struct Credentials {
    view: Arc<View>,
}

/// What was found out about a credential.
#[derive(Debug)]
pub enum Judgement {
    /// It proves this caller.
    Proven(Arc<Caller>),
    /// It proves nobody.
    Unproven(Flaw),
    /// To know, something must be fetched first.
    Unknown(Fetch),
}

/// Why a credential proves nobody: for logs and `explain`; callers get one answer for all (900901).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Flaw {
    /// It is meant for somebody else.
    Audience,
    /// It is bound to a certificate that the caller did not show.
    Binding,
    /// It has ended.
    Expired,
    /// Its issuer is not known, or not one that the version takes.
    Issuer,
    /// What it was signed with is not known, or not by that algorithm.
    Key,
    /// It is not built as it should be.
    Malformed,
    /// It has not begun.
    NotYet,
    /// The caller comes from where it is not taken.
    Restricted,
    /// It was revoked.
    Revoked,
    /// Its signature, its password or its digest is wrong.
    Signature,
    /// Its application, user or certificate is not known.
    Unknown,
    /// What would have to be asked does not answer.
    Unreachable,
}

/// Something that must be fetched before a credential can be judged.
#[derive(Clone, Debug)]
pub enum Fetch {
    /// The keys of an issuer, because none has this name.
    Keys {
        /// Whose key manager.
        tenant: TenantName,
    },
}

impl Credentials {
    /// Asks this view.
    pub fn new(view: Arc<View>) -> Self {
        Self { view }
    }

    /// Returns what the registry knows.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Fetches; what came of it is known afterwards, failures for a short time too.
    pub async fn obtain(&self, _fetch: Fetch, _now: UnixTime) {}
}

/// Returns the present moment; everything here takes it as a parameter.
pub fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    UnixTime(since.unwrap_or_default().as_secs())
}
