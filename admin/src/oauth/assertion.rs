//! What an assertion's claims must say beside its signature (RFC 7523, 3): for us, now, soon over, and once.

use serde_json::{Map, Value};

use super::authority::Authority;
use crate::model::instant::UnixTime;

/// An assertion that is for us and of now; its name is not yet taken.
#[derive(Debug)]
pub struct Assertion {
    /// Who made it.
    pub issuer: String,
    /// Whom it is about.
    pub subject: String,
    jti: Option<String>,
    expires: UnixTime,
}

impl Assertion {
    /// Believes claims whose signature was proven. It must end within so many seconds.
    pub fn believe(claims: &Map<String, Value>, authority: &Authority, longest: u64) -> Option<Self> {
        let now = authority.now();
        let expires = moment(claims, "exp")??;
        let is_of_now = expires > now
            && expires <= now.plus(longest.saturating_add(SKEW))
            && ["nbf", "iat"].iter().all(|name| {
                // A moment that cannot be read is none that has come.
                moment(claims, name).is_none_or(|at| at.is_some_and(|at| at <= now.plus(SKEW)))
            });
        if !is_of_now || !is_for_us(claims.get("aud")?, authority) {
            return None;
        }
        Some(Self {
            issuer: text(claims, "iss")?,
            subject: text(claims, "sub")?,
            jti: match claims.get("jti") {
                None => None,
                Some(_) => Some(text(claims, "jti")?),
            },
            expires,
        })
    }

    /// Tells whether it has a name.
    pub fn is_named(&self) -> bool {
        self.jti.is_some()
    }

    /// Takes its name; `false` when it was taken before. One without a name is told by all of its text.
    pub fn take(&self, token: &str, authority: &Authority) -> bool {
        let name = self.jti.as_deref().unwrap_or(token);
        authority.replay.take(&self.issuer, name, self.expires, authority.now())
    }
}

fn is_for_us(audience: &Value, authority: &Authority) -> bool {
    match audience {
        Value::String(one) => authority.settings.is_audience(one),
        Value::Array(several) => several
            .iter()
            .any(|one| one.as_str().is_some_and(|one| authority.settings.is_audience(one))),
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::Object(_) => false,
    }
}

fn text(claims: &Map<String, Value>, name: &str) -> Option<String> {
    let text = claims.get(name)?.as_str()?;
    (!text.is_empty() && text.len() <= LONGEST_TEXT).then(|| text.to_owned())
}

/// Reads a moment: `None` where there is none, `Some(None)` where it is not one. Fractions end early.
fn moment(claims: &Map<String, Value>, name: &str) -> Option<Option<UnixTime>> {
    let number = claims.get(name)?;
    let whole = number.as_u64().or_else(|| {
        let fraction = number.as_f64().filter(|number| (0.0..MOST_SECONDS).contains(number))?;
        // Within the bounds above nothing is lost but the fraction.
        format!("{fraction:.0}").parse().ok()
    });
    Some(whole.map(UnixTime))
}

/// How far the clocks of others may be off, in seconds.
const SKEW: u64 = 30;

/// The year 9999; a time beyond it is nonsense.
const MOST_SECONDS: f64 = 253_402_300_800.0;

/// Longer than any name.
const LONGEST_TEXT: usize = 1_024;
