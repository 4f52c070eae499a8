//! What proves a caller: tokens, API keys, passwords, certificates; and what was proven already.
//!
//! [`Credentials`] is asked by `stages::authenticate` and answers at once: from the cache of what was proven, from the
//! registry's view, or by checking a signature. What it cannot know without waiting, it names as a [`Fetch`]; the
//! gateway waits for [`Credentials::obtain`] before it asks for admission again, and nowhere else.
//!
//! A cache remembers what a credential says, never whether it is still good: the view is asked for every request.

mod api_key;
mod assertion;
mod basic;
mod bearer;
pub mod caller;
mod certificate;
pub mod claims;
mod elsewhere;
mod flights;
mod foreign;
mod introspection;
mod issuers;
mod jwk;
mod jws;
mod neighbours;
mod occasion;
mod outbound;
mod own;
mod secret;
mod shares;
mod statement;
mod strict;
mod terms;
mod tries;
mod verified;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use quick_cache::sync::Cache;

use crate::model::instant::UnixTime;
use crate::model::key_manager::KeyManager;
use crate::oauth::authority::Wanted;
use crate::oauth::keys::{SigningKeys, VerifyingKey};
use crate::registry::Registry;
use crate::registry::token::Digest;
use crate::registry::user::UserName;
use crate::registry::view::View;
use assertion::Assertions;
use basic::Passwords;
use caller::Caller;
use elsewhere::Elsewhere;
use flights::Flights;
use issuers::Issuers;
use outbound::Outbound;
use verified::Verified;

pub use assertion::Subject;
pub use basic::Claim;
pub use introspection::Question;
pub use issuers::Outdated;
pub use neighbours::Neighbours;
pub use occasion::Occasion;
pub use terms::Terms;

/// What proves callers; outlives snapshots.
pub struct Credentials {
    view: Arc<View>,
    registry: Option<Arc<Registry>>,
    keys: Option<Arc<SigningKeys>>,
    terms: Terms,
    verified: Verified,
    api_keys: Cache<Digest, api_key::Known>,
    certificates: Cache<certificate::Shown, certificate::Judged>,
    passwords: Arc<Passwords>,
    elsewhere: Elsewhere,
    issuers: Issuers,
    introspections: Flights,
    outbound: Outbound,
    assertions: Assertions,
    neighbours: Neighbours,
    /// Whether all that it will ever know was stated, so that nobody is asked.
    is_staged: bool,
}

/// What was found out about a credential.
#[derive(Clone, Debug)]
pub enum Judgement {
    /// It proves this caller.
    Proven(Arc<Caller>),
    /// It proves nobody.
    Unproven(Flaw),
    /// To know, something must be fetched first.
    Unknown(Fetch),
}

/// Why a credential proves nobody: for logs and `explain`; callers get one answer for all (900901).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Flaw {
    /// It is meant for somebody else.
    Audience,
    /// It is bound to a certificate that the caller did not show.
    Binding,
    /// It has ended.
    Expired,
    /// Its issuer is not known, or not one that the version takes.
    Issuer,
    /// What it was signed with is not known, or not by that algorithm.
    Key,
    /// It is not built as it should be.
    Malformed,
    /// It has not begun.
    NotYet,
    /// The caller comes from where it is not taken.
    Restricted,
    /// It was revoked.
    Revoked,
    /// Its signature, its password or its digest is wrong.
    Signature,
    /// Too many were tried before it.
    Slowed,
    /// Its application, user or certificate is not known.
    Unknown,
    /// What would have to be asked does not answer.
    Unreachable,
}

/// Something that must be fetched before a credential can be judged.
#[derive(Clone, Debug)]
pub enum Fetch {
    /// What its issuers say of a token.
    Introspection(Question),
    /// The keys of an issuer, because none that is known proves the token.
    Keys(Outdated),
    /// Whether it is the user's password.
    Password(Claim),
    /// A random token that another process may have issued.
    Token(Digest),
}

impl Credentials {
    /// Asks this view and nothing else: API keys and recorded tokens are judged, no signature and no password.
    pub fn new(view: Arc<View>) -> Self {
        Self::build(view, None, None, Terms::default())
    }

    /// Asks a view that somebody staged and nobody else, no issuer either, and knows one password of it, shown from one
    /// address, to be right. It is told so here and never later: no `Credentials` that serve can be.
    pub fn staged(view: Arc<View>, password: Option<(UserName, &str, IpAddr)>) -> Self {
        let terms = Terms {
            tokens: 1,
            ..Terms::default()
        };
        let this = Self {
            is_staged: true,
            ..Self::build(view, None, None, terms)
        };
        if let Some((user, password, client)) = password {
            this.passwords.know(&this.view, (user, password, client));
        }
        this
    }

