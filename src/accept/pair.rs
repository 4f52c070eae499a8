//! One certificate chain and its key, read from PEM files and believed.
//!
//! Everything that is wrong with the two files is a [`Violation`] that names the file. Which pair serves which
//! handshake is decided in `sni.rs`.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::model::violation::Violation;
use crate::settings::CertificateFiles;

/// A chain and its key, and the names that the leaf was issued for.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) key: Arc<CertifiedKey>,
    /// In lower case; a wildcard as it is written, `*.example.com`.
    pub(super) hostnames: Vec<String>,
    /// What should be looked at although the pair can be served.
    pub(super) warnings: Vec<Violation>,
    /// Until when the leaf is valid, in seconds since 1970.
    pub(super) expires: i64,
}

/// The bytes of the two files.
#[derive(Debug, Eq, Hash, PartialEq)]
pub(super) struct Pem {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Pem {
    /// Reads the files of the pair that the settings list at `index`.
    pub(super) fn read(files: &CertificateFiles, index: usize) -> Result<Self, Vec<Violation>> {
        let certificate = read(&files.certificate, &format!("tls.certificates[{index}].certificate"));
        let key = read(&files.key, &format!("tls.certificates[{index}].key"));
        match (certificate, key) {
            (Ok(certificate), Ok(key)) => Ok(Self { certificate, key }),
            (certificate, key) => Err(certificate.err().into_iter().chain(key.err()).collect()),
        }
    }

    /// Believes them, or says what keeps them from being served.
    pub(super) fn believe(
        &self,
        files: &CertificateFiles,
        index: usize,
        provider: &CryptoProvider,
    ) -> Result<Pair, Vec<Violation>> {
        let at_certificate = Place {
            file: &files.certificate,
            path: format!("tls.certificates[{index}].certificate"),
        };
        let at_key = Place {
            file: &files.key,
            path: format!("tls.certificates[{index}].key"),
        };
        let chain = self.chain(&at_certificate);
        let key = self.private_key(&at_key);
        let (chain, key) = match (chain, key) {
            (Ok(chain), Ok(key)) => (chain, key),
            (chain, key) => return Err(chain.err().into_iter().chain(key.err()).collect()),
        };
        let leaf = Leaf::read(&chain).ok_or_else(|| vec![at_certificate.violation(UNREADABLE, Some(CHAIN_FIX))])?;
        let key = CertifiedKey::from_der(chain, key, provider).map_err(|error| {
            if error == Error::InconsistentKeys(InconsistentKeys::KeyMismatch) {
                let message = format!(
                    "the key does not belong to the certificate `{}`",
                    files.certificate.display()
                );
                return vec![at_key.violation(&message, Some("name the key that the certificate was requested with"))];
            }
            vec![at_key.violation(&format!("the key cannot be used: {error}"), Some(KEY_FIX))]
        })?;
        let warnings = leaf.warnings(&at_certificate);
        Ok(Pair {
            key: Arc::new(key),
            hostnames: leaf.hostnames,
            warnings,
            expires: leaf.expires,
        })
    }

    fn chain(&self, place: &Place<'_>) -> Result<Vec<CertificateDer<'static>>, Violation> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        match chain {
            Ok(chain) if !chain.is_empty() => Ok(chain),
            Ok(_) => Err(place.violation("no certificate in this file", Some(CHAIN_FIX))),
            Err(error) => Err(place.violation(&format!("not readable as PEM: {error}"), Some(CHAIN_FIX))),
        }
    }

