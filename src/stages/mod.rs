//! The journey of a request: plain values in, plain values out, one verb a file.
//!
//! [`admit`] is the whole policy of the gateway. Each call needs what the one before it returned, so that the order
//! cannot change by accident; nothing goes round it, upgrades and HTTP/2 included.

mod bound;
mod locate;
mod match_resource;
mod permit;
mod pin_version;

use self::match_resource::Matched;
use crate::denial::Denial;
use crate::head::Head;
use crate::model::method::MethodSet;
use crate::settings::Limits;
use crate::snapshot::{Snapshot, VersionId};

pub use permit::Permit;

/// What an exchange may do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Admission {
    /// Go on to a backend.
    Permit(Permit),
    /// Take the gateway's own answer to `OPTIONS`: what the resource of this version allows.
    Options(VersionId, MethodSet),
}

/// A denial, and the version that it is to be counted for where the request got so far.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// Why.
    pub denial: Denial,
    /// Whose caller was refused.
    pub version: Option<VersionId>,
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Self { denial, version: None }
    }
}

impl Denial {
    fn of(self, version: VersionId) -> Refusal {
        Refusal {
            denial: self,
            version: Some(version),
        }
    }
}

/// Decides whether an exchange may go on. The order is a security property.
///
/// Authentication, subscription, scopes and tiers belong between the resource and the permit (DESIGN, 3).
///
/// # Errors
///
/// Returns the refusal.
pub fn admit(head: &Head<'_>, snapshot: &Snapshot, limits: &Limits) -> Result<Admission, Refusal> {
    let target = bound::bound(head, limits)?;
    let located = locate::locate(head, target, snapshot)?;
    let pinned = pin_version::pin_version(head, located, snapshot)?;
    match match_resource::match_resource(head.method, &pinned, snapshot)? {
        Matched::Options(methods) => Ok(Admission::Options(pinned.version, methods)),
        Matched::Route(route) => permit::permit(head, &pinned, route, snapshot, limits).map(Admission::Permit),
    }
}
