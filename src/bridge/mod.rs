//! bridge/mod.

pub mod reload;
pub mod socket;
pub mod watch;
