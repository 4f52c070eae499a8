//! What the tokens of other issuers claim, and the answers of those who are asked: claim names are the key manager's.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::Flaw;
use super::claims::{Claims as Kept, Wanted};
use super::jws::text;
use super::occasion::Occasion;
use super::own::thumbprint;
use super::statement::{Authority, Statement, scopes};
use crate::model::instant::UnixTime;
use crate::model::key_manager::{IssuerKeys, KeyManager};
use crate::registry::token::Digest;
use crate::registry::user::UserName;

type Claims = Map<String, Value>;

/// Finds the key manager whose signed tokens name this issuer, byte by byte, among those that the version takes.
pub(super) fn manager<'a>(claims: &Claims, on: &Occasion<'a>) -> Result<Option<&'a Arc<KeyManager>>, Flaw> {
    let Some(issuer) = text(claims, "iss")? else {
        return Ok(None);
    };
    Ok(on
        .taken()
        .find(|manager| manager.issuer == issuer && manager.keys != IssuerKeys::None))
}

/// Refuses what an issuer signs beside access tokens: whoever may read an id_token is not its bearer (RFC 8725, 3.11).
pub(super) fn is_access_token(kind: Option<&str>, claims: &Claims) -> Result<(), Flaw> {
    match kind {
        Some("at+jwt") => return Ok(()),
        None | Some("jwt") => {}
        Some(_) => return Err(Flaw::Malformed),
    }
    // Keycloak names the kind among the claims; the others are of id_tokens alone (OpenID Connect Core, 2 and 3.3.2.11).
    let stated = claims.get("typ").and_then(Value::as_str);
    let is_other =
        stated.is_some_and(|stated| !stated.eq_ignore_ascii_case("bearer") && !stated.eq_ignore_ascii_case("jwt"));
    let is_id_token = ["nonce", "at_hash", "c_hash", "events"]
        .iter()
        .any(|name| claims.contains_key(*name));
    if is_other || is_id_token {
        Err(Flaw::Malformed)
    } else {
        Ok(())
    }
}

/// The claims of a token, read by the names of its key manager.
pub(super) struct Reading<'a> {
    manager: &'a KeyManager,
    claims: &'a Claims,
    wanted: &'a Wanted,
    now: UnixTime,
    leeway: u64,
}

impl<'a> Reading<'a> {
    pub(super) fn of(
        manager: &'a KeyManager,
        (claims, wanted): (&'a Claims, &'a Wanted),
        now: UnixTime,
        leeway: u64,
    ) -> Self {
        Self {
            manager,
            claims,
            wanted,
            now,
            leeway,
        }
    }

    /// Says what a token claims that states when it ends.
    pub(super) fn statement(&self, authority: Authority, digest: Digest) -> Result<Statement, Flaw> {
        let expires = self.time("exp")?.ok_or(Flaw::Malformed)?;
        self.until(authority, digest, expires, expires.plus(self.leeway))
    }

    /// Says what a token claims that ends then, and that is to be verified anew at `until`.
    pub(super) fn until(
        &self,
        authority: Authority,
        digest: Digest,
        expires: UnixTime,
        until: UnixTime,
    ) -> Result<Statement, Flaw> {
        self.is_for_us()?;
        let latest = self.now.plus(self.leeway);
        let issued = self.time("iat")?;
        if issued.is_some_and(|issued| issued > latest) || self.time("nbf")?.is_some_and(|begins| begins > latest) {
            return Err(Flaw::NotYet);
        }
        if self.now >= expires.plus(self.leeway) {
            return Err(Flaw::Expired);
        }
        let client = self.client()?;
        let subject = match text(self.claims, "sub")? {
            Some(subject) => subject,
            None => text(self.claims, "username")?.unwrap_or(&client),
        };
        let subject = subject.to_owned();
        Ok(Statement {
            authority,
            digest,
            user: self.user(&client, &subject)?,
            client,
            subject,
            scopes: self.words(&self.manager.claims.scopes)?,
            roles: self.words(self.manager.claims.roles.as_slice())?,
            claims: Kept::read(self.wanted, self.claims),
            issued: issued.unwrap_or_default(),
            expires,
            until,
            jti: None,
            family: None,
            certificate: self.certificate()?,
            standing: Default::default(),
        })
    }

