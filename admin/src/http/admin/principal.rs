//! Who asks, what that user's roles allow, and in which tenants.
//!
//! | roles in the root tenant | sees | does |
//! |---|---|---|
//! | `admin` | every tenant | everything, everywhere |
//! | `publisher` | every tenant | what publishers do, in the root tenant |
//! | `viewer` | every tenant | nothing |
//!
//! | roles in another tenant | sees | does |
//! |---|---|---|
//! | `admin` | that tenant | everything in that tenant |
//! | `publisher` | that tenant | what publishers do, there |
//! | `viewer` | that tenant | nothing |

use std::net::IpAddr;

use aide::OperationInput;
use axum::extract::FromRequestParts;
use http::request::Parts;
use schemars::JsonSchema;
use serde::Serialize;

use super::Answer;
use crate::http::problem::Problem;
use crate::model::name::TenantName;
use crate::oauth::operator;
use crate::registry::user::{User, UserName};

/// What somebody may do, from the least to the most.
#[derive(Clone, Copy, Debug, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Permission {
    /// Look.
    View,
    /// Change APIs, with their versions, resources, lifecycle and scopes, and purge what is kept of them.
    Publish,
    /// Everything in one tenant.
    Tenant,
    /// Everything.
    Everything,
}

/// Who asks. Only the guard makes one.
#[derive(Clone, Debug)]
pub(super) struct Principal {
    /// Who it is.
    pub(super) user: UserName,
    /// The user's roles.
    pub(super) roles: Vec<String>,
    /// What may be done, in the user's own tenant unless it is everything.
    pub(super) permission: Permission,
    /// The one tenant that may be seen, unless all may.
    pub(super) covers: Option<TenantName>,
    /// Whether it came by a token that only looks.
    pub(super) looks_only: bool,
    /// Where the request comes from.
    pub(super) address: IpAddr,
    /// The name of the console's session that it came by.
    pub(super) session: Option<String>,
}

impl Principal {
    /// Tells what a user may; nothing where no role says so. With a token that only looks, looking is all.
    pub(super) fn of(user: &User, address: IpAddr, looks_only: bool) -> Option<Self> {
        let has = |role: &str| user.roles.iter().any(|known| known == role);
        let is_root = user.name.tenant == TenantName::root();
        let permission = if operator::is_operator(user) {
            Permission::Everything
        } else if has(operator::ROLE) {
            Permission::Tenant
        } else if has(operator::PUBLISHER) {
            Permission::Publish
        } else if has(operator::VIEWER) {
            Permission::View
        } else {
            return None;
        };
        Some(Self {
            user: user.name.clone(),
            roles: user.roles.clone(),
            permission: if looks_only { Permission::View } else { permission },
            covers: (!is_root).then(|| user.name.tenant.clone()),
            looks_only,
            address,
            session: None,
        })
    }

    /// Tells whether it may see what belongs to a tenant.
    pub(super) fn sees(&self, tenant: &TenantName) -> bool {
        self.covers.as_ref().is_none_or(|own| own == tenant)
    }

    /// Returns the tenant that is asked for; the user's own where none is.
    ///
    /// # Errors
    ///
    /// Returns 404 for one that it does not see.
    pub(super) fn tenant(&self, asked: Option<&TenantName>) -> Answer<TenantName> {
        let asked = asked.unwrap_or(&self.user.tenant);
        if self.sees(asked) {
            Ok(asked.clone())
        } else {
            Err(no_tenant(asked))
        }
    }

    /// Returns the one tenant that a list is of, or nothing where it is of all.
    ///
    /// # Errors
    ///
    /// Returns 404 for one that it does not see.
    pub(super) fn narrow(&self, asked: Option<&TenantName>) -> Answer<Option<TenantName>> {
        match asked {
            Some(asked) => self.tenant(Some(asked)).map(Some),
            None => Ok(self.covers.clone()),
        }
    }

    /// Checks that it may do what wants a permission in a tenant.
    ///
    /// # Errors
    ///
    /// Returns 404 where it does not see the tenant, and 403 where it does.
    pub(super) fn may(&self, wanted: Permission, tenant: &TenantName) -> Answer<()> {
        if !self.sees(tenant) {
            return Err(no_tenant(tenant));
        }
        let is_own = *tenant == self.user.tenant;
        let is_allowed = match self.permission {
            Permission::Everything => true,
            _ if wanted == Permission::View => true,
            held @ (Permission::View | Permission::Publish | Permission::Tenant) => is_own && held >= wanted,
        };
        if is_allowed {
            Ok(())
        } else {
            Err(Problem::forbidden(match wanted {
                Permission::View | Permission::Publish => "this takes the role publisher or admin in that tenant",
                Permission::Tenant => "this takes the role admin in that tenant",
                Permission::Everything => "this takes the role admin in the root tenant",
            }))
        }
    }

    /// Checks that it may do what concerns every tenant.
    ///
    /// # Errors
    ///
    /// Returns 403.
    pub(super) fn may_everything(&self) -> Answer<()> {
        self.may(Permission::Everything, &self.user.tenant)
    }
}

fn no_tenant(tenant: &TenantName) -> Problem {
    Problem::missing(format!("there is no tenant `{tenant}`"))
}

impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Self> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Problem::unknown)
    }
}

impl OperationInput for Principal {}
