//! Decides which version answers, by name or by default, and whether it may be called at all (W 1.4, 2, 4).

use super::Refusal;
use super::locate::Located;
use super::recorder::{Fact, Recorder};
use crate::denial::Denial;
use crate::head::{Head, Scheme};
use crate::model::lifecycle::LifecycleState;
use crate::snapshot::{Mount, Snapshot, VersionId};
use crate::target::Target;

/// The version that answers, and the part of the path below its context.
#[derive(Debug)]
pub(super) struct Pinned<'a> {
    pub(super) target: Target<'a>,
    pub(super) rest: usize,
    pub(super) version: VersionId,
    pub(super) by_default: bool,
}

impl Pinned<'_> {
    /// Returns the path below the context; `/` where nothing is left.
    pub(super) fn path(&self) -> &str {
        match self.target.as_str().get(self.rest..) {
            None | Some("") => "/",
            Some(path) => path,
        }
    }
}

/// Pins the version of a located request.
pub(super) fn pin_version<'a>(
    head: &Head<'_>,
    located: Located<'a>,
    snapshot: &Snapshot,
    told: &mut impl Recorder,
) -> Result<Pinned<'a>, Refusal> {
    let Located { target, mount, rest } = located;
    let (id, by_default) = match mount {
        Mount::Named(id) => (id, false),
        Mount::Default(Some(id)) => (id, true),
        Mount::Default(None) => return Err(Denial::NoDefaultVersion.into()),
    };
    told.learn(|| Fact::Pinned(id, by_default));
    let version = snapshot.version(id);
    match version.state {
        LifecycleState::Created | LifecycleState::Retired => return Err(Denial::UnknownVersion.into()),
        LifecycleState::Blocked => return Err(Denial::Blocked.of(id)),
        LifecycleState::Prototyped | LifecycleState::Published | LifecycleState::Deprecated => {}
    }
    let allowed = match head.scheme {
        Scheme::Http => version.transports.http,
        Scheme::Https => version.transports.https,
    };
    if !allowed {
        return Err(Denial::TransportNotAllowed(head.scheme).of(id));
    }
    target
        .check(version.paths)
        .map_err(|why| Denial::BadTarget(why).of(id))?;
    Ok(Pinned {
        target,
        rest,
        version: id,
        by_default,
    })
}
