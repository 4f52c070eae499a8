//! The gateway's signing keys: made at first start, rotated with overlap, published as a JWK set.
//!
//! A key is published before it signs, so that whoever keeps our JWK set has seen it by then, and it proves what it
//! signed until the last of that has ended. Which key signs follows from the time alone: processes that share the
//! directory agree without talking to each other. `material` makes and names keys, `files` keeps them.

mod files;
pub mod listed;
mod material;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use parking_lot::{Mutex, RwLock};

use crate::model::instant::UnixTime;

use self::files::Stored;
use self::material::Pair;

/// The signing keys, newest first; shared, and changed as a whole.
pub struct SigningKeys {
    directory: PathBuf,
    rotation: Rotation,
    /// Held while files are read and written, so that what is kept follows what was written.
    writing: Mutex<()>,
    /// Replaced as a whole, and locked for as long as it takes to copy a pointer.
    kept: RwLock<Arc<Kept>>,
}

/// When keys are made, begin to sign and are forgotten.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// How new keys sign: RS256 or ES256.
    pub algorithm: Algorithm,
    /// For how many seconds a key signs before the next one does.
    pub period: u64,
    /// How many seconds before it signs a key is published.
    pub overlap: u64,
    /// For how many seconds what a key signed may live.
    pub lifetime: u64,
}

impl Default for Rotation {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::RS256,
            period: 90 * 86_400,
            overlap: 3_600,
            lifetime: 86_400,
        }
    }
}

/// A key that signs.
pub struct SigningKey {
    /// Its name, the RFC 7638 thumbprint.
    pub kid: String,
    /// How it signs.
    pub algorithm: Algorithm,
    /// The key.
    pub key: EncodingKey,
}

/// A key that proves what another signed.
pub struct VerifyingKey {
    /// Its name.
    pub kid: String,
    /// The only algorithm that it is used with.
    pub algorithm: Algorithm,
    /// The key.
    pub key: DecodingKey,
}

/// Why there are no signing keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A key is asked for that signs in another way.
    #[error("tokens are signed with RS256 or ES256, not {0:?}")]
    Algorithm(Algorithm),
    /// A file cannot be read or written.
    #[error("cannot use the signing keys in `{path}`")]
    File {
        /// The file or directory.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// No key could be made.
    #[error("the system made no signing key")]
    Generation,
    /// A file holds no such key.
    #[error("`{0}` holds no signing key")]
    Malformed(String),
}

impl SigningKeys {
    /// Opens the keys in a directory, and makes the first one (mode 0600) where there is none.
    ///
    /// # Errors
    ///
    /// Returns the file that cannot be used.
    pub fn open(directory: &Path, algorithm: Algorithm, now: UnixTime) -> Result<Self, KeysError> {
        let rotation = Rotation {
            algorithm,
            ..Rotation::default()
        };
        Self::open_rotating(directory, rotation, now)
    }

    /// Opens the keys in a directory, to be rotated otherwise than by default.
    ///
    /// # Errors
    ///
    /// Returns the file that cannot be used, or an algorithm that tokens are not signed with.
    pub fn open_rotating(directory: &Path, rotation: Rotation, now: UnixTime) -> Result<Self, KeysError> {
        if !matches!(rotation.algorithm, Algorithm::ES256 | Algorithm::RS256) {
            return Err(KeysError::Algorithm(rotation.algorithm));
        }
        files::prepare(directory)?;
        let kept = match Kept::load(directory, None)? {
            Some(kept) => kept,
            None => {
                // Nobody has seen a token of ours, so nobody can have an older JWK set: it signs at once.
                make(directory, rotation.algorithm, now, now)?;
                Kept::load(directory, None)?.ok_or_else(|| malformed(directory))?
            }
        };
        let keys = Self {
            directory: directory.to_owned(),
            rotation,
            writing: Mutex::new(()),
            kept: RwLock::new(Arc::new(kept)),
        };
        keys.tick(now)?;
        Ok(keys)
    }

    /// Opens keys that are there already, to look at them and nothing else; `None` where there is none.
    ///
    /// # Errors
    ///
    /// Returns the file that cannot be used.
    pub fn open_reading(directory: &Path, rotation: Rotation) -> Result<Option<Self>, KeysError> {
        let kept = if directory.is_dir() {
            Kept::load(directory, None)?
        } else {
            None
        };
        Ok(kept.map(|kept| Self {
            directory: directory.to_owned(),
            rotation,
            writing: Mutex::new(()),
            kept: RwLock::new(Arc::new(kept)),
        }))
    }

    /// Returns for how many seconds what is signed may live at most.
    pub fn lifetime(&self) -> u64 {
        self.rotation.lifetime
    }

    /// Returns the key that signs now.
    pub fn current(&self, now: UnixTime) -> Arc<SigningKey> {
        Arc::clone(&self.kept().signing(now).pair.signing)
    }

    /// Finds the key that proves what `kid` signed, while its tokens may live.
    pub fn verifying(&self, kid: &str, now: UnixTime) -> Option<Arc<VerifyingKey>> {
        let kept = self.kept();
        let entry = self.living(&kept, now).find(|entry| entry.pair.verifying.kid == kid)?;
        Some(Arc::clone(&entry.pair.verifying))
    }

