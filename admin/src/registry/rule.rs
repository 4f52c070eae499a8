//! Rules that several nouns share: what a text may be, and what a broken rule of the database means.

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::{RegistryError, Result};

/// Refuses a text that is not 1 to `most` printable characters, the first and the last no space.
pub(super) fn label(what: &str, text: &str, most: usize) -> Result<()> {
    let is_label =
        (1..=most).contains(&text.chars().count()) && text.trim() == text && !text.contains(char::is_control);
    is_label.then_some(()).ok_or_else(|| {
        invalid(format!(
            "{what} is 1 to {most} printable characters, the first and the last no space"
        ))
    })
}

/// Refuses a text that is not `least` to `most` visible ASCII characters. The text is not repeated: it may be a secret.
pub(super) fn visible(what: &str, text: &str, least: usize, most: usize) -> Result<()> {
    let is_visible = (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_visible
        .then_some(())
        .ok_or_else(|| invalid(format!("{what} is {least} to {most} visible ASCII characters")))
}

/// Refuses more than `most` of something.
pub(super) fn at_most<T>(what: &str, things: &[T], most: usize) -> Result<()> {
    (things.len() <= most)
        .then_some(())
        .ok_or_else(|| invalid(format!("there may be {most} {what}")))
}

pub(super) fn invalid(sentence: impl Into<String>) -> RegistryError {
    RegistryError::Invalid(sentence.into())
}

/// Makes the error of a statement one of ours: `taken` exists already, or `absent` does not.
pub(super) fn broken(
    error: sqlx::Error,
    taken: impl FnOnce() -> String,
    absent: impl FnOnce() -> String,
) -> RegistryError {
    match error.as_database_error() {
        Some(cause) if cause.is_unique_violation() => RegistryError::Conflict(taken()),
        Some(cause) if cause.is_foreign_key_violation() => RegistryError::Missing(absent()),
        _ => RegistryError::Unavailable(error),
    }
}

/// Returns random bytes in base64url.
pub(super) fn random<const BYTES: usize>() -> Result<String> {
    let mut bytes = [0; BYTES];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| sqlx::Error::Io(std::io::Error::other("the system gives no random bytes")))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}
