//! command/mod.

pub mod check;
pub mod conf;
pub mod exit;
pub mod output;
pub mod reload;
pub mod render;
pub mod schema;
pub mod version;
