//! Whether the caller's application may call the version at all: its subscription, and the endpoints of its key
//! (W 10, 6.3).

use super::Refusal;
use super::pin_version::Pinned;
use crate::credential::caller::Caller;
use crate::registry::view::View;
use crate::snapshot::Snapshot;

/// Checks the subscription of the caller's application, and that there are endpoints for its key.
pub(super) fn entitle(
    _caller: &Caller,
    _pinned: &Pinned<'_>,
    _snapshot: &Snapshot,
    _view: &View,
) -> Result<(), Refusal> {
    Ok(())
}
