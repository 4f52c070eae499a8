//! Admission with its waiting: the one place where a request waits before it is decided on.
//!
//! Traffic and `explain` come through here alike, so that what is explained is what happens. While another process takes
//! requests of the same callers, what was changed there is taken in before a caller is decided on: whoever was taken
//! back is let in by neither.

use crate::credential::{self, Credentials, Flaw};
use crate::denial::Denial;
use crate::head::Head;
use crate::model::instant::UnixTime;
use crate::settings::Limits;
use crate::snapshot::Snapshot;
use crate::stages::recorder::Recorder;
use crate::stages::{Admission, Halt, Refusal, admit_told};

/// What a request is admitted by.
#[derive(Clone, Copy, Debug)]
pub struct Means<'a> {
    /// What is served.
    pub snapshot: &'a Snapshot,
    /// How much a caller may use.
    pub limits: &'a Limits,
    /// What proves callers.
    pub credentials: &'a Credentials,
    /// When the request arrived.
    pub now: UnixTime,
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
) -> Result<Admission, Refusal> {
    let Means {
        snapshot,
        limits,
        credentials,
        mut now,
    } = means;
    let mut is_current = credentials.is_told();
    for _ in 0..FETCHES {
        let decided = admit_told(&head(), snapshot, limits, (credentials, now), told);
        if !is_current && is_about_callers(&decided) {
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
            Ok(admission) => return Ok(admission),
        }
    }
    Err(Refusal {
        flaw: Some(Flaw::Unreachable),
        ..Denial::InvalidCredentials.into()
    })
}

/// Tells whether a decision hangs on what is known of callers, whatever it is.
fn is_about_callers(decided: &Result<Admission, Halt>) -> bool {
    match decided {
        Ok(Admission::Permit(permit)) => permit.caller().is_some(),
        Ok(Admission::Options(..)) => false,
        Err(Halt::Fetch(_)) => true,
        // Callers are looked at once the resource is known.
        Err(Halt::Refused(refusal)) => refusal.route.is_some(),
    }
}

/// Things that may be waited for before one request is admitted.
const FETCHES: usize = 6;
