//! Quotas: the counts that outlive snapshots, and what they are held against.
//!
//! A [`Limit`] is figures; a [`Quota`] is a limit with a name, made when the catalog is compiled; a [`Demand`] is what
//! a request asks of a quota for a subject. The [`Ledger`] holds the counts.
//!
//! ```
//! use std::time::Duration;
//! use tollgate::quota::{Clock, Ledger, Limit, Quota, Secret, Subjects, Unit};
//!
//! let (clock, ledger) = (Clock::start(), Ledger::new(Secret::new([7; 16]), 1_000_000));
//! let gold = Limit::sliding(Unit::Requests, 1, Duration::from_secs(60))?;
//! let gold = Quota::new(gold, Subjects::Registered, &["acme.example", "subscription", "Gold"], ledger.secret());
//!
//! let demands = [gold.of(&["mobile", "orders", "1.0"])];
//! assert!(ledger.take(&demands, clock.now()).result.is_ok());
//! let refused = ledger.take(&demands, clock.now());
//! assert_eq!(refused.result.unwrap_err().retry.seconds(), Some(60));
//! # Ok::<(), tollgate::quota::BadLimit>(())
//! ```
//!
//! # What is promised
//!
//! In any span of a window's length no more than the quota passes, by the moments that callers bring; two requests
//! that get here in another order than their moments say count as at the later one. A lone caller gets all of it up
//! to 1,000 requests, each back the moment its window has passed, and at least 95 % of it above, and of bytes.
//! Demands are met together or not at all, and a refusal spends nothing.
//!
//! Several gateways keep that promise together where they share a store: [`store`] says how, and within which bound.
//!
//! # Memory
//!
//! A counter takes 88 bytes in a table that is between half full and full, 100 to 190 bytes together, and what it
//! remembers: four bytes for each request in force up to 1,000 (at most 4 KiB), or twelve for each of at most 66
//! slices (at most 1.5 KiB) where the quota is larger or soft; nothing for a bucket or a calendar window. So by the
//! million counters (`benches/ledger.rs`): 136 MB with a request in force in each, 371 MB with fifty, 895 MB where all
//! slices are in use, and 4.4 GB at worst, where each has just passed 1,000 requests.
//!
//! # A flood of names
//!
//! Whoever can invent subjects, addresses above all, can fill the ledger; a count in force is never forgotten for
//! that. So the flood gets no quota twice, resets nobody, and takes at most three quarters of the room: who is
//! [`Subjects::Registered`] still finds some. What it can do is to push the other newcomers of the *same* quota onto
//! the count that they share, where one quota serves them all until a window has passed. Who has a counter already
//! notices nothing. It takes as many addresses as there are counters within a window; callers that own a whole IPv6
//! network have as many, so name a subject by its /64.

pub mod calendar;
pub mod clock;
pub mod counters;
pub mod demand;
pub mod hold;
pub mod kept;
pub mod key;
pub mod ledger;
pub mod limit;
pub mod standing;
pub mod store;

mod bucket;
mod counter;
mod file;
mod finding;
mod grain;
mod handover;
mod log;
mod shape;
mod shard;
mod sharing;
mod slices;
mod taking;
mod tally;
#[cfg(test)]
mod tests;

pub use calendar::{Calendar, CalendarSpan, UnknownZone};
pub use clock::{Clock, Moment};
pub use counters::Counters;
pub use demand::{Demand, Quota, Subjects};
pub use hold::Hold;
pub use kept::{BadKept, Kept, Scope};
pub use key::{Key, Names, Secret, SubjectDigest};
pub use ledger::Ledger;
pub use limit::{BadLimit, Limit, Unit};
pub use sharing::blind;
pub use standing::{Answer, Refusal, Retry, Standing, Standings};
