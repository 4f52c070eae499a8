//! What is said where a quota is reached, and of deny rules (W 3.4).

use http::StatusCode;

use super::{Fault, Kind, report};

/// Which quota is reached (W 3.4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// That of the whole version.
    Api,
    /// That of the application.
    Application,
    /// What the application may at once.
    ApplicationBurst,
    /// What the endpoints take.
    Backend,
    /// That of a counting rule.
    Custom,
    /// That of the resource.
    Resource,
    /// That of the subscription.
    Subscription,
    /// What the subscription may at once.
    SubscriptionBurst,
}

impl Reach {
    /// Those that are answered 429: every one but what the endpoints take, which is nobody's quota.
    pub const TOO_MANY: [Self; 7] = [
        Self::Api,
        Self::Application,
        Self::ApplicationBurst,
        Self::Custom,
        Self::Resource,
        Self::Subscription,
        Self::SubscriptionBurst,
    ];

    /// Returns what it says.
    pub(super) fn fault(self) -> Fault {
        let code = match self {
            Self::Api => "900800",
            Self::Application => "900803",
            Self::ApplicationBurst => "900809",
            Self::Backend => {
                return throttled(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "900801",
                    "API Limit Reached",
                    "API not accepting requests",
                );
            }
            Self::Custom => "900806",
            Self::Resource => "900802",
            Self::Subscription => "900804",
            Self::SubscriptionBurst => "900807",
        };
        throttled(
            StatusCode::TOO_MANY_REQUESTS,
            code,
            "Message throttled out",
            "You have exceeded your quota",
        )
    }

    /// Returns the name that logs and metrics know it by.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Api => "api_throttled",
            Self::Application => "application_throttled",
            Self::ApplicationBurst => "application_burst_throttled",
            Self::Backend => "backend_throttled",
            Self::Custom => "rule_throttled",
            Self::Resource => "resource_throttled",
            Self::Subscription => "subscription_throttled",
            Self::SubscriptionBurst => "subscription_burst_throttled",
        }
    }
}

/// Says that a deny rule is for the request.
pub(super) fn denied() -> Fault {
    throttled(
        StatusCode::FORBIDDEN,
        "900805",
        "Message blocked",
        "You have been blocked from accessing the resource",
    )
}

fn throttled(status: StatusCode, code: &'static str, message: &'static str, description: &'static str) -> Fault {
    Fault {
        kind: Kind::Throttling,
        ..report(status, code, message, description)
    }
}