    /// Judges every kind of credential, with a registry to ask and the keys that sign our own tokens.
    pub fn open(registry: Arc<Registry>, keys: Arc<SigningKeys>, terms: Terms) -> Self {
        Self::build(Arc::clone(registry.view()), Some(registry), Some(keys), terms)
    }

    /// Judges as far as a registry can tell that is only read, and without keys no token of ours.
    pub fn reading(registry: Arc<Registry>, keys: Option<Arc<SigningKeys>>, terms: Terms) -> Self {
        Self::build(Arc::clone(registry.view()), Some(registry), keys, terms)
    }

    fn build(view: Arc<View>, registry: Option<Arc<Registry>>, keys: Option<Arc<SigningKeys>>, terms: Terms) -> Self {
        Self {
            view,
            registry,
            keys,
            verified: Verified::new(terms.tokens),
            terms,
            api_keys: Cache::new(REMEMBERED),
            certificates: Cache::new(REMEMBERED),
            passwords: Arc::new(Passwords::new()),
            elsewhere: Elsewhere::new(),
            issuers: Issuers::new(),
            introspections: Flights::new(ASKED_AT_ONCE, MOST_WAITING),
            outbound: Outbound::default(),
            assertions: Assertions::new(),
            neighbours: Neighbours::default(),
            is_staged: false,
        }
    }

    /// Returns what the registry knows.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Returns the terms on which it judges.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Fetches; what came of it is known afterwards, failures for a short time too.
    pub async fn obtain(&self, fetch: Fetch, now: UnixTime) {
        if self.is_staged {
            return;
        }
        match fetch {
            Fetch::Introspection(question) => self.introspect(&question, now).await,
            Fetch::Keys(outdated) => self.issuers.fetch(&outdated, &self.outbound, now).await,
            Fetch::Password(claim) => self.check_password(&claim, now).await,
            Fetch::Token(digest) => self.find_elsewhere(digest, now).await,
        }
    }

    /// Asks the issuers whose keys are in use and grow old, of the key managers that are served now.
    pub async fn refresh<'a>(&self, served: impl Iterator<Item = &'a Arc<KeyManager>>, now: UnixTime) {
        let served: Vec<_> = served.collect();
        self.issuers.retain(&served);
        for manager in self.issuers.aging(&served, now) {
            self.issuers.fetch(&Outdated::from(&manager), &self.outbound, now).await;
        }
    }

    /// Returns the JWK set of a key manager whose keys are at a URL, as the token endpoint wants it: from the same cache
    /// that traffic is judged by, and with the same bounds on how often its issuer is asked.
    pub async fn issuer_keys(&self, manager: &Arc<KeyManager>, wanted: Wanted, now: UnixTime) -> Option<String> {
        let is_enough = match wanted {
            Wanted::Known => self.issuers.is_known(manager),
            Wanted::Newer => false,
        };
        if !is_enough {
            self.issuers.fetch(&Outdated::from(manager), &self.outbound, now).await;
        }
        self.issuers.written(manager, now)
    }

    fn verifying(&self, kid: &str, now: UnixTime) -> Option<Arc<VerifyingKey>> {
        self.keys.as_ref()?.verifying(kid, now)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("terms", &self.terms)
            .finish_non_exhaustive()
    }
}

impl From<Result<Arc<Caller>, Flaw>> for Judgement {
    fn from(judged: Result<Arc<Caller>, Flaw>) -> Self {
        judged.map_or_else(Self::Unproven, Self::Proven)
    }
}

impl From<Flaw> for Judgement {
    fn from(flaw: Flaw) -> Self {
        Self::Unproven(flaw)
    }
}

impl Flaw {
    /// Returns the name that logs and `explain` know it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Audience => "wrong_audience",
            Self::Binding => "certificate_not_shown",
            Self::Expired => "expired",
            Self::Issuer => "unknown_issuer",
            Self::Key => "unknown_key",
            Self::Malformed => "malformed",
            Self::NotYet => "not_yet_valid",
            Self::Restricted => "restricted",
            Self::Revoked => "revoked",
            Self::Signature => "not_authentic",
            Self::Slowed => "too_many_attempts",
            Self::Unknown => "unknown",
            Self::Unreachable => "issuer_unreachable",
        }
    }
}

/// Returns the present moment; everything here takes it as a parameter.
pub fn now() -> UnixTime {
    at(SystemTime::now())
}

/// Returns a moment of the clock on the wall.
pub fn at(moment: SystemTime) -> UnixTime {
    let since = moment.duration_since(SystemTime::UNIX_EPOCH);
    UnixTime(since.unwrap_or_default().as_secs())
}

const REMEMBERED: usize = 10_000;
const ASKED_AT_ONCE: usize = 64;
const MOST_WAITING: usize = 1000;

#[cfg(test)]
mod tests;
