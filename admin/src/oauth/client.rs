//! Which client asks, and how it proves itself: Basic, form, signed assertion, certificate, or not at all if public.
//!
//! One method at a time (RFC 6749, 2.3). Unknown clients and wrong secrets are answered alike, and counted alike.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::assertion::Assertion;
use super::authority::Authority;
use super::error::{ErrorCode, OauthError};
use super::form::{self, Form};
use super::guard::Subject;
use super::jws::Unproven;
use super::peer::Peer;
use crate::registry::key_pair::Client;
use crate::registry::token::Digest;

/// A client that has proven itself as it must.
#[derive(Clone, Debug)]
pub struct Proven {
    /// The client.
    pub client: Arc<Client>,
    /// The certificate that it has proven itself by: what it is given is bound to it (RFC 8705, 3).
    pub certificate: Option<Digest>,
}

impl Proven {
    /// Tells whether it has proven nothing because it cannot.
    pub fn is_public(&self) -> bool {
        self.client.proof.is_public
    }
}

/// The type of a client's signed assertion.
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Finds the client and lets it prove itself.
///
/// # Errors
///
/// Returns `invalid_client` when it is unknown or proves nothing, and `invalid_request` for several proofs at once.
pub fn authenticate(
    authority: &Authority,
    form: &Form,
    authorization: Option<&str>,
    peer: &Peer,
) -> Result<Proven, OauthError> {
    let shown = Shown::read(form, authorization, peer)?;
    let subject = Subject::client(&shown.consumer_key, peer.address);
    let known = authority.registry.view().client(&shown.consumer_key);
    let known = known.filter(|client| authority.is_served(client.application.tenant()));
    let proven = shown.proof.prove(authority, known, &shown.consumer_key);
    // What proves a client is long and cheap to look at, so who has it is not kept waiting for what others show.
    let attempt = authority.guard.admit(&[subject], authority.now());
    match (proven, attempt) {
        (Some(proven), attempt) => {
            if let Ok(attempt) = attempt {
                attempt.succeeded(authority.now());
            }
            Ok(proven)
        }
        (None, Ok(attempt)) => {
            attempt.failed(authority.now());
            Err(OauthError::client())
        }
        (None, Err(wait)) => Err(OauthError::too_many(ErrorCode::InvalidClient, wait)),
    }
}

/// What a request shows of its client.
struct Shown<'a> {
    consumer_key: String,
    proof: Proof<'a>,
}

enum Proof<'a> {
    Assertion(Box<Unproven<'a>>, &'a str),
    /// A certificate, or nothing: which of both is needed depends on the client.
    Connection(Option<Digest>),
    Secret(String),
}

impl<'a> Shown<'a> {
    fn read(form: &'a Form, authorization: Option<&str>, peer: &Peer) -> Result<Self, OauthError> {
        let secret = form.find("client_secret");
        let assertion = form.find("client_assertion").or(form.find("client_assertion_type"));
        let methods = [authorization.is_some(), secret.is_some(), assertion.is_some()];
        if methods.into_iter().filter(|is_used| *is_used).count() > 1 {
            return Err(OauthError::request("the client proves itself in more than one way"));
        }
        let shown = if let Some(authorization) = authorization {
            let (consumer_key, secret) = basic(authorization).ok_or_else(OauthError::client)?;
            Self {
                consumer_key,
                proof: Proof::Secret(secret),
            }
        } else if assertion.is_some() {
            Self::read_assertion(form)?
        } else {
            let consumer_key = form.find("client_id").ok_or_else(OauthError::client)?.to_owned();
            let proof = match secret {
                Some(secret) => Proof::Secret(secret.to_owned()),
                None => Proof::Connection(peer.thumbprint()),
            };
            Self { consumer_key, proof }
        };
        match form.find("client_id") {
            Some(other) if other != shown.consumer_key => {
                Err(OauthError::request("client_id is not the client that proves itself"))
            }
            _ => Ok(shown),
        }
    }

