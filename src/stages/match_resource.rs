//! Finds the resource that a path and a method name (W 1.2).

use http::Method;

use super::Refusal;
use super::pin_version::Pinned;
use crate::denial::Denial;
use crate::model::method::{MethodName, MethodSet};
use crate::snapshot::{Found, RouteId, Snapshot};
use crate::target::segments;

/// What a path and a method name.
#[derive(Debug)]
pub(super) enum Matched {
    /// `OPTIONS` on a path whose resources leave it to the gateway.
    Options(MethodSet),
    /// A resource.
    Route(RouteId),
}

/// Finds the resource; `HEAD` falls back to `GET`, and an undeclared `OPTIONS` is the gateway's to answer.
pub(super) fn match_resource(method: &Method, pinned: &Pinned<'_>, snapshot: &Snapshot) -> Result<Matched, Refusal> {
    let name = MethodName::find(method);
    match snapshot.find_route(pinned.version, &segments(pinned.path()), name) {
        Found::Route(route) => Ok(Matched::Route(route)),
        Found::Nothing => Err(Denial::UnknownResource.of(pinned.version)),
        Found::OtherMethods(declared) => {
            let allowed = implied(declared);
            if name == Some(MethodName::Options) {
                Ok(Matched::Options(allowed))
            } else {
                Err(Denial::MethodNotAllowed(allowed).of(pinned.version))
            }
        }
    }
}

/// Adds the methods that are answered without being declared.
fn implied(declared: MethodSet) -> MethodSet {
    let mut allowed = declared;
    allowed.insert(MethodName::Options);
    if declared.contains(MethodName::Get) {
        allowed.insert(MethodName::Head);
    }
    allowed
}
