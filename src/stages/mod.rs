//! The journey of a request: plain values in, plain values out, one verb a file.
//!
//! [`admit`] is the whole policy of the gateway. Each call needs what the one before it returned, so that the order
//! cannot change by accident; nothing goes round it, upgrades and HTTP/2 included.

mod bound;
mod locate;
mod match_resource;
mod permit;
mod pin_version;

use crate::denial::Denial;
use crate::head::Head;
use crate::model::method::MethodSet;
use crate::settings::Limits;
use crate::snapshot::Snapshot;

pub use permit::Permit;

/// What an exchange may do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Admission {
    /// Go on to a backend.
    Permit(Permit),
    /// Take the gateway's own answer to `OPTIONS`: what the resource allows.
    Options(MethodSet),
}

/// Decides whether an exchange may go on. The order is a security property.
///
/// Authentication, subscription, scopes and tiers belong between the resource and the permit (DESIGN, 3).
///
/// # Errors
///
/// Returns the refusal.
pub fn admit(head: &Head<'_>, snapshot: &Snapshot, limits: &Limits) -> Result<Admission, Denial> {
    let target = bound::bound(head, limits)?;
    let located = locate::locate(head, target, snapshot)?;
    let pinned = pin_version::pin_version(head, located, snapshot)?;
    match match_resource::match_resource(head.method, &pinned, snapshot)? {
        match_resource::Matched::Options(methods) => Ok(Admission::Options(methods)),
        match_resource::Matched::Route(route) => permit::permit(head, &pinned, route, snapshot, limits),
    }
}
