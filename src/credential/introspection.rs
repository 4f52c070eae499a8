//! Tokens that say nothing by themselves: whoever issued them is asked (RFC 7662).
//!
//! An issuer that cannot be asked proves nobody: the caller gets the 900901 of every other failed proof, for it is not
//! told which of its credential's judges are ill, and a 5xx would have it hammer a gateway that cannot help it. The log
//! says `unreachable`.

use std::sync::Arc;

use serde_json::Value;
use tracing::warn;

use super::claims::Wanted;
use super::flights::Boarding;
use super::foreign::Reading;
use super::occasion::Occasion;
use super::secret::Secret;
use super::statement::{Authority, Statement};
use super::verified::Place;
use super::{Credentials, Fetch, Flaw};
use crate::model::instant::UnixTime;
use crate::model::key_manager::KeyManager;

/// A question to the issuers of a tenant's tokens.
#[derive(Clone, Debug)]
pub struct Question {
    token: Secret,
    place: Place,
    managers: Vec<Arc<KeyManager>>,
    wanted: Wanted,
}

/// Makes the question about a token, where the version takes tokens of somebody who can be asked.
pub(super) fn question(token: &str, place: Place, on: &Occasion<'_>) -> Option<Fetch> {
    let askable = on.taken().filter(|manager| manager.introspection.is_some());
    let managers: Vec<_> = askable.take(MOST_ASKED).cloned().collect();
    (!managers.is_empty()).then(|| {
        Fetch::Introspection(Question {
            token: Secret::new(token),
            place,
            managers,
            wanted: Arc::clone(on.claims),
        })
    })
}

impl Credentials {
    /// Asks one issuer after the other, until one knows the token; remembers the answer.
    pub(super) async fn introspect(&self, question: &Question, now: UnixTime) {
        let Boarding::Flight(_flight) = self.introspections.board(question.place.0).await else {
            return;
        };
        let mut flaw = Flaw::Unknown;
        for manager in &question.managers {
            match self.ask_issuer(manager, question, now).await {
                Ok(statement) => return self.verified.keep(Arc::new(statement)),
                // One that cannot be asked might have known it.
                Err(Flaw::Unreachable) => flaw = Flaw::Unreachable,
                Err(other) if flaw == Flaw::Unknown => flaw = other,
                Err(_) => {}
            }
        }
        let life = if flaw == Flaw::Unreachable {
            UNREACHABLE_FOR
        } else {
            UNKNOWN_FOR
        };
        self.verified.refuse(question.place, flaw, now.plus(life));
    }

    async fn ask_issuer(
        &self,
        manager: &Arc<KeyManager>,
        question: &Question,
        now: UnixTime,
    ) -> Result<Statement, Flaw> {
        let endpoint = manager.introspection.as_ref().ok_or(Flaw::Unknown)?;
        let form = [("token", question.token.expose()), ("token_type_hint", "access_token")];
        let known_as = (endpoint.client_id.as_str(), endpoint.client_secret.as_str());
        let answer = self.outbound.post(&endpoint.url, known_as, &form).await.map_err(|error| {
            warn!(tenant = manager.tenant.as_str(), name = manager.name.as_str(), %error, "an issuer cannot be asked");
            Flaw::Unreachable
        })?;
        let Value::Object(claims) = answer else {
            return Err(Flaw::Unreachable);
        };
        match claims.get("active") {
            Some(Value::Bool(true)) => {}
            Some(Value::Bool(false)) => return Err(Flaw::Unknown),
            _ => return Err(Flaw::Unreachable),
        }
        if claims
            .get("iss")
            .is_some_and(|issuer| issuer.as_str() != Some(&manager.issuer))
        {
            return Err(Flaw::Issuer);
        }
        let kept = now.plus(self.terms.introspection);
        let reading = Reading::of(manager, (&claims, &question.wanted), now, self.terms.leeway);
        let expires = reading.time("exp")?.unwrap_or(kept);
        reading.until(
            Authority::Introspected(Arc::clone(manager)),
            question.place.0,
            expires,
            expires.min(kept),
        )
    }
}

/// Issuers that are asked about one token.
const MOST_ASKED: usize = 5;
/// For how long an answer is remembered that a token is not known, in seconds.
const UNKNOWN_FOR: u64 = 10;
/// For how long it is remembered that nobody answered.
const UNREACHABLE_FOR: u64 = 2;
