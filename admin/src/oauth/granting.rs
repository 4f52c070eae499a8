//! Requested scopes to granted scopes (W 6.1): those that roles allow, without an error for the others.

use crate::model::name::{ScopeName, TenantName};
use crate::model::scope::Scope;

use super::error::{ErrorCode, OauthError};
use super::operator::{self, Reach};

/// The scope of a token for which nothing was asked or granted.
pub const DEFAULT: &str = "default";
/// The scope by which an application's own token is known.
pub const APPLICATION: &str = "am_application_scope";
/// The scope that asks for an id token.
pub const OPENID: &str = "openid";

/// The scope of the admin API: all that the user's roles allow. Given to those with the role `admin` or `publisher`.
pub const ADMIN: &str = "tollgate:admin";

/// The scope of looking by the admin API. Given to those with the role `admin`, `publisher` or `viewer`.
pub const VIEW: &str = "tollgate:view";

/// Reads the parameter `scope`: each name once, in the order they were asked for.
///
/// # Errors
///
/// Returns `invalid_scope` when a name has characters that RFC 6749 does not allow, or there are too many.
pub fn requested(scope: Option<&str>) -> Result<Vec<String>, OauthError> {
    let mut names: Vec<String> = Vec::new();
    for name in scope.unwrap_or_default().split(' ').filter(|name| !name.is_empty()) {
        if ScopeName::parse(name).is_err() || names.len() == MOST {
            return Err(OauthError::new(ErrorCode::InvalidScope, "the scope is malformed"));
        }
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// Grants a user what the user's roles allow in the user's tenant; `default` where that is nothing.
pub fn for_user(requested: &[String], scopes: &[Scope], tenant: &TenantName, roles: &[String]) -> Vec<String> {
    let allows = |name: &&String| is_free(name) || is_own(name, roles) || is_allowed(name, scopes, tenant, roles);
    let granted: Vec<_> = requested.iter().filter(allows).cloned().collect();
    if granted.is_empty() {
        return vec![DEFAULT.to_owned()];
    }
    granted
}

/// Grants an application what its owner's roles allow, beside the scope that marks its tokens. `openid` asks who the
/// user is, and there is none; no application runs the gateway by itself.
pub fn for_application(requested: &[String], scopes: &[Scope], tenant: &TenantName, roles: &[String]) -> Vec<String> {
    let allows = |name: &&String| name.as_str() != OPENID && (is_free(name) || is_allowed(name, scopes, tenant, roles));
    let mut granted = vec![APPLICATION.to_owned()];
    granted.extend(requested.iter().filter(allows).cloned());
    if granted.len() == 1 {
        granted.push(DEFAULT.to_owned());
    }
    granted
}

/// Narrows what was granted to what is asked for now; all of it where nothing is.
///
/// # Errors
///
/// Returns `invalid_scope` when more is asked for than was granted (RFC 6749, 6).
pub fn narrowed(requested: Vec<String>, granted: &[String]) -> Result<Vec<String>, OauthError> {
    if requested.is_empty() {
        return Ok(granted.to_vec());
    }
    if requested.iter().all(|name| granted.contains(name)) {
        return Ok(requested);
    }
    Err(OauthError::new(
        ErrorCode::InvalidScope,
        "the scope exceeds what was granted",
    ))
}

/// Tells the scopes that need no role (W 6.1, the allow-list).
fn is_free(name: &str) -> bool {
    name == OPENID || name.starts_with("device_")
}

/// Tells the scopes of the admin API that roles allow.
fn is_own(name: &str, roles: &[String]) -> bool {
    match name {
        ADMIN => operator::reaches(roles, Reach::All),
        VIEW => operator::reaches(roles, Reach::Looks),
        _ => false,
    }
}

fn is_allowed(name: &str, scopes: &[Scope], tenant: &TenantName, roles: &[String]) -> bool {
    scopes
        .iter()
        .filter(|scope| !scope.key.is_reserved() && scope.key.as_str() == name && scope.tenant == *tenant)
        .any(|scope| scope.roles.is_empty() || scope.roles.iter().any(|role| roles.contains(role)))
}

/// More scopes than any request needs.
const MOST: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::place::Place;

    fn scope(key: &str, roles: &[&str]) -> Scope {
        Scope {
            tenant: TenantName::root(),
            key: ScopeName::parse(key).unwrap(),
            name: key.to_owned(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            place: Place::default(),
        }
    }

    fn news() -> Vec<Scope> {
        vec![
            scope("news_read", &["employee", "manager"]),
            scope("news_write", &["manager"]),
            scope("open", &[]),
        ]
    }

    fn words(text: &str) -> Vec<String> {
        text.split(' ')
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    }

    fn granted(asked: &str, roles: &str) -> String {
        let asked = requested(Some(asked)).unwrap();
        for_user(&asked, &news(), &TenantName::root(), &words(roles)).join(" ")
    }

    #[test]
    fn tom_may_read_and_john_may_write() {
        assert_eq!(granted("news_read news_write", "employee"), "news_read");
        assert_eq!(
            granted("news_read news_write", "employee manager"),
            "news_read news_write"
        );
        assert_eq!(granted("news_write", "employee"), "default");
        assert_eq!(granted("", "employee manager"), "default");
        assert_eq!(granted("nobody_knows", "employee"), "default");
    }

    #[test]
    fn some_scopes_need_no_role() {
        assert_eq!(granted("openid device_7 open", ""), "openid device_7 open");
        assert_eq!(
            granted("News_read", "employee"),
            "default",
            "keys are compared byte by byte"
        );
        assert_eq!(granted("news_read", "Employee"), "default", "roles, too");
    }

    #[test]
    fn only_users_whose_roles_reach_there_are_granted_the_scopes_of_the_admin_api() {
        let acme = TenantName::parse("acme.example").unwrap();
        let both = format!("{ADMIN} {VIEW}");
        let ask = |tenant: &TenantName, roles: &str| for_user(&words(&both), &news(), tenant, &words(roles)).join(" ");
        for tenant in [TenantName::root(), acme] {
            assert_eq!(ask(&tenant, "employee admin"), both);
            assert_eq!(ask(&tenant, "publisher"), both);
            assert_eq!(ask(&tenant, "viewer"), VIEW);
            assert_eq!(ask(&tenant, "employee Admin"), DEFAULT);
        }
        let own = for_application(&words(ADMIN), &news(), &TenantName::root(), &words("admin"));
        assert_eq!(own, [APPLICATION, DEFAULT], "an application is no user");
        let stated = [scope(ADMIN, &[])];
        let granted = for_user(&words(ADMIN), &stated, &TenantName::root(), &[]);
        assert_eq!(granted, [DEFAULT], "no catalog gives it away");
    }

    #[test]
    fn scopes_of_another_tenant_grant_nothing() {
        let acme = TenantName::parse("acme.example").unwrap();
        assert_eq!(for_user(&words("open"), &news(), &acme, &[]), ["default"]);
    }

    #[test]
    fn an_application_has_what_its_owner_may() {
        let ask = |asked: &str, roles: &str| {
            for_application(&words(asked), &news(), &TenantName::root(), &words(roles)).join(" ")
        };
        assert_eq!(ask("", "employee"), "am_application_scope default");
        assert_eq!(
            ask("news_read news_write openid", "employee"),
            "am_application_scope news_read"
        );
        assert_eq!(ask("open", ""), "am_application_scope open");
        assert_eq!(ask("news_write", "employee"), "am_application_scope default");
    }

    #[test]
    fn a_scope_is_asked_for_once_and_is_well_formed() {
        assert_eq!(requested(Some("a b  a")).unwrap(), ["a", "b"]);
        for bad in ["a\tb", "a\"b", "ü", "a\\b"] {
            assert_eq!(requested(Some(bad)).unwrap_err().code, ErrorCode::InvalidScope);
        }
    }

    #[test]
    fn later_one_may_have_less_but_not_more() {
        assert_eq!(narrowed(words("a"), &words("a b")).unwrap(), ["a"]);
        assert_eq!(narrowed(vec![], &words("a b")).unwrap(), ["a", "b"]);
        assert!(narrowed(words("a c"), &words("a b")).is_err());
    }
}
