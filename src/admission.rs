//! Admission with its waiting: the one place where a request waits before it is decided on.
//!
//! Traffic and `explain` come through here alike, so that what is explained is what happens. While another process takes
//! requests of the same callers, what was changed there is taken in before a caller is decided on: whoever was taken
//! back is let in by neither.

use crate::counting::Counts;
use crate::credential::{self, Credentials, Flaw};
use crate::denial::Denial;
use crate::head::Head;
use crate::model::instant::UnixTime;
use crate::model::method::MethodSet;
use crate::quota::{self, Hold, Moment, Standings};
use crate::settings::Limits;
use crate::snapshot::{Snapshot, VersionId};
use crate::stages::recorder::{Fact, Recorder};
use crate::stages::{Admission, Demands, Halt, Permit, Plea, Refusal, Spent, admit_told};

/// What a request is admitted by.
#[derive(Clone, Copy, Debug)]
pub struct Means<'a> {
    /// What is served.
    pub snapshot: &'a Snapshot,
    /// How much a caller may use.
    pub limits: &'a Limits,
    /// What proves callers.
    pub credentials: &'a Credentials,
    /// Where quotas are counted, and what for.
    pub counts: (&'a Counts, Purpose),
    /// When the request arrived.
    pub now: UnixTime,
}

/// What the counts are asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// To tell how they stand; nothing is spent.
    Look,
    /// To let the request through, and to spend at this moment: when it arrived, or later where it waited.
    Spend(Moment),
    /// They are not asked: the request was counted before.
    Waive,
}

impl Purpose {
    /// Returns the same after a wait.
    fn waited(self, counts: &Counts) -> Self {
        match self {
            Self::Spend(_) => Self::Spend(counts.now()),
            Self::Look | Self::Waive => self,
        }
    }
}

/// What an exchange may do.
#[derive(Debug)]
pub enum Admitted {
    /// Take the gateway's own answer to `OPTIONS`: what the resource of this version allows.
    Options(VersionId, MethodSet),
    /// Go on to a backend.
    Permit(Permit),
}

/// Admits, or refuses; waits for what must be fetched to tell, and only for so much of it. The head is made anew after
/// each wait, so that none is kept meanwhile. What is spent on the request is told in its place: it is large, and moved it
/// would cost as much as to count it.
///
/// # Errors
///
/// Returns why the request is refused.
pub async fn admission<'h>(
    head: impl Fn() -> Head<'h>,
    means: Means<'_>,
    spent: &mut Spent,
    told: &mut impl Recorder,
) -> Result<Admitted, Refusal> {
    let Means {
        snapshot,
        limits,
        credentials,
        counts: (counts, mut purpose),
        mut now,
    } = means;
    let mut is_current = credentials.is_told();
    let mut demands = Demands::default();
    for _ in 0..FETCHES {
        let decided = admit_told(&head(), snapshot, limits, (credentials, now), (&mut demands, told));
        if !is_current && is_about_callers(&decided) {
            drop(decided);
            told.catch_up();
            is_current = Box::pin(credentials.catch_up()).await;
            if !is_current {
                break;
            }
            (now, purpose) = (credential::now(), purpose.waited(counts));
            continue;
        }
        match decided {
            Err(Halt::Fetch(fetch)) => {
                told.fetch(&fetch);
                // Boxed: its state is large, and most requests need nothing of it.
                Box::pin(credentials.obtain(fetch, now)).await;
                (now, purpose) = (credential::now(), purpose.waited(counts));
            }
            Err(Halt::Refused(refusal)) => return Err(refusal),
            Ok(Admission::Options(version, methods)) => return Ok(Admitted::Options(version, methods)),
            Ok(Admission::Plea(plea)) => {
                let result = counted(&plea, (counts, purpose), &mut spent.standings.found).await;
                let decided = match result {
                    Some(result) => plea.decide(result, snapshot, spent),
                    None => Ok(plea.waived()),
                };
                told.learn(|| {
                    let refused = decided.as_ref().err().and_then(Refusal::standings);
                    Fact::Counted(Box::new(refused.unwrap_or(&spent.standings).clone()))
                });
                return decided.map(Admitted::Permit);
            }
        }
    }
    Err(Refusal {
        flaw: Some(Flaw::Unreachable),
        ..Denial::InvalidCredentials.into()
    })
}

/// Tells whether a decision hangs on what is known of callers, whatever it is.
fn is_about_callers(decided: &Result<Admission<'_, '_>, Halt>) -> bool {
    match decided {
        Ok(Admission::Plea(plea)) => plea.is_by_caller(),
        Ok(Admission::Options(..)) => false,
        Err(Halt::Fetch(_)) => true,
        // Callers are looked at once the resource is known.
        Err(Halt::Refused(refusal)) => refusal.route.is_some(),
    }
}

/// Asks the counts, once for all quotas of a request; none where they are not asked.
async fn counted(
    plea: &Plea<'_, '_>,
    (counts, purpose): (&Counts, Purpose),
    standings: &mut Standings,
) -> Option<Result<Hold, quota::Refusal>> {
    if plea.is_empty() {
        return None;
    }
    let demands = plea.demands();
    match purpose {
        Purpose::Waive => None,
        Purpose::Spend(moment) => Some(counts.take(demands, moment, standings).await),
        Purpose::Look => {
            let answer = counts.look(demands);
            *standings = answer.standings;
            Some(answer.result.map(|()| Hold::default()))
        }
    }
}

/// Things that may be waited for before one request is admitted.
const FETCHES: usize = 6;
