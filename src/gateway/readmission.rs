//! Whether a WebSocket that is open may go on: only while the request that opened it would be admitted.
//!
//! What may be taken back may be taken back from those who are connected: whenever consumers change (a token, a key, an
//! application, a user, a password, a subscription) or another catalog is served (a version blocked, retired or gone, a
//! resource that asks for more), the opening request passes the same stages again. So it does each minute, for what
//! ends without telling us: a signing key, a certificate, a token that its issuer calls inactive. Quotas are not asked
//! again: it was counted when it was opened.
//!
//! | now it would be | the WebSocket |
//! |---|---|
//! | admitted to the same version, with a key of the same type | goes on |
//! | admitted to another one, as where the default version moves | ends with 1001: who comes again finds it |
//! | refused | ends with 1008 |
//! | neither, because who must be asked does not answer | goes on, for five minutes at most |

use std::time::Duration;

use tokio::time::sleep;

use super::Gateway;
use crate::admission::{Admitted, Means, Purpose, admission};
use crate::credential::{self, Flaw};
use crate::exchange::Exchange;
use crate::head::Kept;
use crate::registry::key_pair::KeyType;
use crate::snapshot::Snapshot;
use crate::stages::recorder::Silent;
use crate::stages::{Permit, Refusal, Spent};
use crate::tunnel::Cause;

/// What would become of the request that opened a WebSocket, now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Standing {
    Admitted,
    Ended(Cause),
    Unknown,
}

impl Gateway {
    /// Waits until a WebSocket may not go on, and says why.
    pub(super) async fn withdrawn(&self, opening: &Kept, exchange: &Exchange) -> Cause {
        // Listening begins before the first look: what changed since the permit is seen by that one.
        let mut consumers = self.credentials.view().changes();
        let mut catalogs = self.published.clone();
        catalogs.mark_unchanged();
        let mut unknown = 0;
        loop {
            match self.standing(opening, exchange).await {
                Standing::Admitted => unknown = 0,
                Standing::Ended(cause) => return cause,
                Standing::Unknown if unknown == MOST_UNKNOWN => return Cause::Revoked,
                Standing::Unknown => unknown += 1,
            }
            // Changes that come in a crowd are looked at together.
            sleep(PAUSE).await;
            let pause = if unknown == 0 { AT_LEAST } else { ASK_AGAIN };
            tokio::select! {
                Ok(()) = consumers.changed() => {}
                Ok(()) = catalogs.changed() => {}
                () = sleep(pause) => {}
            }
        }
    }

    async fn standing(&self, opening: &Kept, exchange: &Exchange) -> Standing {
        let served = self.live.current();
        let means = Means {
            snapshot: &served.snapshot,
            limits: &self.limits,
            credentials: &self.credentials,
            counts: (&self.counts, Purpose::Waive),
            now: credential::now(),
        };
        let before = (&exchange.served.snapshot, exchange.permit());
        match admission(|| opening.head(), means, &mut Spent::default(), &mut Silent).await {
            Ok(Admitted::Permit(permit)) if is_alike(before, (&served.snapshot, &permit)) => Standing::Admitted,
            Ok(Admitted::Permit(..) | Admitted::Options(..)) => Standing::Ended(Cause::Moved),
            Err(Refusal {
                flaw: Some(Flaw::Slowed | Flaw::Unreachable),
                ..
            }) => Standing::Unknown,
            Err(_) => Standing::Ended(Cause::Revoked),
        }
    }
}

/// Tells whether two permits, each of its snapshot, lead to the same version in the same environment.
fn is_alike(before: (&Snapshot, Option<&Permit>), now: (&Snapshot, &Permit)) -> bool {
    let (snapshot, permit) = before;
    permit.is_some_and(|permit| place(snapshot, permit) == place(now.0, now.1))
}

fn place<'s>(snapshot: &'s Snapshot, permit: &Permit) -> ((&'s str, &'s str, &'s str), KeyType) {
    (snapshot.version(permit.version()).names(), permit.environment())
}

/// The time between two looks, however much changes.
const PAUSE: Duration = Duration::from_millis(100);
/// The time between two looks where nothing changes.
const AT_LEAST: Duration = Duration::from_secs(60);
/// The time between two looks where the last one found nothing out.
const ASK_AGAIN: Duration = Duration::from_secs(10);
/// How many looks in a row may find nothing out.
const MOST_UNKNOWN: u32 = 30;
