//! The signing keys as people look at them.

use jsonwebtoken::Algorithm;

use super::SigningKeys;
use crate::model::instant::UnixTime;

/// A signing key as people look at it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listed {
    /// Its name.
    pub kid: String,
    /// How it signs.
    pub algorithm: Algorithm,
    /// When it begins to sign, or began.
    pub signs_from: UnixTime,
    /// Whether it is the one that signs now.
    pub is_current: bool,
}

impl SigningKeys {
    /// Lists the keys whose tokens may live, and the next one, newest first.
    pub fn list(&self, now: UnixTime) -> Vec<Listed> {
        let kept = self.kept();
        let current = &kept.signing(now).stored;
        let listed = self.living(&kept, now).map(|entry| Listed {
            kid: entry.stored.kid.clone(),
            algorithm: entry.pair.signing.algorithm,
            signs_from: entry.stored.signs_from,
            is_current: entry.stored == *current,
        });
        listed.collect()
    }
}
