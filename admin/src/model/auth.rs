//! What a resource asks of its caller.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What credential a resource demands (W 5.1).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthType {
    /// Either of the next two.
    #[default]
    Any,
    /// A credential of an application itself.
    Application,
    /// A credential of a user of an application.
    ApplicationUser,
    /// Nothing at all.
    None,
}
