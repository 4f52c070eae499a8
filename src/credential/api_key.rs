//! Judges an API key, and where it is taken from (W 8).

use std::sync::Arc;

use super::caller::{Caller, Proof};
use super::occasion::Occasion;
use super::{Credentials, Flaw, Judgement};
use crate::registry::api_key::{ApiKey, Restrictions};
use crate::registry::token::Digest;

/// What the view said of a key last, and the caller that follows from it.
pub(super) type Known = (Arc<ApiKey>, Arc<Caller>);

impl Credentials {
    /// Judges an API key.
    pub fn api_key(&self, key: &str, on: &Occasion<'_>) -> Judgement {
        if key.len() > LONGEST || !key.starts_with(PREFIX) {
            return Judgement::Unproven(Flaw::Malformed);
        }
        let digest = Digest::of(key);
        let Some(known) = self.view.api_key(&digest) else {
            return Judgement::Unproven(Flaw::Unknown);
        };
        if known.expires.is_some_and(|expires| on.now >= expires) {
            return Judgement::Unproven(Flaw::Expired);
        }
        if self.view.is_revoked(&digest) {
            return Judgement::Unproven(Flaw::Revoked);
        }
        if !is_taken_from(&known.restrictions, on) {
            return Judgement::Unproven(Flaw::Restricted);
        }
        match self.api_keys.get(&digest) {
            Some((of, caller)) if Arc::ptr_eq(&of, &known) => Judgement::Proven(caller),
            _ => {
                let caller = Arc::new(caller(&known, digest));
                self.api_keys.insert(digest, (known, Arc::clone(&caller)));
                Judgement::Proven(caller)
            }
        }
    }
}

fn caller(key: &ApiKey, digest: Digest) -> Caller {
    Caller {
        by: Proof::ApiKey,
        application: Some(Arc::clone(&key.application)),
        key_type: key.key_type,
        client: String::new(),
        user: None,
        subject: key.application.name.clone(),
        scopes: Vec::new(),
        roles: Vec::new(),
        claims: Default::default(),
        expires: key.expires,
        digest,
    }
}

/// Tells whether a key is taken from this caller: where addresses are listed, they alone decide; else the referers.
fn is_taken_from(restrictions: &Restrictions, on: &Occasion<'_>) -> bool {
    if !restrictions.networks.is_empty() {
        return restrictions.networks.iter().any(|network| network.contains(&on.client));
    }
    let referers = &restrictions.referers;
    referers.is_empty()
        || on
            .referer
            .is_some_and(|stated| referers.iter().any(|pattern| fits(pattern, stated)))
}

/// Compares the whole of a referer with a pattern, in which an asterisk stands for anything without spaces.
fn fits(pattern: &str, referer: &str) -> bool {
    if referer.contains(char::is_whitespace) {
        return false;
    }
    // A pattern without a scheme fits any: `Referer` always has one.
    let stated = if pattern.contains("://") {
        referer
    } else {
        referer.split_once("://").map_or(referer, |(_, rest)| rest)
    };
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = stated.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

/// How every key begins.
pub(super) const PREFIX: &str = "tgk_";
const LONGEST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_referer_is_compared_whole() {
        for (pattern, referer, expected) in [
            ("https://www.example.com/a", "https://www.example.com/a", true),
            ("https://www.example.com/a", "https://www.example.com/a/b", false),
            ("https://www.example.com/a", "http://www.example.com/a", false),
            ("www.example.com/*", "https://www.example.com/a/b?c", true),
            ("www.example.com/*", "https://www.example.com/", true),
            ("www.example.com/*", "https://www.example.com", false),
            ("www.example.com/*", "https://evil.test/www.example.com/", false),
            ("www.example.com/*", "https://www.example.com.evil.test/", false),
            ("*.example.com/*", "https://api.example.com/x", true),
            ("*.example.com/*", "https://example.com/x", false),
            ("*.example.com/*", "https://evil.test/ .example.com/x", false),
            ("*", "https://anything.test/", true),
            ("a*b*a", "ab", false),
            ("a*b*a", "aba", true),
            ("", "https://a/", false),
        ] {
            assert_eq!(fits(pattern, referer), expected, "{pattern} {referer}");
        }
    }
}
