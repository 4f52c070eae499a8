//! The only place where the two halves touch: catalogs made live, files watched, registry and signing keys kept fresh,
//! counts kept and handed over, the control socket.

pub mod administered;
pub mod counts;
mod courtesy;
pub mod explaining;
pub mod neighbours;
pub mod publish;
pub mod purging;
pub mod quotas;
pub mod reload;
pub mod socket;
pub mod traffic;
pub mod trials;
pub mod upkeep;
pub mod watch;
pub mod witness;