    fn read_assertion(form: &'a Form) -> Result<Self, OauthError> {
        if form.require("client_assertion_type")? != ASSERTION_TYPE {
            return Err(OauthError::request("client_assertion_type is not known"));
        }
        let token = form.require("client_assertion")?;
        let unproven = Unproven::read(token).ok_or_else(OauthError::client)?;
        let media_type = unproven.media_type();
        if !matches!(media_type.as_deref(), None | Some("client-authentication+jwt" | "jwt")) {
            return Err(OauthError::client());
        }
        let consumer_key = unproven.claimed_issuer().ok_or_else(OauthError::client)?.to_owned();
        Ok(Self {
            consumer_key,
            proof: Proof::Assertion(Box::new(unproven), token),
        })
    }
}

impl Proof<'_> {
    fn prove(self, authority: &Authority, known: Option<Arc<Client>>, consumer_key: &str) -> Option<Proven> {
        match self {
            Self::Assertion(unproven, token) => {
                let client = known?;
                let claims = unproven.prove_by(client.proof.jwks.as_deref()?)?;
                let assertion = Assertion::believe(&claims, authority, LONGEST_ASSERTION)?;
                let is_own = assertion.issuer == consumer_key && assertion.subject == consumer_key;
                let is_taken = is_own && assertion.is_named() && assertion.take(token, authority);
                is_taken.then_some(Proven {
                    client,
                    certificate: None,
                })
            }
            Self::Connection(shown) => {
                let client = known?;
                match (client.proof.certificate, shown) {
                    (Some(wanted), Some(shown)) if is_same(&wanted, &shown) => Some(Proven {
                        client,
                        certificate: Some(shown),
                    }),
                    (None, _) if client.proof.is_public => Some(Proven {
                        client,
                        certificate: None,
                    }),
                    _ => None,
                }
            }
            Self::Secret(secret) => {
                // An unknown client's secret is digested, too.
                let stored = known.as_ref().map_or(Digest([0; 32]), |client| client.secret);
                let is_secret = stored.is_of(&secret);
                known
                    .filter(|client| is_secret && !client.proof.is_public)
                    .map(|client| Proven {
                        client,
                        certificate: None,
                    })
            }
        }
    }
}

/// Reads `Authorization: Basic`, whose halves are encoded as in a form (RFC 6749, 2.3.1).
fn basic(authorization: &str) -> Option<(String, String)> {
    let (scheme, encoded) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim_start_matches(' ')).ok()?;
    let (consumer_key, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((form::decode(consumer_key)?, form::decode(secret)?))
}

fn is_same(one: &Digest, other: &Digest) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(&one.0, &other.0).is_ok()
}

/// For how many seconds a client's assertion may be of use: Authlib makes them for an hour unless it is told otherwise.
const LONGEST_ASSERTION: u64 = 3_600;

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Option<(String, String)> {
        basic(&format!("Basic {}", STANDARD.encode(text)))
    }

    #[test]
    fn both_halves_of_basic_are_encoded_as_in_a_form() {
        let halves = |key: &str, secret: &str| Some((key.to_owned(), secret.to_owned()));
        assert_eq!(header("key:secret"), halves("key", "secret"));
        assert_eq!(header("k%3Ay:a+b%25:c"), halves("k:y", "a b%:c"));
        assert_eq!(header("key:"), halves("key", ""));
        assert_eq!(basic("bASIC a2V5OmE="), halves("key", "a"));
    }

    #[test]
    fn what_is_no_basic_is_none() {
        for bad in [
            "Basic",
            "Basic ",
            "Basic a2V5",
            "Bearer a2V5OmE=",
            "Basic a2V5OmE",
            "Basic *",
            "Basic _w==",
        ] {
            assert_eq!(basic(bad), None, "{bad}");
        }
        assert_eq!(header("key:%zz"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_read_or_refused(text: String) {
            _ = basic(&text);
            _ = header(&text);
        }
    }
}
