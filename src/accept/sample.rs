//! Certificates for the tests of this folder.

use std::path::Path;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use time::OffsetDateTime;

use super::pair::{Pair, Pem};
use crate::settings::CertificateFiles;

/// Writes a self-signed certificate for some names.
pub(super) fn write(dir: &Path, name: &str, hostnames: &[&str]) -> CertificateFiles {
    write_from(dir, name, &params(hostnames))
}

/// Writes one that expired long ago.
pub(super) fn write_expired(dir: &Path, name: &str, hostnames: &[&str]) -> CertificateFiles {
    let mut params = params(hostnames);
    params.not_before = OffsetDateTime::UNIX_EPOCH + time::Duration::days(365 * 50);
    params.not_after = params.not_before + time::Duration::days(1);
    write_from(dir, name, &params)
}

/// Makes a believed pair without leaving files behind.
pub(super) fn pair(hostnames: &[&str]) -> Pair {
    let dir = tempfile::tempdir().unwrap();
    let files = write(dir.path(), "pair", hostnames);
    Pem::read(&files, 0)
        .unwrap()
        .believe(&files, 0, &rustls::crypto::ring::default_provider())
        .unwrap()
}

/// Reads the leaf back, as a client will see it.
pub(super) fn leaf(files: &CertificateFiles) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(&files.certificate).unwrap()
}

fn params(hostnames: &[&str]) -> CertificateParams {
    CertificateParams::new(hostnames.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
}

fn write_from(dir: &Path, name: &str, params: &CertificateParams) -> CertificateFiles {
    let key = KeyPair::generate().unwrap();
    let files = CertificateFiles {
        certificate: dir.join(format!("{name}.pem")),
        key: dir.join(format!("{name}.key")),
    };
    std::fs::write(&files.certificate, params.self_signed(&key).unwrap().pem()).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
    files
}
