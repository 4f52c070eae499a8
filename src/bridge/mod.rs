//! The only place where the two halves touch: catalogs made live, files watched, the control socket.

pub mod publish;
pub mod reload;
pub mod socket;
pub mod watch;
