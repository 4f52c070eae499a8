//! The only place where the two halves touch: catalogs made live, files watched, registry and signing keys kept fresh,
//! counts kept and handed over, the control socket.

pub mod counts;
pub mod explaining;
pub mod publish;
pub mod quotas;
pub mod reload;
pub mod socket;
pub mod upkeep;
pub mod watch;
