//! Credentials of every kind, honest and hostile, with a real registry and real keys; time is a parameter.
#![expect(
    clippy::needless_pass_by_value,
    clippy::too_many_lines,
    clippy::wildcard_enum_match_arm,
    reason = "a table of hostile things is read as one, and made on the spot"
)]

mod foreign;
mod own;
mod world;
