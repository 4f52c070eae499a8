//! What a catalog may state and this version cannot keep yet: it is refused, so that nothing is served unprotected
//! because a part is missing.
//!
//! Quotas are not counted yet. When they are, the functions here go.

use super::known::UNLIMITED;
use super::page::Spot;
use crate::model::violation::Violation;

/// Refuses a quota for the subscribers of a version.
pub(super) fn check_subscription_tier(at: &Spot<'_>, tier: &str, found: &mut Vec<Violation>) {
    if tier != UNLIMITED {
        found.push(
            at.blame(format!(
                "tier `{tier}` limits calls, which this version of Tollgate does not count"
            ))
            .fix(format!(
                "write `tiers = [\"{UNLIMITED}\"]`, or remove it, to serve subscribers without a quota"
            )),
        );
    }
}

/// Refuses a quota.
pub(super) fn check_tier(at: &Spot<'_>, tier: &str, found: &mut Vec<Violation>) {
    if tier != UNLIMITED {
        found.push(
            at.blame(format!(
                "tier `{tier}` limits calls, which this version of Tollgate does not count"
            ))
            .fix(format!(
                "write `tier = \"{UNLIMITED}\"`, or remove it, to serve without a quota"
            )),
        );
    }
}
