//! An application: what subscribes and is given keys.

use crate::model::name::{TenantName, TierName};

use super::user::UserName;

/// The number of an application in the registry.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ApplicationId(pub i64);

/// An application as requests see it.
#[derive(Clone, Debug)]
pub struct Application {
    /// Its number.
    pub id: ApplicationId,
    /// What the world knows it by.
    pub uuid: String,
    /// Its name; unique among its owner's.
    pub name: String,
    /// Who owns it; its tenant is the owner's.
    pub owner: UserName,
    /// Its application tier.
    pub tier: TierName,
    /// What its access tokens are.
    pub token_type: TokenType,
}

impl Application {
    /// Returns the tenant that it belongs to.
    pub fn tenant(&self) -> &TenantName {
        &self.owner.tenant
    }
}

/// What an application's access tokens are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TokenType {
    /// Signed statements that anybody with the public key can read (RFC 9068).
    #[default]
    Jwt,
    /// Random strings that say nothing.
    Opaque,
}

/// An application to be made.
#[derive(Clone, Debug)]
pub struct NewApplication {
    /// Its name.
    pub name: String,
    /// Who owns it; must exist.
    pub owner: UserName,
    /// Its application tier.
    pub tier: TierName,
    /// What its access tokens are.
    pub token_type: TokenType,
}
