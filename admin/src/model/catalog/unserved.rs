//! What a catalog may state and this version cannot keep yet: it is refused, so that nothing is served unprotected
//! because a part is missing.
//!
//! Callers are not identified and quotas are not counted yet. When they are, the functions here go, one by one.

use super::known::UNLIMITED;
use super::page::Spot;
use crate::model::auth::AuthType;
use crate::model::document::{Resource, SecurityName};
use crate::model::violation::Violation;

/// Refuses every demand for a credential.
pub(super) fn check_auth(spot: &Spot<'_>, stated: &Resource, found: &mut Vec<Violation>) {
    let auth = match stated.auth {
        AuthType::Any => "any",
        AuthType::Application => "application",
        AuthType::ApplicationUser => "application_user",
        AuthType::None => return,
    };
    if spot.lost("auth") {
        return;
    }
    let path = &stated.path;
    found.push(if spot.states("auth") {
        spot.key("auth")
            .blame(format!(
                "resource `{path}` demands auth `{auth}`, which this version of Tollgate cannot check"
            ))
            .fix("write `auth = \"none\"` to serve it to everybody")
    } else {
        spot.key("path")
            .blame(format!(
                "resource `{path}` states no `auth`, so it demands `{auth}`, which this version of Tollgate cannot check"
            ))
            .fix("add `auth = \"none\"` to serve it to everybody")
    });
}

/// Refuses demands that hold for a whole version, whatever its resources ask.
pub(super) fn check_security(list: &Spot<'_>, stated: &[SecurityName], found: &mut Vec<Violation>) {
    for (index, security) in stated.iter().enumerate() {
        let word = match security {
            SecurityName::MutualTls => "mutual_tls",
            SecurityName::MutualTlsMandatory => "mutual_tls_mandatory",
            SecurityName::Oauth2BasicApiKeyMandatory => "oauth2_basic_api_key_mandatory",
            SecurityName::ApiKey | SecurityName::Basic | SecurityName::Oauth2 => continue,
        };
        found.push(
            list.element(index)
                .blame(format!(
                    "security `{word}` is something that this version of Tollgate cannot check"
                ))
                .fix("remove it to serve the version without client certificates and mandatory credentials"),
        );
    }
}

/// Refuses a scope.
pub(super) fn check_scope(at: &Spot<'_>, scope: &str, found: &mut Vec<Violation>) {
    found.push(
        at.blame(format!(
            "scope `{scope}` needs a caller, whom this version of Tollgate cannot identify"
        ))
        .fix("remove `scopes` to serve the resource to everybody"),
    );
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
