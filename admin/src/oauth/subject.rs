//! Users as tokens and people write them: `name@tenant.domain`, or `name` alone where the tenant is plain.

use crate::model::name::TenantName;
use crate::model::tenant::Tenant;
use crate::registry::user::UserName;

/// Reads a user's name. What follows the last `@` is the tenant where there is such a tenant; otherwise the name is
/// all of it, in the tenant that is plain: addresses of mail are names too.
pub fn parse(text: &str, tenants: &[Tenant], plain: &TenantName) -> UserName {
    if let Some((name, domain)) = text.rsplit_once('@')
        && let Some(tenant) = tenants.iter().find(|tenant| tenant.domain.as_str() == domain)
    {
        return UserName {
            tenant: tenant.domain.clone(),
            name: name.to_owned(),
        };
    }
    UserName {
        tenant: plain.clone(),
        name: text.to_owned(),
    }
}

/// Writes a user as the `sub` of tokens, always with the tenant.
pub fn write(user: &UserName) -> String {
    format!("{}@{}", user.name, user.tenant)
}

/// Reads a `sub` that [`write()`] wrote; `None` where it is none.
pub fn read(sub: &str) -> Option<UserName> {
    let (name, domain) = sub.rsplit_once('@')?;
    Some(UserName {
        tenant: TenantName::parse(domain).ok()?,
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::place::Place;
    use crate::model::tenant::TenantState;

    #[test]
    fn the_tenant_follows_the_last_at_sign_where_there_is_such_a_tenant() {
        let tenant = |domain: &str| TenantName::parse(domain).unwrap();
        let known = [Tenant {
            domain: tenant("acme.example"),
            hostnames: Vec::new(),
            state: TenantState::Active,
            authorization: None,
            api_key: None,
            place: Place::default(),
        }];
        for (text, name, domain) in [
            ("tom", "tom", "plain.example"),
            ("tom@acme.example", "tom", "acme.example"),
            ("tom@mail.example", "tom@mail.example", "plain.example"),
            ("tom@mail.example@acme.example", "tom@mail.example", "acme.example"),
        ] {
            let user = parse(text, &known, &tenant("plain.example"));
            assert_eq!((user.name.as_str(), user.tenant.as_str()), (name, domain));
            assert_eq!(read(&write(&user)), Some(user));
        }
        assert_eq!(read("consumer-key"), None);
    }
}
