//! Evidence that an exchange may go on: only [`admit`](super::admit) can make it, and hands it out when the quotas agree
//! ([`Plea`](super::Plea)); without it there is no upstream.

use std::sync::Arc;

use http::header::CONTENT_LENGTH;

use super::Refusal;
use super::pin_version::Pinned;
use super::recorder::{Fact, Recorder};
use crate::credential::caller::Caller;
use crate::denial::Denial;
use crate::head::Head;
use crate::registry::key_pair::KeyType;
use crate::registry::subscription::Subscription;
use crate::settings::Limits;
use crate::snapshot::{RouteId, Snapshot, VersionId};

/// Evidence that an exchange may go on, and where to.
#[derive(Debug)]
pub struct Permit {
    version: VersionId,
    by_default: bool,
    path: Box<str>,
    max_body: u64,
    granted: Granted,
}

/// What the stages before found out about a request.
#[derive(Clone, Debug)]
pub(super) struct Granted {
    pub(super) route: RouteId,
    pub(super) caller: Option<Arc<Caller>>,
    pub(super) subscription: Option<Subscription>,
    pub(super) environment: KeyType,
}

impl Permit {
    /// Returns the version that answers.
    pub fn version(&self) -> VersionId {
        self.version
    }

    /// Returns the resource that was matched.
    pub fn route(&self) -> RouteId {
        self.granted.route
    }

    /// Tells whether the caller named no version.
    pub fn by_default(&self) -> bool {
        self.by_default
    }

    /// Returns the canonical path below the context, as it was matched and as it is sent.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns who calls, where the resource asked.
    pub fn caller(&self) -> Option<&Arc<Caller>> {
        self.granted.caller.as_ref()
    }

    /// Returns the subscription that lets the call through, where one is needed.
    pub fn subscription(&self) -> Option<&Subscription> {
        self.granted.subscription.as_ref()
    }

    /// Returns which endpoints the call is for.
    pub fn environment(&self) -> KeyType {
        self.granted.environment
    }

    /// Returns the largest request body that may be sent, in bytes.
    pub fn max_body(&self) -> u64 {
        self.max_body
    }
}

/// Returns the largest body that may be sent, unless the request already says that its own is larger.
pub(super) fn bounded_body(
    head: &Head<'_>,
    pinned: &Pinned<'_>,
    snapshot: &Snapshot,
    limits: &Limits,
    told: &mut impl Recorder,
) -> Result<u64, Refusal> {
    let most = snapshot
        .version(pinned.version)
        .max_request_body
        .unwrap_or(limits.request_body);
    let stated = head
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
    told.learn(|| Fact::Body { most, stated });
    if stated.is_some_and(|length| length > most) {
        Err(Denial::BodyTooLarge.of(pinned.version))
    } else {
        Ok(most)
    }
}

/// Writes the permit.
pub(super) fn permit(pinned: &Pinned<'_>, granted: Granted, max_body: u64) -> Permit {
    Permit {
        version: pinned.version,
        by_default: pinned.by_default,
        path: pinned.path().into(),
        max_body,
        granted,
    }
}
