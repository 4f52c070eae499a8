//! Judges a client certificate: one that the version lists, or one that chains to a listed authority (W 5.3).
//!
//! That the caller holds its key, TLS has proven, or a trusted proxy vouches for.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, UnixTime as PkiTime};
use rustls::server::WebPkiClientVerifier;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::caller::{Caller, Proof};
use super::occasion::Occasion;
use super::{Credentials, Flaw, Judgement};
use crate::head::ShownCertificate;
use crate::model::instant::UnixTime;
use crate::registry::key_pair::KeyType;
use crate::registry::token::Digest;

/// What came of a certificate at one version of one revision, and until when.
pub(super) type Judged = (Result<Arc<Caller>, Flaw>, UnixTime);
/// What it is known by.
pub(super) type Shown = (Digest, (u64, usize));

impl Credentials {
    /// Judges the certificate that the caller holds.
    pub fn certificate(&self, shown: &ShownCertificate, on: &Occasion<'_>) -> Judgement {
        let key = (*shown.digest(), on.edition);
        if let Some((judged, until)) = self.certificates.get(&key)
            && on.now < until
        {
            return judged.into();
        }
        let judged = judge(shown, on);
        let ends = judged.as_ref().ok().and_then(|caller| caller.expires);
        let until = on.now.plus(REMEMBERED_FOR).min(ends.unwrap_or(UnixTime(u64::MAX)));
        self.certificates.insert(key, (judged.clone(), until));
        judged.into()
    }
}

fn judge(shown: &ShownCertificate, on: &Occasion<'_>) -> Result<Arc<Caller>, Flaw> {
    let (_, leaf) = X509Certificate::from_der(shown.der()).map_err(|_| Flaw::Malformed)?;
    let ends = valid_until(&leaf, on.now)?;
    if !is_for_clients(&leaf) {
        return Err(Flaw::Audience);
    }
    let listed = &on.version.security.certificates;
    if !listed.iter().any(|listed| listed == shown.der()) && !is_of_authority(shown, listed, on.now) {
        return Err(Flaw::Unknown);
    }
    Ok(Arc::new(Caller {
        by: Proof::Certificate,
        application: None,
        key_type: KeyType::Production,
        client: String::new(),
        user: None,
        subject: leaf.subject().to_string(),
        scopes: Vec::new(),
        roles: Vec::new(),
        claims: Default::default(),
        expires: Some(ends),
        digest: *shown.digest(),
    }))
}

fn valid_until(certificate: &X509Certificate<'_>, now: UnixTime) -> Result<UnixTime, Flaw> {
    let seconds = |at: i64| u64::try_from(at).unwrap_or_default();
    let validity = certificate.validity();
    if now.0 < seconds(validity.not_before.timestamp()) {
        return Err(Flaw::NotYet);
    }
    let last = seconds(validity.not_after.timestamp());
    if now.0 > last {
        Err(Flaw::Expired)
    } else {
        Ok(UnixTime(last).plus(1))
    }
}

/// Tells whether a certificate may be a client's (RFC 5280, 4.2.1.12); one that does not say may.
fn is_for_clients(certificate: &X509Certificate<'_>) -> bool {
    match certificate.extended_key_usage() {
        Ok(Some(usage)) => usage.value.client_auth || usage.value.any,
        Ok(None) => true,
        Err(_) => false,
    }
}

/// Tells whether a certificate chains to one of the listed that are authorities. One that is listed and none cannot
/// vouch for others, whatever was signed with its key.
fn is_of_authority(shown: &ShownCertificate, listed: &[Vec<u8>], now: UnixTime) -> bool {
    let mut roots = RootCertStore::empty();
    for der in listed.iter().filter(|der| is_authority(der, now)) {
        // One that cannot be read vouches for nobody.
        let _ = roots.add(CertificateDer::from(der.as_slice()).into_owned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let Ok(verifier) = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build() else {
        return false;
    };
    let leaf = CertificateDer::from(shown.der());
    let between: Vec<_> = shown
        .intermediates()
        .iter()
        .map(|der| CertificateDer::from(&**der))
        .collect();
    let at = PkiTime::since_unix_epoch(std::time::Duration::from_secs(now.0));
    verifier.verify_client_cert(&leaf, &between, at).is_ok()
}

fn is_authority(der: &[u8], now: UnixTime) -> bool {
    X509Certificate::from_der(der)
        .is_ok_and(|(_, certificate)| certificate.is_ca() && valid_until(&certificate, now).is_ok())
}

/// Seconds after which a chain is judged again: what is between leaf and authority ends too.
const REMEMBERED_FOR: u64 = 60;
