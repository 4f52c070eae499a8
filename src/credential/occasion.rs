//! What a credential is judged by, beside itself: the version that it is shown to, and how it came.

use std::net::IpAddr;
use std::sync::Arc;

use super::claims::Wanted;
use crate::head::ShownCertificate;
use crate::model::instant::UnixTime;
use crate::model::key_manager::{KeyManager, RESIDENT};
use crate::snapshot::Version;

/// What a credential is judged by, beside itself.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// The version that it is shown to.
    pub version: &'a Version,
    /// The key managers of the version's tenant.
    pub managers: &'a [Arc<KeyManager>],
    /// The revision of the catalog that the version is of, and the version's place in it.
    pub edition: (u64, usize),
    /// The claims that the catalog asks for.
    pub claims: &'a Wanted,
    /// The certificate that the caller holds.
    pub certificate: Option<&'a ShownCertificate>,
    /// The caller's address, after the trust list.
    pub client: IpAddr,
    /// The caller's `Referer`, where there is exactly one.
    pub referer: Option<&'a str>,
    /// When that is.
    pub now: UnixTime,
}

impl<'a> Occasion<'a> {
    /// Tells whether the version takes tokens of the gateway's own.
    pub(super) fn takes_own(&self) -> bool {
        self.is_named(RESIDENT)
    }

    /// Returns the key managers whose tokens the version takes.
    pub(super) fn taken(&self) -> impl Iterator<Item = &'a Arc<KeyManager>> {
        self.managers
            .iter()
            .filter(|manager| self.is_named(manager.name.as_str()))
    }

    /// Tells whether the version takes the tokens of a key manager, as it was when they were verified.
    pub(super) fn takes(&self, manager: &Arc<KeyManager>) -> bool {
        self.taken()
            .any(|taken| Arc::ptr_eq(taken, manager) || taken == manager)
    }

    fn is_named(&self, name: &str) -> bool {
        let names = self.version.security.key_managers.as_ref();
        names.is_none_or(|names| names.iter().any(|named| named.as_str() == name))
    }
}
