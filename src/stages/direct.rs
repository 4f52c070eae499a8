//! Which endpoints a call is for: production or sandbox, by the type of its key (W 6.3).

use super::Refusal;
use super::pin_version::Pinned;
use crate::credential::caller::Caller;
use crate::denial::Denial;
use crate::registry::key_pair::KeyType;
use crate::snapshot::Snapshot;

/// Chooses the endpoints for a call.
///
/// A key leads to the endpoints of its own type or nowhere: a sandbox key never reaches production. Whoever has no
/// key (nobody, a password, a certificate, a foreign client that nobody registered) goes to production, and to the
/// sandbox where there is nothing else.
pub(super) fn direct(caller: Option<&Caller>, pinned: &Pinned<'_>, snapshot: &Snapshot) -> Result<KeyType, Refusal> {
    let environments = snapshot.version(pinned.version).environments;
    let keyed = caller.filter(|caller| caller.application.is_some());
    match keyed.map(|caller| caller.key_type) {
        Some(key_type) if environments.have(key_type) => Ok(key_type),
        Some(key_type) => Err(Denial::NoEndpoint(key_type).of(pinned.version)),
        None if environments.production => Ok(KeyType::Production),
        None => Ok(KeyType::Sandbox),
    }
}
