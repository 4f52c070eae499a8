//! The journey of a request: plain values in, plain values out, one verb a file.
//!
//! [`admit`] is the whole policy of the gateway. Each call needs what the one before it returned, so that the order
//! cannot change by accident; nothing goes round it, upgrades and HTTP/2 included.

mod authenticate;
mod authorize;
mod bound;
mod direct;
mod entitle;
mod locate;
mod match_resource;
mod own;
mod permit;
mod pin_version;
pub mod recorder;
mod shown;

use std::sync::Arc;

use self::match_resource::Matched;
use self::permit::Granted;
use self::recorder::{Fact, Recorder, Silent, Stage};
use crate::credential::caller::Caller;
use crate::credential::{Credentials, Fetch, Flaw};
use crate::denial::Denial;
use crate::head::Head;
use crate::model::instant::UnixTime;
use crate::model::method::MethodSet;
use crate::settings::Limits;
use crate::snapshot::{RouteId, Snapshot, VersionId};

pub use own::own;
pub use permit::Permit;

/// What an exchange may do.
#[derive(Clone, Debug)]
pub enum Admission {
    /// Go on to a backend.
    Permit(Permit),
    /// Take the gateway's own answer to `OPTIONS`: what the resource of this version allows.
    Options(VersionId, MethodSet),
}

/// What keeps an exchange from going on.
#[derive(Clone, Debug)]
pub enum Halt {
    /// This must be fetched, and admission asked for again.
    Fetch(Fetch),
    /// It is refused.
    Refused(Refusal),
}

impl Halt {
    fn at(self, route: RouteId) -> Self {
        match self {
            Self::Fetch(fetch) => Self::Fetch(fetch),
            Self::Refused(refusal) => Self::Refused(refusal.at(route)),
        }
    }
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A denial, and the version that it is to be counted for where the request got so far.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Why.
    pub denial: Denial,
    /// Whose caller was refused.
    pub version: Option<VersionId>,
    /// Which resource was asked for, where it got so far.
    pub route: Option<RouteId>,
    /// What was wrong with the credential, for logs.
    pub flaw: Option<Flaw>,
    /// Who was refused, where that is known.
    pub caller: Option<Arc<Caller>>,
}

impl From<Denial> for Halt {
    fn from(denial: Denial) -> Self {
        Self::Refused(denial.into())
    }
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Self {
            denial,
            version: None,
            route: None,
            flaw: None,
            caller: None,
        }
    }
}

impl Denial {
    fn of(self, version: VersionId) -> Refusal {
        Refusal {
            denial: self,
            version: Some(version),
            route: None,
            flaw: None,
            caller: None,
        }
    }
}

impl Refusal {
    fn by(self, flaw: Flaw) -> Self {
        Self {
            flaw: Some(flaw),
            ..self
        }
    }

    fn at(self, route: RouteId) -> Self {
        Self {
            route: Some(route),
            ..self
        }
    }

    fn whose(self, caller: Option<&Arc<Caller>>) -> Self {
        Self {
            caller: caller.map(Arc::clone),
            ..self
        }
    }
}

/// Decides whether an exchange may go on. The order is a security property (DESIGN, 3).
///
/// Deny rules and tiers belong around the credentials; nothing is spent before everything else agrees.
///
/// # Errors
///
/// Returns the refusal, or what must be known first.
pub fn admit(
    head: &Head<'_>,
    snapshot: &Snapshot,
    limits: &Limits,
    means: (&Credentials, UnixTime),
) -> Result<Admission, Halt> {
    admit_told(head, snapshot, limits, means, &mut Silent)
}

/// Decides as [`admit`] does, and says on the way what it finds.
///
/// # Errors
///
/// Returns the refusal, or what must be known first.
pub fn admit_told(
    head: &Head<'_>,
    snapshot: &Snapshot,
    limits: &Limits,
    (credentials, now): (&Credentials, UnixTime),
    told: &mut impl Recorder,
) -> Result<Admission, Halt> {
    told.enter(Stage::Bound);
    let target = bound::bound(head, limits)?;
    told.enter(Stage::Locate);
    let located = locate::locate(head, target, snapshot)?;
    told.learn(|| Fact::Located(located.mount, located.context().to_owned()));
    told.enter(Stage::PinVersion);
    let pinned = pin_version::pin_version(head, located, snapshot, told)?;
    told.enter(Stage::MatchResource);
    let route = match match_resource::match_resource(head.method, &pinned, snapshot)? {
        Matched::Options(methods) => {
            told.learn(|| Fact::Options(methods));
            return Ok(Admission::Options(pinned.version, methods));
        }
        Matched::Route(route) => route,
    };
    told.learn(|| Fact::Matched(route));
    told.enter(Stage::Authenticate);
    let caller = authenticate::authenticate(head, &pinned, route, snapshot, (credentials, now), told)
        .map_err(|halt| halt.at(route))?;
    let named = |refusal: Refusal| refusal.at(route).whose(caller.as_ref());
    let mut subscription = None;
    if let Some(caller) = &caller {
        told.enter(Stage::Entitle);
        subscription = entitle::entitle(caller, &pinned, snapshot, credentials.view(), told).map_err(named)?;
        told.enter(Stage::Authorize);
        authorize::authorize(caller, &pinned, route, snapshot, credentials.view(), told).map_err(named)?;
    }
    told.enter(Stage::Direct);
    let environment = direct::direct(caller.as_deref(), &pinned, snapshot).map_err(named)?;
    told.learn(|| Fact::Directed(environment));
    told.enter(Stage::Permit);
    let body = permit::bounded_body(head, &pinned, snapshot, limits, told).map_err(named)?;
    let granted = Granted {
        route,
        caller,
        subscription,
        environment,
    };
    Ok(Admission::Permit(permit::permit(&pinned, granted, body)))
}

#[cfg(test)]
mod tests;
