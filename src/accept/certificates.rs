//! The TLS configuration that handshakes use, and its replacement when certificate files change.
//!
//! A handshake takes the configuration that is current when it begins; connections keep what they began with. A
//! replacement is believed whole before it is swapped in: a bad one leaves the old one serving and is logged once.
//!
//! There are two of it, and what is served when a handshake begins decides which one it gets: one asks the client for a
//! certificate, at which browsers bother people, the other does not. Each has tickets of its own, so that no session
//! that began without being asked is resumed where a certificate is wanted.

use std::fmt;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use pingora_core::server::ShutdownWatch;
use rustls::crypto::CryptoProvider;
use rustls::server::ServerConfig;
use rustls::version::{TLS12, TLS13};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use super::pair::{Pair, Pem};
use super::possession::Possession;
use super::self_signed;
use super::sni::ByName;
use crate::model::violation::Violation;
use crate::settings::{CertificateFiles, Tls};
use crate::snapshot::live::Live;

/// The certificates of the gateway, as handshakes use them now.
pub struct Certificates {
    files: Vec<CertificateFiles>,
    live: Live<Configurations>,
    seen: Mutex<Seen>,
    observe: Box<Observe>,
}

/// Is told what keeps changed files from being served, and, with nothing, that they are served.
pub type Observe = dyn Fn(&[Violation]) + Send + Sync;

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates")
            .field("files", &self.files)
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

/// One set of certificates, with and without a question for the client's.
struct Configurations {
    asking: Arc<ServerConfig>,
    silent: Arc<ServerConfig>,
}

/// What is known of the files.
#[derive(Debug)]
struct Seen {
    stamps: Vec<Stamp>,
    content: u64,
    doubt: Doubt,
}

/// What a look at a file tells without reading it; `None` where there is none.
type Stamp = Option<(SystemTime, u64, u64)>;

/// Whether the files as they are now can be served.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Doubt {
    /// They are being served.
    None,
    /// They cannot be, perhaps because somebody has written only one of two files yet.
    Suspected,
    /// They cannot be, and that was said.
    Known,
}

impl Certificates {
    /// Loads what the settings list, or makes a self-signed certificate in the data directory where they list none.
    ///
    /// # Errors
    ///
    /// Returns everything that keeps a listed certificate from being served.
    pub fn open(tls: &Tls, data: &Path, observe: Box<Observe>) -> Result<Arc<Self>, Vec<Violation>> {
        let files = match tls.certificates.as_slice() {
            [] => vec![self_signed::ensure(data, &provider()).map_err(|violation| vec![violation])?],
            listed => listed.to_vec(),
        };
        let stamps = stamps(&files);
        let (config, content, warnings) = load(&files)?;
        tell(&warnings);
        let seen = Mutex::new(Seen {
            stamps,
            content,
            doubt: Doubt::None,
        });
        Ok(Arc::new(Self {
            files,
            live: Live::new(config),
            seen,
            observe,
        }))
    }

    /// Returns the configuration for the next handshake, which asks for a certificate or does not.
    pub fn current(&self, asks: bool) -> Arc<ServerConfig> {
        let live = self.live.current();
        Arc::clone(if asks { &live.asking } else { &live.silent })
    }

    /// Reads the files now and swaps them in when they changed; says whether they did.
    ///
    /// # Errors
    ///
    /// Returns everything that keeps them from being served; the old ones stay.
    pub fn reload_now(&self) -> Result<bool, Vec<Violation>> {
        let mut seen = self.seen.lock();
        seen.stamps = stamps(&self.files);
        let reloaded = self.reload(&mut seen);
        self.settle(&mut seen, reloaded.as_ref().err().map_or(&[], Vec::as_slice));
        reloaded
    }

    /// Looks at the files every second and swaps them in when they changed, until the process stops.
    pub async fn watch(self: Arc<Self>, mut shutdown: ShutdownWatch) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = shutdown.wait_for(|stopping| *stopping) => return,
            }
            let certificates = self.clone();
            if tokio::task::spawn_blocking(move || certificates.look()).await.is_err() {
                return;
            }
        }
    }

    /// Looks once; a change that cannot be served is said at the second look, unless the files changed again.
    fn look(&self) {
        let mut seen = self.seen.lock();
        let stamps = stamps(&self.files);
        let changed = stamps != seen.stamps;
        if !changed && seen.doubt != Doubt::Suspected {
            return;
        }
        seen.stamps = stamps;
        match self.reload(&mut seen) {
            Ok(_) => self.settle(&mut seen, &[]),
            Err(_) if changed => seen.doubt = Doubt::Suspected,
            Err(violations) => {
                self.settle(&mut seen, &violations);
                tell(&violations);
                warn!("changed tls certificates refused, the old ones stay");
            }
        }
    }

    /// Notes what is known of the files now, and tells it.
    fn settle(&self, seen: &mut Seen, refused: &[Violation]) {
        seen.doubt = if refused.is_empty() { Doubt::None } else { Doubt::Known };
        (self.observe)(refused);
    }

    fn reload(&self, seen: &mut Seen) -> Result<bool, Vec<Violation>> {
        let (config, content, warnings) = load(&self.files)?;
        if content == seen.content {
            return Ok(false);
        }
        tell(&warnings);
        self.live.replace(config);
        seen.content = content;
        info!(certificates = self.files.len(), "tls certificates replaced");
        Ok(true)
    }
}

/// Says what is wrong with the listed certificates without serving or making any: the warnings, when they can be
/// served.
///
/// # Errors
///
/// Returns everything that keeps a listed certificate from being served.
pub fn examine(tls: &Tls) -> Result<Vec<Violation>, Vec<Violation>> {
    load(&tls.certificates).map(|(_, _, warnings)| warnings)
}

