//! Who calls: tries the credentials that the version takes, in W's order, and holds the resource's auth type against
//! what was proven (W 5.1, 5.3).

use std::sync::Arc;

use super::Halt;
use super::pin_version::Pinned;
use crate::credential::Credentials;
use crate::credential::caller::Caller;
use crate::denial::Denial;
use crate::head::Head;
use crate::model::auth::AuthType;
use crate::model::instant::UnixTime;
use crate::snapshot::{RouteId, Snapshot};

/// Finds out who calls; nobody, where the resource does not ask.
pub(super) fn authenticate(
    _head: &Head<'_>,
    pinned: &Pinned<'_>,
    route: RouteId,
    snapshot: &Snapshot,
    (_credentials, _now): (&Credentials, UnixTime),
) -> Result<Option<Arc<Caller>>, Halt> {
    if snapshot.route(route).auth == AuthType::None {
        return Ok(None);
    }
    Err(Denial::MissingCredentials.of(pinned.version).into())
}
