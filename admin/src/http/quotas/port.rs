//! What the router asks of whoever counts.

use serde_json::Value;

/// Says how the quotas of applications stand, and forgets what was counted.
pub trait Quotas: Send + Sync {
    /// Says how the quotas of an application stand; nothing where there is no such application.
    fn show(&self, application: &str, user: Option<&str>) -> Option<Value>;

    /// Forgets what was counted for an application and a user of it, and says how its quotas stand then.
    fn reset(&self, application: &str, user: Option<&str>) -> Option<Value>;
}