fn load(files: &[CertificateFiles]) -> Result<(Configurations, u64, Vec<Violation>), Vec<Violation>> {
    let provider = Arc::new(provider());
    let mut hasher = DefaultHasher::new();
    let mut pairs = Vec::with_capacity(files.len());
    let mut violations = Vec::new();
    for (index, files) in files.iter().enumerate() {
        let pair = Pem::read(files, index).and_then(|pem| {
            pem.hash(&mut hasher);
            pem.believe(files, index, &provider)
        });
        match pair {
            Ok(pair) => pairs.push(pair),
            Err(found) => violations.extend(found),
        }
    }
    if !violations.is_empty() {
        return Err(violations);
    }
    let configurations = Configurations::new(&pairs, &provider).map_err(|error| vec![unusable(&error)])?;
    let warnings = pairs.into_iter().flat_map(|pair| pair.warnings).collect();
    Ok((configurations, hasher.finish(), warnings))
}

impl Configurations {
    fn new(pairs: &[Pair], provider: &Arc<CryptoProvider>) -> Result<Self, rustls::Error> {
        let by_name = Arc::new(ByName::new(pairs));
        let builder = || {
            // The provider is named: another crate that brings a second one would make the process's default ambiguous.
            ServerConfig::builder_with_provider(Arc::clone(provider)).with_protocol_versions(&[&TLS13, &TLS12])
        };
        let possession = Possession::new(Arc::clone(provider));
        let asking = builder()?.with_client_cert_verifier(possession);
        let silent = builder()?.with_no_client_auth();
        Ok(Self {
            asking: finished(asking.with_cert_resolver(by_name.clone()))?,
            silent: finished(silent.with_cert_resolver(by_name))?,
        })
    }
}

fn finished(mut config: ServerConfig) -> Result<Arc<ServerConfig>, rustls::Error> {
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // A handshake costs six requests. New certificates come with new ticket keys, so none is resumed past them.
    config.ticketer = rustls::crypto::ring::Ticketer::new()?;
    Ok(Arc::new(config))
}

fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

fn unusable(error: &rustls::Error) -> Violation {
    Violation {
        file: String::new(),
        line: 0,
        column: 0,
        path: "tls".to_owned(),
        message: format!("tls cannot be set up: {error}"),
        fix: None,
    }
}

fn tell(violations: &[Violation]) {
    for violation in violations {
        warn!(file = violation.file, path = violation.path, "{}", violation.message);
    }
}

fn stamps(files: &[CertificateFiles]) -> Vec<Stamp> {
    let paths = files.iter().flat_map(|files| [&files.certificate, &files.key]);
    paths.map(stamp).collect()
}

fn stamp(path: &PathBuf) -> Stamp {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
}

const EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accept::sample;

    fn open(files: &[&CertificateFiles]) -> Arc<Certificates> {
        let tls = Tls {
            certificates: files.iter().map(|files| (*files).clone()).collect(),
        };
        Certificates::open(&tls, Path::new("/nonexistent"), Box::new(|_| {})).unwrap()
    }

    fn replace(files: &CertificateFiles, by: &CertificateFiles) {
        fs::rename(&by.certificate, &files.certificate).unwrap();
        fs::rename(&by.key, &files.key).unwrap();
    }

    #[test]
    fn every_problem_of_every_certificate_is_reported_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let good = sample::write(dir.path(), "good", &["good.example"]);
        let missing = CertificateFiles {
            certificate: dir.path().join("x.pem"),
            key: good.key.clone(),
        };
        let crossed = CertificateFiles {
            certificate: good.certificate.clone(),
            key: sample::write(dir.path(), "other", &["other.example"]).key,
        };
        let violations = examine(&Tls {
            certificates: vec![good, missing, crossed],
        })
        .unwrap_err();
        let paths: Vec<_> = violations.iter().map(|violation| violation.path.as_str()).collect();
        assert_eq!(paths, ["tls.certificates[1].certificate", "tls.certificates[2].key"]);
    }

    #[test]
    fn a_changed_file_is_swapped_in_and_an_unchanged_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let files = sample::write(dir.path(), "a", &["a.example"]);
        let certificates = open(&[&files]);
        let first = certificates.current(false);
        assert_eq!(certificates.reload_now(), Ok(false));
        let touched = fs::read(&files.certificate).unwrap();
        fs::write(&files.certificate, touched).unwrap();
        certificates.look();
        assert!(
            Arc::ptr_eq(&first, &certificates.current(false)),
            "same content, same configuration"
        );
        replace(&files, &sample::write(dir.path(), "b", &["b.example"]));
        certificates.look();
        assert!(!Arc::ptr_eq(&first, &certificates.current(false)));
    }

    #[test]
    fn a_bad_replacement_leaves_the_old_one_and_a_later_good_one_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let files = sample::write(dir.path(), "a", &["a.example"]);
        let certificates = open(&[&files]);
        let first = certificates.current(false);
        let next = sample::write(dir.path(), "b", &["b.example"]);
        fs::rename(&next.certificate, &files.certificate).unwrap();
        certificates.look();
        assert_eq!(
            certificates.seen.lock().doubt,
            Doubt::Suspected,
            "half of a change is not yet a fault"
        );
        certificates.look();
        assert_eq!(certificates.seen.lock().doubt, Doubt::Known);
        assert_eq!(certificates.reload_now().unwrap_err().len(), 1);
        assert!(Arc::ptr_eq(&first, &certificates.current(false)));
        fs::rename(&next.key, &files.key).unwrap();
        certificates.look();
        assert!(!Arc::ptr_eq(&first, &certificates.current(false)));
        assert_eq!(certificates.seen.lock().doubt, Doubt::None);
    }
}
