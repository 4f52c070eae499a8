//! Which tiers an application may have: those that the catalog states for it, and its owner's roles may choose (W 3).

use crate::model::api::{Api, ApiVersion, Subscribers};
use crate::model::catalog::Catalog;
use crate::model::name::{TenantName, TierName};
use crate::model::tier::{TierLevel, UNLIMITED};

/// Who chooses.
#[derive(Clone, Copy, Debug)]
pub struct Chooser<'a> {
    /// The tenant of the application.
    pub tenant: &'a TenantName,
    /// The roles of its owner.
    pub roles: &'a [String],
}

/// Why a tier cannot be had. It reads as a sentence.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unchosen {
    /// The version takes no subscribers of that tenant.
    #[error("it takes no subscribers of {0}; `subscribers` of the version says whose it takes")]
    Closed(TenantName),
    /// The version has no tiers.
    #[error("it needs no subscription: its `tiers` are empty, and any valid token calls it")]
    Free,
    /// There is no such tier for the owner.
    #[error("there is no tier `{wanted}` that the owner may use; there is: {}", listed(usable))]
    Unknown {
        /// What was asked for.
        wanted: String,
        /// What may be asked for.
        usable: Vec<TierName>,
    },
}

fn listed(tiers: &[TierName]) -> String {
    let names: Vec<_> = tiers.iter().map(|tier| format!("`{tier}`")).collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// Chooses the subscription tier that is wanted, or the first that may be had.
///
/// # Errors
///
/// Returns why there is none.
pub fn subscription_tier(
    catalog: &Catalog,
    (api, version): (&Api, &ApiVersion),
    chooser: Chooser<'_>,
    wanted: Option<&str>,
) -> Result<TierName, Unchosen> {
    let is_open = match &version.subscribers {
        Subscribers::All => true,
        Subscribers::Current => false,
        Subscribers::Listed(tenants) => tenants.contains(chooser.tenant),
    };
    if !is_open && *chooser.tenant != api.tenant {
        return Err(Unchosen::Closed(chooser.tenant.clone()));
    }
    if version.tiers.is_empty() {
        return Err(Unchosen::Free);
    }
    let may_use = |tier: &&TierName| {
        let stated = catalog.find_tier(&api.tenant, TierLevel::Subscription, tier.as_str());
        stated.is_none_or(|tier| tier.choosers.include(chooser.roles))
    };
    let usable: Vec<TierName> = version.tiers.iter().filter(may_use).cloned().collect();
    let is_wanted = |tier: &&TierName| wanted.is_none_or(|wanted| tier.as_str() == wanted);
    match usable.iter().find(is_wanted).cloned() {
        Some(found) => Ok(found),
        None => Err(unknown(wanted.unwrap_or_default(), usable)),
    }
}

/// Chooses an application tier.
///
/// # Errors
///
/// Returns why it cannot be had.
pub fn application_tier(catalog: &Catalog, chooser: Chooser<'_>, wanted: &str) -> Result<TierName, Unchosen> {
    let all = catalog.tiers().iter();
    let of_level = all.filter(|tier| tier.level == TierLevel::Application && tier.tenant == *chooser.tenant);
    let mut usable: Vec<TierName> = of_level
        .filter(|tier| tier.choosers.include(chooser.roles))
        .map(|tier| tier.name.clone())
        .collect();
    usable.extend(TierName::parse(UNLIMITED).ok());
    match usable.iter().find(|tier| tier.as_str() == wanted).cloned() {
        Some(found) => Ok(found),
        None => Err(unknown(wanted, usable)),
    }
}

fn unknown(wanted: &str, usable: Vec<TierName>) -> Unchosen {
    Unchosen::Unknown {
        wanted: wanted.to_owned(),
        usable,
    }
}
