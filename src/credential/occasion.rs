//! What a credential is judged by, beside itself: the version that it is shown to, and how it came.

use std::net::IpAddr;
use std::sync::Arc;

use crate::head::ShownCertificate;
use crate::model::instant::UnixTime;
use crate::model::key_manager::KeyManager;
use crate::snapshot::Version;

/// What a credential is judged by, beside itself.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// The version that it is shown to.
    pub version: &'a Version,
    /// The revision of the catalog that the version is of, and the version's place in it.
    pub edition: (u64, usize),
    /// The certificate that the caller holds.
    pub certificate: Option<&'a ShownCertificate>,
    /// The caller's address, after the trust list.
    pub client: IpAddr,
    /// The caller's `Referer`, where there is exactly one.
    pub referer: Option<&'a str>,
    /// When that is.
    pub now: UnixTime,
}

impl Occasion<'_> {
    /// Tells whether the version takes tokens of the gateway's own.
    pub(super) fn takes_own(&self) -> bool {
        let stated = self.version.security.key_managers.as_ref();
        stated.is_none_or(|names| names.iter().any(|name| name.as_str() == RESIDENT))
    }

    /// Tells whether the version takes the tokens of a key manager, as it was when they were verified.
    pub(super) fn takes(&self, manager: &Arc<KeyManager>) -> bool {
        let mut taken = self.version.issuers.iter();
        taken.any(|taken| Arc::ptr_eq(taken, manager) || taken == manager)
    }
}

/// What the gateway itself is called among key managers.
const RESIDENT: &str = "Resident";