    /// Returns the JWK set as JSON, the next key included before it signs.
    pub fn jwks(&self, now: UnixTime) -> Arc<str> {
        let kept = self.kept();
        let keys: Vec<_> = self.living(&kept, now).map(|entry| &entry.pair.public).collect();
        serde_json::json!({ "keys": keys }).to_string().into()
    }

    /// Makes a new key that signs from `overlap` later, so that everybody has seen it by then. Returns its name.
    ///
    /// # Errors
    ///
    /// Returns the file that cannot be written.
    pub fn rotate(&self, now: UnixTime) -> Result<String, KeysError> {
        self.add(now, now.plus(self.rotation.overlap))
    }

    /// Takes in what another process has changed, makes the next key when it is due and forgets those that prove
    /// nothing any more. To be called every few minutes.
    ///
    /// # Errors
    ///
    /// Returns the file that cannot be used; the keys stay as they were.
    pub fn tick(&self, now: UnixTime) -> Result<(), KeysError> {
        self.reload()?;
        let kept = self.kept();
        let newest = &kept.newest;
        let ends = newest.stored.signs_from.plus(self.rotation.period);
        let is_other = newest.pair.signing.algorithm != self.rotation.algorithm;
        if ends <= now.plus(self.rotation.overlap) || is_other {
            self.rotate(now)?;
        }
        self.forget(now)
    }

    /// Reads the directory again.
    ///
    /// # Errors
    ///
    /// Returns the file that cannot be used; the keys stay as they were.
    pub fn reload(&self) -> Result<(), KeysError> {
        let _writing = self.writing.lock();
        self.take_in()
    }

    fn add(&self, now: UnixTime, signs_from: UnixTime) -> Result<String, KeysError> {
        let _writing = self.writing.lock();
        let kid = make(&self.directory, self.rotation.algorithm, now, signs_from)?;
        self.take_in()?;
        Ok(kid)
    }

    fn forget(&self, now: UnixTime) -> Result<(), KeysError> {
        let _writing = self.writing.lock();
        let kept = self.kept();
        let living: Vec<_> = self.living(&kept, now).map(|entry| &entry.stored).collect();
        let mut is_changed = false;
        for entry in kept.entries().filter(|entry| !living.contains(&&entry.stored)) {
            files::remove(&self.directory, &entry.stored)?;
            is_changed = true;
        }
        if is_changed { self.take_in() } else { Ok(()) }
    }

    /// Follows the directory. `writing` is held.
    fn take_in(&self) -> Result<(), KeysError> {
        // An emptied directory is an accident: tokens go on being proven until the process ends.
        let kept = Kept::load(&self.directory, Some(&self.kept()))?.ok_or_else(|| malformed(&self.directory))?;
        *self.kept.write() = Arc::new(kept);
        Ok(())
    }

    /// Names the keys whose tokens may live, newest first. Another process may learn of a rotation as late as the
    /// new key begins to sign, and sign with the old one until then: hence the overlap on top.
    fn living<'a>(&self, kept: &'a Kept, now: UnixTime) -> impl Iterator<Item = &'a Entry> {
        let after = self.rotation.lifetime.saturating_add(self.rotation.overlap);
        let successors = std::iter::once(None).chain(kept.entries().map(Some));
        kept.entries()
            .zip(successors)
            .filter(move |(_, successor)| successor.is_none_or(|next| now < next.stored.signs_from.plus(after)))
            .map(|(entry, _)| entry)
    }

    fn kept(&self) -> Arc<Kept> {
        Arc::clone(&self.kept.read())
    }
}

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKeys")
            .field("directory", &self.directory)
            .field("rotation", &self.rotation)
            .finish_non_exhaustive()
    }
}

fn make(directory: &Path, algorithm: Algorithm, now: UnixTime, signs_from: UnixTime) -> Result<String, KeysError> {
    let made = material::generate(algorithm)?;
    let stored = Stored {
        signs_from,
        published: now,
        kid: made.pair.signing.kid.clone(),
    };
    files::write(directory, &stored, &made.pem)?;
    Ok(stored.kid)
}

fn malformed(path: &Path) -> KeysError {
    KeysError::Malformed(path.display().to_string())
}

/// The keys as the directory had them; there is always one.
struct Kept {
    newest: Entry,
    older: Vec<Entry>,
}

impl Kept {
    /// Reads a directory; a key that is known is not read again.
    fn load(directory: &Path, known: Option<&Self>) -> Result<Option<Self>, KeysError> {
        let mut stored = files::list(directory)?;
        stored.sort_by(|one, other| other.cmp(one));
        let mut entries = Vec::with_capacity(stored.len());
        for stored in stored {
            let pair = match known.and_then(|known| known.entries().find(|entry| entry.stored == stored)) {
                Some(entry) => Arc::clone(&entry.pair),
                None => Arc::new(files::read(directory, &stored)?),
            };
            entries.push(Entry { stored, pair });
        }
        let mut entries = entries.into_iter();
        Ok(entries.next().map(|newest| Self {
            newest,
            older: entries.collect(),
        }))
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        std::iter::once(&self.newest).chain(&self.older)
    }

    /// Returns the newest key that signs already; the oldest one where the clock went back behind all of them.
    fn signing(&self, now: UnixTime) -> &Entry {
        let begun = self.entries().find(|entry| entry.stored.signs_from <= now);
        begun.unwrap_or_else(|| self.older.last().unwrap_or(&self.newest))
    }
}

struct Entry {
    stored: Stored,
    pair: Arc<Pair>,
}