    fn private_key(&self, place: &Place<'_>) -> Result<PrivateKeyDer<'static>, Violation> {
        PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| {
            if matches!(error, pem::Error::NoItemsFound) {
                return place.violation("no private key in this file", Some(KEY_FIX));
            }
            place.violation(&format!("not readable as PEM: {error}"), Some(KEY_FIX))
        })
    }
}

/// What is needed of a leaf certificate.
struct Leaf {
    hostnames: Vec<String>,
    starts: i64,
    expires: i64,
}

impl Leaf {
    fn read(chain: &[CertificateDer<'_>]) -> Option<Self> {
        let (_, leaf) = X509Certificate::from_der(chain.first()?).ok()?;
        let names = leaf.subject_alternative_name().ok()?;
        let names = names.iter().flat_map(|names| &names.value.general_names);
        let hostnames = names.filter_map(|name| {
            let GeneralName::DNSName(name) = name else { return None };
            Some(name.to_ascii_lowercase())
        });
        let validity = leaf.validity();
        Some(Self {
            hostnames: hostnames.collect(),
            starts: validity.not_before.timestamp(),
            expires: validity.not_after.timestamp(),
        })
    }

    fn warnings(&self, place: &Place<'_>) -> Vec<Violation> {
        let now = time::OffsetDateTime::now_utc().unix_timestamp();
        let mut warnings = Vec::new();
        if self.expires < now {
            let message = format!("the certificate expired on {}", day(self.expires));
            warnings.push(place.violation(&message, Some("renew it; clients that verify it refuse it")));
        }
        if self.starts > now {
            let message = format!("the certificate is not valid before {}", day(self.starts));
            warnings.push(place.violation(&message, Some("check the machine's clock")));
        }
        warnings
    }
}

fn day(timestamp: i64) -> String {
    time::OffsetDateTime::from_unix_timestamp(timestamp)
        .map_or_else(|_| timestamp.to_string(), |at| at.date().to_string())
}

fn read(file: &Path, path: &str) -> Result<Vec<u8>, Violation> {
    std::fs::read(file).map_err(|error| {
        let place = Place {
            file,
            path: path.to_owned(),
        };
        place.violation(&format!("cannot be read: {error}"), None)
    })
}

struct Place<'a> {
    file: &'a Path,
    path: String,
}

impl Place<'_> {
    fn violation(&self, message: &str, fix: Option<&str>) -> Violation {
        Violation {
            file: self.file.display().to_string(),
            line: 0,
            column: 0,
            path: self.path.clone(),
            message: message.to_owned(),
            fix: fix.map(str::to_owned),
        }
    }
}

const UNREADABLE: &str = "the first certificate is not readable as X.509";
const CHAIN_FIX: &str = "give the chain as PEM (`BEGIN CERTIFICATE`), the leaf first";
const KEY_FIX: &str = "give an unencrypted PKCS#8, PKCS#1 or SEC1 key as PEM";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accept::sample;

    fn believe(files: &CertificateFiles) -> Result<Pair, Vec<Violation>> {
        Pem::read(files, 0)?.believe(files, 0, &rustls::crypto::ring::default_provider())
    }

    #[test]
    fn the_names_of_a_certificate_are_those_it_was_issued_for() {
        let dir = tempfile::tempdir().unwrap();
        let files = sample::write(dir.path(), "a", &["API.example.com", "*.example.org", "127.0.0.1"]);
        let pair = believe(&files).unwrap();
        assert_eq!(pair.hostnames, ["api.example.com", "*.example.org"]);
        assert!(pair.warnings.is_empty());
    }

    #[test]
    fn both_missing_files_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let files = CertificateFiles {
            certificate: dir.path().join("a.pem"),
            key: dir.path().join("a.key"),
        };
        let violations = believe(&files).unwrap_err();
        let named: Vec<_> = violations.iter().map(|violation| violation.path.as_str()).collect();
        assert_eq!(named, ["tls.certificates[0].certificate", "tls.certificates[0].key"]);
        assert!(violations[0].file.ends_with("a.pem") && violations[1].file.ends_with("a.key"));
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let a = sample::write(dir.path(), "a", &["a.example"]);
        let b = sample::write(dir.path(), "b", &["b.example"]);
        let crossed = CertificateFiles {
            certificate: a.certificate,
            key: b.key,
        };
        let violations = believe(&crossed).unwrap_err();
        assert_eq!(violations.len(), 1);
        assert!(
            violations[0]
                .message
                .starts_with("the key does not belong to the certificate"),
            "{violations:?}"
        );
        assert!(violations[0].file.ends_with("b.key"));
    }

    #[test]
    fn files_that_hold_something_else_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let files = sample::write(dir.path(), "a", &["a.example"]);
        let swapped = CertificateFiles {
            certificate: files.key.clone(),
            key: files.certificate.clone(),
        };
        let messages: Vec<_> = believe(&swapped)
            .unwrap_err()
            .into_iter()
            .map(|violation| violation.message)
            .collect();
        assert_eq!(messages, ["no certificate in this file", "no private key in this file"]);
        std::fs::write(
            &files.certificate,
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        )
        .unwrap();
        assert_eq!(believe(&files).unwrap_err()[0].message, UNREADABLE);
    }

    #[test]
    fn an_expired_certificate_is_served_with_a_warning() {
        let dir = tempfile::tempdir().unwrap();
        let files = sample::write_expired(dir.path(), "old", &["old.example"]);
        let pair = believe(&files).unwrap();
        assert_eq!(pair.warnings.len(), 1);
        assert!(
            pair.warnings[0].message.starts_with("the certificate expired on 2"),
            "{:?}",
            pair.warnings
        );
    }
}
