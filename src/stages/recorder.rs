//! What admission says on its way: which stage it enters, and what each of them finds.
//!
//! There is one admission. For traffic it is recorded by [`Silent`], which the compiler leaves nothing of; who wants to
//! know why records it with [`Told`], and so learns what would have happened and nothing else.

use std::sync::Arc;

use super::plea::Standings;
use crate::credential::caller::Caller;
use crate::credential::{Fetch, Flaw};
use crate::model::method::MethodSet;
use crate::registry::key_pair::KeyType;
use crate::registry::subscription::Subscription;
use crate::snapshot::tiers::DenyId;
use crate::snapshot::{Mount, RouteId, ScopeId, VersionId};

/// Who listens while a request is admitted.
pub trait Recorder {
    /// Hears that a stage begins.
    fn enter(&mut self, stage: Stage);

    /// Hears what the stage found; `fact` is only asked for by who wants to know.
    fn learn(&mut self, fact: impl FnOnce() -> Fact);

    /// Hears that something must be fetched, and that admission begins anew.
    fn fetch(&mut self, fetch: &Fetch);

    /// Hears that what other processes have changed is taken in first, and that admission begins anew.
    fn catch_up(&mut self);
}

/// Hears nothing, at no cost.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Recorder for Silent {
    #[inline(always)]
    fn enter(&mut self, _: Stage) {}

    #[inline(always)]
    fn learn(&mut self, _: impl FnOnce() -> Fact) {}

    #[inline(always)]
    fn fetch(&mut self, _: &Fetch) {}

    #[inline(always)]
    fn catch_up(&mut self) {}
}

/// A stage of admission; [`Stage::ALL`] has them in the order in which they are entered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// Who calls.
    Authenticate,
    /// Whether the caller holds one of the scopes.
    Authorize,
    /// Whether the head is within bounds.
    Bound,
    /// Whether a deny rule is for the request that does not ask who calls.
    Deny,
    /// Whether one is that does.
    DenyCaller,
    /// Which endpoints the call is for.
    Direct,
    /// Whether the caller's application has a subscription.
    Entitle,
    /// Which tenant and Api the request names.
    Locate,
    /// Which resource it names.
    MatchResource,
    /// Whether the body may be as large as it says.
    Permit,
    /// Which version answers.
    PinVersion,
    /// Whether its quotas let the request through.
    Throttle,
}

impl Stage {
    /// All of them, in their order.
    pub const ALL: [Self; 12] = [
        Self::Bound,
        Self::Locate,
        Self::PinVersion,
        Self::MatchResource,
        Self::Deny,
        Self::Authenticate,
        Self::Entitle,
        Self::Authorize,
        Self::DenyCaller,
        Self::Direct,
        Self::Permit,
        Self::Throttle,
    ];

    /// Returns the name of the file that decides it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Authenticate => "authenticate",
            Self::Authorize => "authorize",
            Self::Bound => "bound",
            Self::Deny => "deny",
            Self::DenyCaller => "deny_caller",
            Self::Direct => "direct",
            Self::Entitle => "entitle",
            Self::Locate => "locate",
            Self::MatchResource => "match_resource",
            Self::Permit => "permit",
            Self::PinVersion => "pin_version",
            Self::Throttle => "throttle",
        }
    }
}

/// What a stage found.
#[derive(Clone, Debug)]
pub enum Fact {
    /// The largest body that is taken, and the one that is announced.
    Body {
        /// The bytes that may be sent.
        most: u64,
        /// The bytes that will be sent, where the head says so.
        stated: Option<u64>,
    },
    /// Who calls.
    Caller(Arc<Caller>),
    /// How each quota stands that the request is held against.
    Counted(Box<Standings>),
    /// The deny rule that is for the request, if one is.
    Denied(Option<DenyId>),
    /// The endpoints that the call is for.
    Directed(KeyType),
    /// What the application may call.
    Entitled(Entitlement),
    /// What is mounted at a context.
    Located(Mount, String),
    /// The resource.
    Matched(RouteId),
    /// The resource asks nobody who calls.
    Open,
    /// The gateway answers `OPTIONS` itself.
    Options(MethodSet),
    /// The version, and whether nobody named it.
    Pinned(VersionId, bool),
    /// Whether one of the scopes that are wanted lets the caller in.
    Scope(ScopeId, Weight),
    /// A credential was shown, and this came of it.
    Shown(Credential, Outcome),
    /// No scope is asked for.
    Unscoped,
}

/// A credential by the place that it is shown in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Credential {
    /// An API key.
    ApiKey,
    /// What follows `Basic`.
    Basic,
    /// What follows `Bearer`.
    Bearer,
    /// A client certificate.
    Certificate,
    /// A field that cannot be read.
    Unreadable,
}

impl Credential {
    /// Returns its name in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::ApiKey => "api key",
            Self::Basic => "password",
            Self::Bearer => "token",
            Self::Certificate => "certificate",
            Self::Unreadable => "credential field",
        }
    }
}

/// What came of a credential.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It proves somebody.
    Proven,
    /// Something must be fetched to tell.
    Unknown,
    /// It proves nobody.
    Unproven(Flaw),
}

/// What a caller's application may call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Entitlement {
    /// The version is called without a subscription.
    Free,
    /// The version takes no applications of the application's tenant.
    NotAdmitted,
    /// Who shows such a credential has no application to subscribe with.
    NotAsked,
    /// The application has a subscription.
    Subscribed(Subscription),
    /// The client is not registered.
    Unregistered,
    /// The application has no subscription.
    Unsubscribed,
}

/// Whether a scope lets a caller in, and what that hangs on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Weight {
    /// Whether it does.
    pub is_enough: bool,
    /// Whether the credential holds it.
    pub is_granted: bool,
    /// Whether whoever the credential speaks for has a role that grants it, now.
    pub is_backed: bool,
}

/// Keeps everything that admission says.
#[derive(Debug, Default)]
pub struct Told {
    steps: Vec<(Stage, Vec<Fact>)>,
    fetched: Vec<&'static str>,
}

impl Told {
    /// Returns the stages that were entered, each with what it found; the last one is where admission ended.
    pub fn steps(&self) -> &[(Stage, Vec<Fact>)] {
        &self.steps
    }

    /// Returns everything that was found.
    pub fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.steps.iter().flat_map(|(_, facts)| facts)
    }

    /// Names what had to be fetched.
    pub fn fetched(&self) -> &[&'static str] {
        &self.fetched
    }

    /// Returns the version that was pinned, whatever came after.
    #[expect(clippy::wildcard_enum_match_arm, reason = "one kind of fact is looked for")]
    pub fn version(&self) -> Option<VersionId> {
        self.facts().find_map(|fact| match fact {
            Fact::Pinned(version, _) => Some(*version),
            _ => None,
        })
    }
}

impl Recorder for Told {
    fn enter(&mut self, stage: Stage) {
        self.steps.push((stage, Vec::new()));
    }

    fn learn(&mut self, fact: impl FnOnce() -> Fact) {
        if let Some((_, facts)) = self.steps.last_mut() {
            facts.push(fact());
        }
    }

    fn fetch(&mut self, fetch: &Fetch) {
        self.steps.clear();
        self.fetched.push(match fetch {
            Fetch::Introspection(_) => "what its issuer says of the token",
            Fetch::Keys(_) => "the keys of the token's issuer",
            Fetch::Password(_) => "whether it is the user's password",
            Fetch::Token(_) => "the record of the token",
        });
    }

    fn catch_up(&mut self) {
        self.steps.clear();
        self.fetched.push("what other processes have changed");
    }
}
