//! Endpoints: choosing, trying, judging.
//!
//! A [`Pool`] knows every endpoint by name, so that health, counts and connections outlive a
//! catalog. A [`Backend`] is one version's view of them; [`Attempts`] is one request's. What to answer when all of it
//! fails is decided elsewhere: [`classify`] only says what went wrong.

mod attempts;
mod backend;
mod balance;
mod clock;
mod failure;
mod health;
mod held;
mod idle;
mod pool;
mod probe;
mod profile;
mod registry;
mod report;
mod resolve;
mod target;

pub use attempts::Attempts;
pub use backend::{Backend, Backends, Call, Endpoint};
pub use failure::{Failure, NoEndpoint, attribute, check_answer, classify};
pub use idle::Keeping;
pub use pool::Pool;
pub use report::{Probed, Report, State as EndpointState};

#[cfg(test)]
mod tests;
