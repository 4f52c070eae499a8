//! Why a request is let through or refused: asked before it is made, or after it was refused.
//!
//! Nothing here decides. A question becomes a head, the head goes through the same [`admission`] as traffic, and what
//! the stages say on the way is told in words, with the lines that are behind it. No backend is called and nothing is
//! spent; a password that is asked about counts as one that was tried, or this would be the place to guess at.
//!
//! What was shown is never repeated: an explanation holds no header field, no query and no token.

pub mod explanation;
mod kept;
mod limits;
mod packed;
pub mod question;
pub mod quotas;
pub mod refusals;
pub mod rehearsal;
mod rules;
mod sentences;
mod telling;
mod words;

use std::fmt;
use std::sync::Arc;

use self::explanation::Explanation;
use self::question::{Asked, Question, Unclear};
use self::refusals::{Refusals, Refused};
use self::telling::{Decided, Telling};
use crate::admission::{Means, Purpose, admission};
use crate::counting::Counts;
use crate::credential::{self, Credentials};
use crate::forwarding::Trust;
use crate::served::Served;
use crate::settings::Limits;
use crate::snapshot::live::Live;
use crate::stages::recorder::Told;
use crate::stages::{Demands, Halt, Spent, admit_told, own};

/// Says what would come of a request, and what came of one that was refused.
pub struct Explainer {
    /// What is served.
    pub live: Arc<Live<Served>>,
    /// What proves callers.
    pub credentials: Arc<Credentials>,
    /// Where quotas are counted; explaining spends nothing.
    pub counts: Counts,
    /// How much a caller may use.
    pub limits: Limits,
    /// Whose forwarding fields are believed.
    pub trust: Trust,
    /// What was refused of late.
    pub refusals: Arc<Refusals>,
    /// What whoever asks must know to read the answers: what is missing.
    pub notes: Vec<String>,
}

impl fmt::Debug for Explainer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explainer").finish_non_exhaustive()
    }
}

impl Explainer {
    /// Says what would come of a request now.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the question.
    pub async fn explain(&self, question: &Question) -> Result<Explanation, Unclear> {
        let served = self.live.current();
        let snapshot = &served.snapshot;
        let mut asked = Asked::believe(question, &self.trust, snapshot.fields())?;
        let mut told = Told::default();
        let decided = match own(&asked.head(), &self.limits) {
            Ok(Some(_)) => Decided::Own,
            Err(denial) => Decided::of(Err(denial.into())),
            Ok(None) => {
                if let Some(token) = &question.token {
                    asked.show(token, self.token_field(&served, &asked))?;
                }
                let means = Means {
                    snapshot,
                    limits: &self.limits,
                    credentials: &self.credentials,
                    counts: (&self.counts, Purpose::Look),
                    now: credential::now(),
                };
                Decided::of(admission(|| asked.head(), means, &mut Spent::default(), &mut told).await)
            }
        };
        let telling = Telling {
            asked: &asked,
            snapshot,
            view: self.credentials.view(),
            told: &told,
        };
        Ok(telling.explanation(&decided, &self.notes))
    }

    /// Finds what was refused with a request id, the latest first: callers may choose theirs.
    pub fn recall(&self, request: &str) -> Vec<Refused> {
        self.refusals.find(request)
    }

    /// Returns the field that the version takes tokens from; where none would answer, the server's.
    fn token_field(&self, served: &Served, asked: &Asked) -> http::HeaderName {
        let snapshot = &served.snapshot;
        let mut told = Told::default();
        let means = (&*self.credentials, credential::now());
        let mut demands = Demands::default();
        match admit_told(&asked.head(), snapshot, &self.limits, means, (&mut demands, &mut told)) {
            Ok(_) | Err(Halt::Fetch(_) | Halt::Refused(_)) => {}
        }
        told.version().map_or_else(
            || snapshot.fields().authorization.clone(),
            |id| snapshot.version(id).security.authorization.clone(),
        )
    }
}

#[cfg(test)]
mod tests;
