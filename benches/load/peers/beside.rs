//! The peers that do a work here, to be measured beside ours.

use std::net::SocketAddr;

use super::verify::verify;
use super::{Absent, PEERS, Started, Work};
use crate::Result;
use crate::compare::{Load, Side, compare};
use crate::effort::Effort;
use crate::figure::Findings;
use crate::process::Process;

/// Those that were started, and a word on each of all.
pub(crate) struct Beside {
    started: Vec<(&'static str, Started)>,
    notes: Vec<String>,
}

impl Beside {
    /// Starts all that are installed and have shown that they do the work, in front of an origin.
    ///
    /// # Errors
    ///
    /// In a test, says so when one that is installed takes its configuration and does not do the work; it is left out of a
    /// measurement.
    pub(crate) async fn start(work: &Work, origin: SocketAddr, effort: Effort) -> Result<Self> {
        let mut beside = Self {
            started: Vec::new(),
            notes: Vec::new(),
        };
        for peer in &PEERS {
            let shown = verify(peer, work.kind()).await;
            let started = match shown {
                Ok(()) => peer.start(work, origin).await,
                Err(why) => Err(why),
            };
            match started {
                Ok(started) => {
                    beside.notes.push(format!("{} {}", peer.name, peer.version()?));
                    beside.started.push((peer.name, started));
                }
                Err(why @ Absent::Wrong(_)) if effort.is_test => return Err(format!("{}: {why}", peer.name).into()),
                Err(why) => beside.leave_out(peer.name, &why),
            }
        }
        Ok(beside)
    }

    fn leave_out(&mut self, name: &str, why: &Absent) {
        self.notes.push(format!("{name} is left out: {why}"));
    }

    /// Measures our sides and then these, which get the calls of our first one.
    pub(crate) async fn compare(self, mut sides: Vec<Side>, load: Load, effort: Effort) -> Result<Findings> {
        let calls = sides[0].calls.clone();
        for (name, started) in &self.started {
            sides.push(Side::new(name, &started.process, calls.clone()));
        }
        let mut findings = compare(&sides, load, effort).await?;
        self.tell(&mut findings);
        Ok(findings)
    }

    /// Returns them by name.
    pub(crate) fn processes(&self) -> impl Iterator<Item = (&str, &Process)> {
        self.started.iter().map(|(name, started)| (*name, &*started.process))
    }

    /// Says which they are, and why others are none.
    pub(crate) fn tell(self, findings: &mut Findings) {
        self.notes.into_iter().for_each(|note| findings.note(note));
    }
}