    fn is_for_us(&self) -> Result<(), Flaw> {
        let wanted = &self.manager.audiences;
        let is_wanted = |stated: &Value| {
            stated
                .as_str()
                .is_some_and(|stated| wanted.iter().any(|wanted| wanted == stated))
        };
        let is_for_us = match self.claims.get("aud") {
            _ if wanted.is_empty() => true,
            Some(Value::Array(several)) => several.iter().any(is_wanted),
            Some(one) => is_wanted(one),
            None => false,
        };
        if is_for_us { Ok(()) } else { Err(Flaw::Audience) }
    }

    /// Reads the first claim that names the client; a token that names none is nobody's.
    fn client(&self) -> Result<String, Flaw> {
        for name in &self.manager.claims.client {
            if let Some(client) = text(self.claims, name)?.filter(|client| !client.is_empty()) {
                return Ok(client.to_owned());
            }
        }
        Err(Flaw::Malformed)
    }

    /// Tells a user's token from an application's own: that one has no subject but the client (RFC 9068, 5).
    fn user(&self, client: &str, subject: &str) -> Result<Option<UserName>, Flaw> {
        let is = |name: &str, wanted: &[&str]| {
            Ok::<_, Flaw>(text(self.claims, name)?.is_some_and(|it| wanted.contains(&it)))
        };
        let is_own = subject == client || is("aut", &["APPLICATION"])? || is("gty", &["client-credentials"])?;
        Ok((!is_own).then(|| UserName {
            tenant: self.manager.tenant.clone(),
            name: subject.to_owned(),
        }))
    }

    /// Reads the first of some claims that is there: words separated by spaces, or a list of them.
    fn words(&self, names: &[String]) -> Result<Vec<Box<str>>, Flaw> {
        let Some(stated) = names.iter().find_map(|name| at(self.claims, name)) else {
            return Ok(Vec::new());
        };
        match stated {
            Value::String(words) => Ok(scopes(words.split(' '))),
            Value::Array(list) if list.iter().all(Value::is_string) => {
                Ok(scopes(list.iter().filter_map(Value::as_str)))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Err(Flaw::Malformed)
            }
        }
    }

    fn certificate(&self) -> Result<Option<Digest>, Flaw> {
        let Some(confirmation) = self.claims.get("cnf") else {
            return Ok(None);
        };
        // A token that is bound to something else than a certificate is worth nothing without that (RFC 7800, 3.1).
        let stated = confirmation.get("x5t#S256").and_then(Value::as_str);
        stated.and_then(thumbprint).map(Some).ok_or(Flaw::Binding)
    }

    /// Reads a moment, fractions of a second cut off (RFC 7519, 2).
    pub(super) fn time(&self, name: &str) -> Result<Option<UnixTime>, Flaw> {
        let Some(stated) = self.claims.get(name) else {
            return Ok(None);
        };
        let seconds = stated
            .as_f64()
            .filter(|seconds| (0.0..LATEST).contains(seconds))
            .ok_or(Flaw::Malformed)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is within bounds"
        )]
        Ok(Some(UnixTime(seconds as u64)))
    }
}

/// Finds a claim by its name, else by a path of names, as `realm_access.roles`.
fn at<'a>(claims: &'a Claims, name: &str) -> Option<&'a Value> {
    if let Some(claim) = claims.get(name) {
        return Some(claim);
    }
    let (first, rest) = name.split_once('.')?;
    rest.split('.')
        .try_fold(claims.get(first)?, |within, name| within.get(name))
}

/// The end of the year 9999: what lies beyond was not meant in seconds.
const LATEST: f64 = 253_402_300_800.0;
