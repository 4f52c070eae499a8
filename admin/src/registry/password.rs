//! Passwords: argon2id, and never more of them at once than the machine can bear.
//!
//! A hash takes 19 MiB and tens of milliseconds by design. So few are computed at a time, few wait for it, and the rest
//! is refused at once: guessing neither exhausts the memory nor keeps the gateway from its requests.

use std::sync::Arc;
use std::thread::available_parallelism;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use super::rule::invalid;
use super::{RegistryError, Result};

/// Where passwords are hashed.
#[derive(Debug)]
pub(super) struct Passwords {
    admitted: Semaphore,
    slots: Arc<Semaphore>,
}

impl Passwords {
    /// Hashes a new password.
    pub(super) async fn hash(&self, password: &str) -> Result<String> {
        believe(password)?;
        let password = password.to_owned();
        let hash = self.work(move || argon2()?.hash_password(password.as_bytes()));
        let hash = hash.await?.map_err(|_| invalid("this password cannot be hashed"))?;
        Ok(hash.to_string())
    }

    /// Tells whether a password has a hash; without one it takes as long and tells no.
    pub(super) async fn verify(&self, password: &str, hash: Option<String>) -> Result<bool> {
        if password.len() > LONGEST {
            return Ok(false);
        }
        let password = password.to_owned();
        self.work(move || {
            let is_known = hash.is_some();
            let hash = hash.as_deref().unwrap_or(NOBODYS);
            let hash = PasswordHash::new(hash)?;
            let is_right = argon2()?.verify_password(password.as_bytes(), &hash).is_ok();
            Ok::<_, argon2::password_hash::Error>(is_right && is_known)
        })
        .await
        // A hash that cannot be read is nobody's.
        .map(|verdict| verdict.unwrap_or(false))
    }

    /// Works on a blocking thread, when there is room.
    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let _admitted = self.admitted.try_acquire().map_err(|_| RegistryError::Overloaded)?;
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        let slot = slot.map_err(|_| RegistryError::Overloaded)?;
        let done = tokio::task::spawn_blocking(move || {
            // Held by the work, not by who waits for it: that one may go away.
            let _slot = slot;
            work()
        });
        done.await.map_err(|_| RegistryError::Overloaded)
    }
}

impl Default for Passwords {
    fn default() -> Self {
        let half = available_parallelism().map_or(1, |cores| cores.get().div_ceil(2));
        Self {
            admitted: Semaphore::new(WAITING),
            slots: Arc::new(Semaphore::new(half.min(MOST_AT_ONCE))),
        }
    }
}

/// Refuses a password that nobody should have, without repeating it.
pub(super) fn believe(password: &str) -> Result<()> {
    if password.chars().count() < SHORTEST || password.len() > LONGEST {
        return Err(invalid(format!(
            "a password has at least {SHORTEST} characters and at most {LONGEST} bytes"
        )));
    }
    Ok(())
}

/// Argon2id as OWASP has it: 19 MiB, two passes, one lane.
fn argon2() -> argon2::password_hash::Result<Argon2<'static>> {
    let params = Params::new(19_456, 2, 1, None)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// A hash of no password, which takes as long to compare as any.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LWlzLWhlcmUtMQ$bm8tcGFzc3dvcmQtaGFzLXRoaXMtaGFzaC1hdC1hbGw";

const SHORTEST: usize = 8;
const LONGEST: usize = 256;
const MOST_AT_ONCE: usize = 4;
const WAITING: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_alone() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, passwords.hash("correct horse").await.unwrap());
        assert!(passwords.verify("correct horse", Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("wrong horse", Some(hash)).await.unwrap());
        assert!(!passwords.verify("correct horse", None).await.unwrap());
        assert!(
            !passwords
                .verify("correct horse", Some("nonsense".to_owned()))
                .await
                .unwrap()
        );
    }

    #[test]
    fn the_hash_for_nobody_costs_what_a_real_one_does() {
        let hash = PasswordHash::new(NOBODYS).unwrap();
        let real = argon2().unwrap().hash_password(b"correct horse").unwrap();
        assert_eq!(hash.params.to_string(), real.params.to_string());
        assert_eq!(hash.algorithm, real.algorithm);
    }

    #[tokio::test]
    async fn a_password_is_neither_short_nor_endless() {
        let passwords = Passwords::default();
        for bad in ["", "1234567", &"x".repeat(257)] {
            let error = passwords.hash(bad).await.unwrap_err();
            assert!(matches!(&error, RegistryError::Invalid(_)), "{error}");
            assert!(bad.is_empty() || !error.to_string().contains(bad));
            assert!(!passwords.verify(bad, None).await.unwrap());
        }
    }

    #[tokio::test]
    async fn one_more_than_may_wait_is_refused_at_once() {
        let passwords = Passwords::default();
        let _all = passwords.admitted.acquire_many(WAITING as u32).await.unwrap();
        let refused = passwords.verify("correct horse", None).await;
        assert!(matches!(refused, Err(RegistryError::Overloaded)));
    }
}
