//! One certificate for every side that speaks TLS, so that all handshakes are the same work: ECDSA on P-256.

use std::fs;
use std::path::PathBuf;

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::pki_types::CertificateDer;
use tempfile::TempDir;

use crate::Result;
use crate::drive::Trust;

/// A certificate in a directory that goes with this value.
pub(crate) struct Certificate {
    directory: TempDir,
    der: CertificateDer<'static>,
}

impl Certificate {
    /// Makes one.
    pub(crate) fn new() -> Result<Self> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let params = CertificateParams::new(vec!["bench.example".to_owned()])?;
        let certificate = params.self_signed(&key)?;
        let made = Self {
            directory: TempDir::new()?,
            der: certificate.der().clone(),
        };
        fs::write(made.chain(), certificate.pem())?;
        fs::write(made.key(), key.serialize_pem())?;
        Ok(made)
    }

    /// Returns the file of the certificate.
    pub(crate) fn chain(&self) -> PathBuf {
        self.directory.path().join("certificate.pem")
    }

    /// Returns the file of its key.
    pub(crate) fn key(&self) -> PathBuf {
        self.directory.path().join("key.pem")
    }

    /// Returns what callers believe.
    pub(crate) fn trust(&self) -> Result<Trust> {
        Trust::only(self.der.clone())
    }
}
