//! Credentials of every kind, honest and hostile, with a real registry and real keys; time is a parameter.

mod foreign;
mod own;
mod world;
