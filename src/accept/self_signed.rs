//! The certificate that is made when none is given, so that HTTPS answers on a clean machine.
//!
//! It lives in `<data>/tls/`, is readable by its owner only, and is kept as long as it can be used.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::crypto::CryptoProvider;
use thiserror::Error;
use time::{Duration, OffsetDateTime};
use tracing::info;

use super::pair::Pem;
use crate::model::violation::Violation;
use crate::settings::CertificateFiles;

/// Returns the files of the self-signed certificate below the data directory, after making them where they are
/// missing, unreadable or about to expire.
pub(super) fn ensure(data: &Path, provider: &CryptoProvider) -> Result<CertificateFiles, Violation> {
    let dir = data.join("tls");
    let files = CertificateFiles {
        certificate: dir.join("self-signed.pem"),
        key: dir.join("self-signed.key"),
    };
    let kept = Pem::read(&files, 0).and_then(|pem| pem.believe(&files, 0, provider));
    let enough = (OffsetDateTime::now_utc() + MARGIN).unix_timestamp();
    if kept.is_ok_and(|pair| pair.expires > enough) {
        return Ok(files);
    }
    make(&dir, &files).map_err(|error| Violation {
        file: dir.display().to_string(),
        line: 0,
        column: 0,
        path: "data.dir".to_owned(),
        message: format!("the self-signed certificate cannot be kept here: {error}"),
        fix: Some("make the directory writable, or state `tls.certificates`".to_owned()),
    })?;
    info!(certificate = %files.certificate.display(), "self-signed certificate made");
    Ok(files)
}

#[derive(Debug, Error)]
enum MakeError {
    #[error(transparent)]
    Certificate(#[from] rcgen::Error),
    #[error(transparent)]
    Store(#[from] io::Error),
}

fn make(dir: &Path, files: &CertificateFiles) -> Result<(), MakeError> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
    params
        .distinguished_name
        .push(DnType::CommonName, "Tollgate self-signed");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // A day back, for clients whose clock is behind.
    params.not_before = OffsetDateTime::now_utc() - Duration::DAY;
    params.not_after = params.not_before + LIFE;
    let certificate = params.self_signed(&key)?;
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    // The key first: a crash in between leaves two files that do not fit, and the next start makes both anew.
    write(&files.key, &key.serialize_pem())?;
    write(&files.certificate, &certificate.pem())?;
    Ok(())
}

/// Writes beside and renames, so that nobody reads half a file.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// The longest life that every client accepts.
const LIFE: Duration = Duration::days(825);
/// One that is this close to its end is replaced.
const MARGIN: Duration = Duration::days(30);

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn ensured(data: &Path) -> CertificateFiles {
        ensure(data, &rustls::crypto::ring::default_provider()).unwrap()
    }

    #[test]
    fn it_is_made_once_and_only_its_owner_reads_it() {
        let data = tempfile::tempdir().unwrap();
        let files = ensured(data.path());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&files.key), mode(&files.certificate)), (0o600, 0o600));
        assert_eq!(mode(files.key.parent().unwrap()), 0o700);
        let first = fs::read(&files.certificate).unwrap();
        assert_eq!(fs::read(ensured(data.path()).certificate).unwrap(), first);
    }

    #[test]
    fn one_that_cannot_be_used_is_replaced() {
        let data = tempfile::tempdir().unwrap();
        let files = ensured(data.path());
        let first = fs::read(&files.certificate).unwrap();
        fs::write(&files.key, "not a key").unwrap();
        ensured(data.path());
        assert_ne!(fs::read(&files.certificate).unwrap(), first);
    }

    #[test]
    fn a_directory_that_cannot_be_written_is_named() {
        let data = tempfile::NamedTempFile::new().unwrap();
        let violation = ensure(data.path(), &rustls::crypto::ring::default_provider()).unwrap_err();
        assert!(
            violation
                .message
                .starts_with("the self-signed certificate cannot be kept here"),
            "{violation:?}"
        );
    }
}
