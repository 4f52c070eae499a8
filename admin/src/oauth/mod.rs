//! The token endpoint as functions over registry and catalog: no sockets, no HTTP types beyond names and values.
//!
//! [`authority::Authority`] holds what all of them need. A client proves itself in [`client`], asks by one of the
//! files of [`grant`], is granted scopes by the one rule in [`granting`], and gets what [`mint`](mod@mint) makes. What is said
//! to clients that are refused is in [`error`]; who guesses is slowed by [`guard`].

pub mod assertion;
pub mod authority;
pub mod authorize;
pub mod claims;
pub mod client;
pub mod discovery;
pub mod error;
pub mod examine;
pub mod form;
pub mod grant;
pub mod granting;
pub mod guard;
pub mod introspect;
pub mod jws;
pub mod keys;
pub mod mint;
pub mod operator;
pub mod peer;
pub mod random;
pub mod replay;
pub mod revoke;
pub mod session;
pub mod settings;
pub mod sign_in;
pub mod strict;
pub mod subject;
pub mod userinfo;

pub use authority::Authority;
pub use mint::mint;
