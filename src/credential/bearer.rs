//! Judges an access token: by what was proven already, else by its signature, else by whoever issued it.
//!
//! What is ours is shown to no other issuer, also where a version takes none of ours: a random token is looked for in the
//! registry before anybody else is asked, and where the registry cannot be asked, nobody is.

use std::sync::Arc;

use super::jws::Compact;
use super::occasion::Occasion;
use super::statement::{Authority, Statement};
use super::{Credentials, Fetch, Flaw, Judgement, api_key, foreign, introspection, issuers, own};
use crate::registry::token::Digest;

impl Credentials {
    /// Judges an access token.
    pub fn bearer(&self, token: &str, on: &Occasion<'_>) -> Judgement {
        if token.len() > LONGEST {
            return Judgement::Unproven(Flaw::Malformed);
        }
        let digest = Digest::of(token);
        if let Some(known) = self.verified.find(&digest) {
            if known.claims.are_of(on.claims) && self.is_current(&known, on) {
                return self.stand(&known, on);
            }
            self.verified.forget(&digest);
        }
        // One that was verified is well formed, so only the others are looked at byte by byte.
        if !token.bytes().all(is_of_token) {
            return Judgement::Unproven(Flaw::Malformed);
        }
        let place = self.verified.place(digest, on);
        if let Some(flaw) = self.verified.flaw(&place, on.now) {
            return Judgement::Unproven(flaw);
        }
        match self.examine(token, digest, on) {
            Ok(statement) => {
                let statement = Arc::new(statement);
                let judgement = self.stand(&statement, on);
                if matches!(judgement, Judgement::Proven(_)) {
                    self.verified.keep(statement);
                }
                judgement
            }
            Err(Judgement::Unproven(Flaw::Signature)) => {
                // Checking it was dear, and it will not get better.
                self.verified.refuse(place, Flaw::Signature, on.now.plus(SPOILT_FOR));
                Judgement::Unproven(Flaw::Signature)
            }
            Err(judgement) => judgement,
        }
    }

    fn stand(&self, statement: &Statement, on: &Occasion<'_>) -> Judgement {
        statement.stand(&self.view, on).into()
    }

    /// Tells whether what once proved a token still does: our key or record, or the issuer and its key.
    fn is_current(&self, known: &Statement, on: &Occasion<'_>) -> bool {
        match &known.authority {
            Authority::Foreign(manager, key) => on.takes(manager) && !key.is_withdrawn(),
            Authority::Introspected(manager) => on.takes(manager) && on.now < known.until,
            Authority::Own(kid) => on.takes_own() && self.verifying(kid, on.now).is_some(),
            Authority::Registry(record) => {
                let now = self.view.token(&known.digest);
                on.takes_own() && now.is_none_or(|now| Arc::ptr_eq(&now, record))
            }
        }
    }

    /// Finds out what a token says that nobody has seen before.
    fn examine(&self, token: &str, digest: Digest, on: &Occasion<'_>) -> Result<Statement, Judgement> {
        match token.bytes().filter(|&byte| byte == b'.').count() {
            0 => self.opaque(token, digest, on),
            2 => self.signed(token, digest, on),
            _ => Err(self.ask(token, digest, on, Flaw::Malformed)),
        }
    }

    fn opaque(&self, token: &str, digest: Digest, on: &Occasion<'_>) -> Result<Statement, Judgement> {
        if token.starts_with(api_key::PREFIX) {
            return Err(Judgement::Unproven(Flaw::Malformed));
        }
        if !own::is_opaque(token) {
            return Err(self.ask(token, digest, on, Flaw::Malformed));
        }
        if self.view.is_revoked(&digest) {
            return Err(Judgement::Unproven(Flaw::Revoked));
        }
        if let Some(record) = self
            .view
            .token(&digest)
            .or_else(|| self.elsewhere.find(&digest, on.now))
        {
            return if on.takes_own() {
                Ok(own::recorded(record, digest, on.claims))
            } else {
                Err(Judgement::Unproven(Flaw::Issuer))
            };
        }
        match self.elsewhere.flaw(&digest, on.now) {
            None if self.registry.is_some() => Err(Judgement::Unknown(Fetch::Token(digest))),
            None | Some(Flaw::Unknown) => Err(self.ask(token, digest, on, Flaw::Unknown)),
            Some(flaw) => Err(Judgement::Unproven(flaw)),
        }
    }

    fn signed(&self, token: &str, digest: Digest, on: &Occasion<'_>) -> Result<Statement, Judgement> {
        let compact = Compact::parse(token)?;
        let ours = compact.kid.as_deref().and_then(|kid| self.verifying(kid, on.now));
        if let Some(key) = ours {
            if !on.takes_own() {
                return Err(Judgement::Unproven(Flaw::Issuer));
            }
            return Ok(own::signed(&compact, &key, (digest, on.claims), (&self.terms, on.now))?);
        }
        let claims = compact.claims()?;
        match foreign::manager(&claims, on)? {
            Some(manager) => {
                let key = self.issuers.prove(manager, &compact, on.now)?;
                let authority = Authority::Foreign(Arc::clone(manager), key);
                let statement = foreign::Reading::of(manager, (&claims, on.claims), on.now, self.terms.leeway);
                foreign::is_access_token(compact.kind.as_deref(), &claims)?;
                Ok(statement.statement(authority, digest)?)
            }
            // Of ours, by a key that is gone.
            None if self.is_ours(&claims) => Err(Judgement::Unproven(Flaw::Key)),
            None => Err(self.ask(token, digest, on, Flaw::Issuer)),
        }
    }

    fn is_ours(&self, claims: &serde_json::Map<String, serde_json::Value>) -> bool {
        claims.get("iss").and_then(|iss| iss.as_str()) == Some(&self.terms.issuer)
    }

    /// Has the token's issuers asked, where there are such; it is flawed otherwise.
    fn ask(&self, token: &str, digest: Digest, on: &Occasion<'_>, flaw: Flaw) -> Judgement {
        let place = self.verified.place(digest, on);
        introspection::question(token, place, on).map_or(Judgement::Unproven(flaw), Judgement::Unknown)
    }
}

/// Tells the characters of which tokens are made (RFC 6750, 2.1).
fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

/// The longest token that is looked at.
const LONGEST: usize = 16 << 10;
/// For how long a wrong signature is remembered, in seconds: the key that signed it may be shown by then.
const SPOILT_FOR: u64 = issuers::ASK_EVERY;
