//! How the quotas of applications stand, told to the admin listener's router.

use std::sync::Arc;

use admin::http::admin::ports::Quotas;
use serde_json::Value;

use crate::explain::Explainer;

/// Answers the router of the admin listener.
#[derive(Debug)]
pub struct Counting(Arc<Explainer>);

impl Counting {
    /// Answers by this.
    pub fn new(explainer: Arc<Explainer>) -> Self {
        Self(explainer)
    }
}

impl Quotas for Counting {
    fn show(&self, application: &str, user: Option<&str>) -> Option<Value> {
        serde_json::to_value(self.0.quotas(application, user)?).ok()
    }

    fn reset(&self, application: &str, user: Option<&str>) -> Option<Value> {
        serde_json::to_value(self.0.reset_quotas(application, user)?).ok()
    }
}
