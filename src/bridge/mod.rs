//! The only place where the two halves touch: catalogs made live, files watched, registry and signing keys kept fresh,
//! the control socket.

mod courtesy;
pub mod explaining;
pub mod neighbours;
pub mod publish;
pub mod reload;
pub mod socket;
pub mod upkeep;
pub mod watch;
