//! Whose applications a version admits as subscribers (W 10).

use crate::model::api;
use crate::model::name::TenantName;

/// Whose applications a version admits as subscribers; those of its own tenant always.
#[derive(Clone, Debug)]
pub struct Subscribers {
    own: TenantName,
    others: Others,
}

#[derive(Clone, Debug)]
enum Others {
    All,
    /// Sorted.
    Listed(Vec<TenantName>),
}

impl Subscribers {
    pub(super) fn of(own: &TenantName, stated: &api::Subscribers) -> Self {
        let others = match stated {
            api::Subscribers::All => Others::All,
            api::Subscribers::Current => Others::Listed(Vec::new()),
            api::Subscribers::Listed(tenants) => {
                let mut tenants = tenants.clone();
                tenants.sort_unstable();
                Others::Listed(tenants)
            }
        };
        Self {
            own: own.clone(),
            others,
        }
    }

    /// Tells whether the applications of a tenant may have a subscription.
    pub fn admit(&self, tenant: &TenantName) -> bool {
        *tenant == self.own
            || match &self.others {
                Others::All => true,
                Others::Listed(tenants) => tenants.binary_search(tenant).is_ok(),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_versions_own_tenant_always_may_and_others_where_they_are_named() {
        let tenant = |domain| TenantName::parse(domain).unwrap();
        let (own, listed, other) = (tenant("a.example"), tenant("b.example"), tenant("c.example"));
        let admits = |stated: &api::Subscribers| {
            let subscribers = Subscribers::of(&own, stated);
            [&own, &listed, &other].map(|tenant| subscribers.admit(tenant))
        };
        assert_eq!(admits(&api::Subscribers::Current), [true, false, false]);
        assert_eq!(admits(&api::Subscribers::All), [true, true, true]);
        let list = api::Subscribers::Listed(vec![tenant("z.example"), listed.clone()]);
        assert_eq!(admits(&list), [true, true, false]);
    }
}
