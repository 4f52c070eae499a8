//! The journey of a request: plain values in, plain values out, one verb a file.
//!
//! [`admit`] is the whole policy of the gateway. Each call needs what the one before it returned, so that the order
//! cannot change by accident; nothing goes round it, upgrades and HTTP/2 included.

mod authenticate;
mod authorize;
mod bound;
mod deny;
mod direct;
mod entitle;
pub mod held;
mod locate;
mod match_resource;
mod own;
mod permit;
mod pin_version;
mod plea;
mod query;
pub mod recorder;
mod shown;
mod subject;
mod throttle;

use std::sync::Arc;

use self::match_resource::Matched;
use self::permit::Granted;
use self::recorder::{Fact, Recorder, Silent, Stage};
use self::subject::Request;
use crate::credential::caller::Caller;
use crate::credential::{Credentials, Fetch, Flaw};
use crate::denial::Denial;
use crate::head::Head;
use crate::model::instant::UnixTime;
use crate::model::method::MethodSet;
use crate::settings::Limits;
use crate::snapshot::{RouteId, Snapshot, VersionId};

pub use held::Held;
pub use own::own;
pub use permit::Permit;
pub use plea::{Charge, Ground, Plea, Spent, Standings, Throttled};
pub use throttle::Demands;

/// What an exchange may do.
#[derive(Debug)]
pub enum Admission<'s, 'd> {
    /// Go on to a backend, if its quotas agree.
    Plea(Plea<'s, 'd>),
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
    /// The rule that counts or denies by which it was refused, where it is one.
    pub ground: Option<Ground>,
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
            ground: None,
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
            ground: None,
        }
    }
}

impl Refusal {
    /// Returns how its quotas stand, where one of them refused it.
    pub fn standings(&self) -> Option<&Standings> {
        match &self.ground {
            Some(Ground::Throttled(throttled)) => Some(&throttled.standings),
            Some(Ground::Denied(_)) | None => None,
        }
    }

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

    fn on(self, ground: Ground) -> Self {
        Self {
            ground: Some(ground),
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
/// Nothing is spent here: what the quotas say is asked when everything else agrees ([`Plea`]). What they are to be asked
/// is put in its place.
///
/// # Errors
///
/// Returns the refusal, or what must be known first.
pub fn admit<'s, 'd>(
    head: &Head<'_>,
    snapshot: &'s Snapshot,
    limits: &Limits,
    means: (&Credentials, UnixTime),
    demands: &'d mut Demands<'s>,
) -> Result<Admission<'s, 'd>, Halt> {
    admit_told(head, snapshot, limits, means, (demands, &mut Silent))
}

/// Decides as [`admit`] does, and says on the way what it finds.
///
/// # Errors
///
/// Returns the refusal, or what must be known first.
pub fn admit_told<'s, 'd>(
    head: &Head<'_>,
    snapshot: &'s Snapshot,
    limits: &Limits,
    (credentials, now): (&Credentials, UnixTime),
    (demands, told): (&'d mut Demands<'s>, &mut impl Recorder),
) -> Result<Admission<'s, 'd>, Halt> {
    *demands = Demands::default();
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
    told.enter(Stage::Deny);
    deny::deny_anybody(head, &pinned, snapshot, told).map_err(|refusal| refusal.at(route))?;
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
    told.enter(Stage::DenyCaller);
    deny::deny_caller((head, caller.as_deref()), &pinned, snapshot, told).map_err(named)?;
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
    told.enter(Stage::Throttle);
    let request = Request {
        head,
        version: snapshot.version(pinned.version),
        route: snapshot.route(route),
        caller: granted.caller.as_deref(),
        network: subject::network(head.client),
    };
    throttle::throttle(&request, &granted, snapshot, credentials.view(), demands)
        .map_err(|denial| denial.of(pinned.version).at(route).whose(granted.caller.as_ref()))?;
    Ok(Admission::Plea(Plea {
        permit: permit::permit(&pinned, granted, body),
        demands,
    }))
}

#[cfg(test)]
mod tests;
