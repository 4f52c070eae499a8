//! The gateway's signing keys: made at first start, rotated with overlap, published as a JWK set.

use std::path::Path;
use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};

use crate::model::instant::UnixTime;

/// The signing keys, newest first; shared, and changed as a whole.
#[derive(Debug)]
pub struct SigningKeys {}

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
    /// A file cannot be read or written.
    #[error("cannot use the signing keys in `{path}`")]
    File {
        /// The file or directory.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
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
    pub fn open(_directory: &Path, _algorithm: Algorithm, _now: UnixTime) -> Result<Self, KeysError> {
        todo!()
    }

    /// Returns the key that signs now.
    pub fn current(&self, _now: UnixTime) -> Arc<SigningKey> {
        todo!()
    }

    /// Finds the key that proves what `kid` signed, while its tokens may live.
    pub fn verifying(&self, _kid: &str, _now: UnixTime) -> Option<Arc<VerifyingKey>> {
        None
    }

    /// Returns the JWK set as JSON, the next key included before it signs.
    pub fn jwks(&self, _now: UnixTime) -> Arc<str> {
        todo!()
    }

    /// Makes a new key that signs from `overlap` later, so that everybody has seen it by then.
    ///
    /// # Errors
    ///
    /// Returns the file that cannot be written.
    pub fn rotate(&self, _now: UnixTime) -> Result<String, KeysError> {
        todo!()
    }
}
