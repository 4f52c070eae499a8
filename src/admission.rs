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
use crate::quota::{Answer, Hold};
use crate::settings::Limits;
use crate::snapshot::{Snapshot, VersionId};
use crate::stages::recorder::{Fact, Recorder};
use crate::stages::{Admission, Halt, Permit, Plea, Refusal, Spent, admit_told};

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
    /// To let the request through, and to spend.
    Spend,
    /// They are not asked: the request was counted before.
    Waive,
}

/// What an exchange may do.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a box would cost most requests an allocation")]
pub enum Admitted {
    /// Take the gateway's own answer to `OPTIONS`: what the resource of this version allows.
    Options(VersionId, MethodSet),
    /// Go on to a backend; this was spent on it.
    Permit(Permit, Spent),
}

/// Admits, or refuses; waits for what must be fetched to tell, and only for so much of it. The head is made anew after
/// each wait, so that none is kept meanwhile.
///
/// # Errors
///
/// Returns why the request is refused.
pub async fn admission<'h>(
    head: impl Fn() -> Head<'h>,
    means: Means<'_>,
    told: &mut impl Recorder,
) -> Result<Admitted, Refusal> {
    let Means {
        snapshot,
        limits,
        credentials,
        counts,
        mut now,
    } = means;
    let mut is_current = credentials.is_told();
    for _ in 0..FETCHES {
        let decided = admit_told(&head(), snapshot, limits, (credentials, now), told);
        if !is_current && is_about_callers(&decided) {
            drop(decided);
            told.catch_up();
            is_current = Box::pin(credentials.catch_up()).await;
            if !is_current {
                break;
            }
            now = credential::now();
            continue;
        }
        match decided {
            Err(Halt::Fetch(fetch)) => {
                told.fetch(&fetch);
                // Boxed: its state is large, and most requests need nothing of it.
                Box::pin(credentials.obtain(fetch, now)).await;
                now = credential::now();
            }
            Err(Halt::Refused(refusal)) => return Err(refusal),
            Ok(Admission::Options(version, methods)) => return Ok(Admitted::Options(version, methods)),
            Ok(Admission::Plea(plea)) => {
                let (permit, spent) = counted(plea, counts, told).await?;
                return Ok(Admitted::Permit(permit, spent));
            }
        }
    }
    Err(Refusal {
        flaw: Some(Flaw::Unreachable),
        ..Denial::InvalidCredentials.into()
    })
}

/// Tells whether a decision hangs on what is known of callers, whatever it is.
fn is_about_callers(decided: &Result<Admission<'_>, Halt>) -> bool {
    match decided {
        Ok(Admission::Plea(plea)) => plea.is_by_caller(),
        Ok(Admission::Options(..)) => false,
        Err(Halt::Fetch(_)) => true,
        // Callers are looked at once the resource is known.
        Err(Halt::Refused(refusal)) => refusal.route.is_some(),
    }
}

/// Asks the counts, once for all quotas of a request.
async fn counted(
    plea: Plea<'_>,
    (counts, purpose): (&Counts, Purpose),
    told: &mut impl Recorder,
) -> Result<(Permit, Spent), Refusal> {
    let answer = match purpose {
        _ if plea.demands().is_empty() => {
            told.learn(|| Fact::Counted(Box::default()));
            return Ok((plea.waived(), Spent::default()));
        }
        Purpose::Waive => return Ok((plea.waived(), Spent::default())),
        Purpose::Spend => counts.take(plea.demands()).await,
        Purpose::Look => {
            let Answer { standings, result } = counts.look(plea.demands());
            let result = result.map(|()| Hold::default());
            Answer { standings, result }
        }
    };
    let decided = plea.decide(answer);
    told.learn(|| {
        let standings = match &decided {
            Ok((_, spent)) => Some(&spent.standings),
            Err(refusal) => refusal.standings(),
        };
        Fact::Counted(Box::new(standings.cloned().unwrap_or_default()))
    });
    decided
}

/// Things that may be waited for before one request is admitted.
const FETCHES: usize = 6;
