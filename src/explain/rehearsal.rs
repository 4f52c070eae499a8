//! What would come of a request whose caller is stated: nobody is asked, nothing is waited for, and quotas are spent.
//!
//! It decides as little as the rest of this folder does. The caller shows a credential that a staged registry knows
//! ([`Credentials::staged`]), and the request goes through the same [`admission`] as traffic.

use std::fmt;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderName;

use super::explanation::Explanation;
use super::question::{Asked, Question, Unclear};
use super::telling::{Decided, Telling};
use crate::admission::{Means, Purpose, admission};
use crate::counting::Counts;
use crate::credential::Credentials;
use crate::forwarding::Trust;
use crate::model::instant::UnixTime;
use crate::model::security::Security;
use crate::quota::Moment;
use crate::settings::Limits;
use crate::snapshot::Snapshot;
use crate::stages::recorder::Told;
use crate::stages::{Demands, Halt, Spent, admit_told, own};

/// What a request is held against when it is rehearsed.
#[derive(Clone, Copy, Debug)]
pub struct Rehearsal<'a> {
    /// The compiled catalog.
    pub snapshot: &'a Snapshot,
    /// What proves the caller; staged, so that nobody is asked.
    pub credentials: &'a Credentials,
    /// Where quotas are counted; shared with nobody.
    pub counts: &'a Counts,
    /// How much a caller may use.
    pub limits: &'a Limits,
    /// Whose forwarding fields are believed.
    pub trust: &'a Trust,
}

/// What a stated caller shows, in the field that the version takes it from.
#[derive(Clone)]
pub enum Shown {
    /// An API key.
    ApiKey(String),
    /// A user's name and password.
    Password(String, String),
    /// An access token.
    Token(String),
}

/// Shows what kind it is, and not itself.
impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiKey(_) => "ApiKey",
            Self::Password(..) => "Password",
            Self::Token(_) => "Token",
        })
    }
}

impl Rehearsal<'_> {
    /// Says what comes of a request at a moment, and spends what it takes of its quotas.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the question.
    pub fn explain(
        &self,
        question: &Question,
        shown: Option<&Shown>,
        (moment, now): (Moment, UnixTime),
    ) -> Result<Explanation, Unclear> {
        let snapshot = self.snapshot;
        let mut asked = Asked::believe(question, self.trust, snapshot.fields())?;
        let mut told = Told::default();
        let decided = match own(&asked.head(), self.limits) {
            Ok(Some(_)) => Decided::Own,
            Err(denial) => Decided::of(Err(denial.into())),
            Ok(None) => {
                if let Some(shown) = shown {
                    let (field, value) = self.field(&asked, shown, now);
                    asked.put(field, &value)?;
                }
                let means = Means {
                    snapshot,
                    limits: self.limits,
                    credentials: self.credentials,
                    counts: (self.counts, Purpose::Spend(moment)),
                    now,
                };
                let mut spent = Spent::default();
                let admitted = at_once(admission(|| asked.head(), means, &mut spent, &mut told));
                Decided::of(admitted.ok_or(Unclear::Waits)?)
            }
        };
        let telling = Telling {
            asked: &asked,
            snapshot,
            view: self.credentials.view(),
            told: &told,
        };
        Ok(telling.explanation(&decided, &[]))
    }

    /// Finds the field that the version takes a credential from, and what stands there; where no version would answer,
    /// the server's.
    fn field(&self, asked: &Asked, shown: &Shown, now: UnixTime) -> (HeaderName, String) {
        let mut told = Told::default();
        match admit_told(
            &asked.head(),
            self.snapshot,
            self.limits,
            (self.credentials, now),
            (&mut Demands::default(), &mut told),
        ) {
            Ok(_) | Err(Halt::Fetch(_) | Halt::Refused(_)) => {}
        }
        let security = told.version().map(|id| &self.snapshot.version(id).security);
        let fields = self.snapshot.fields();
        let named = |of: fn(&Security) -> &HeaderName, other: &HeaderName| security.map_or(other, of).clone();
        let authorization = || named(|security| &security.authorization, &fields.authorization);
        match shown {
            Shown::ApiKey(key) => (named(|security| &security.api_key, &fields.api_key), key.clone()),
            Shown::Password(user, password) => {
                let pair = STANDARD.encode(format!("{user}:{password}"));
                (authorization(), format!("Basic {pair}"))
            }
            Shown::Token(token) => (authorization(), format!("Bearer {token}")),
        }
    }
}

/// Returns what comes of something that has nothing to wait for.
fn at_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
