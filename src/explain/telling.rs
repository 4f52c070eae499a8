//! What the stages said, put into words, with the line behind each.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each question here is about one kind of fact, or about a few denials"
)]

use super::explanation::{self, Decision, Explanation, Outcome, Step};
use super::kept::{keeping, kept};
use super::question::Asked;
use super::{rules, words};
use crate::admission::Admitted;
use crate::credential::caller::Caller;
use crate::denial::Denial;
use crate::registry::view::View;
use crate::snapshot::{Route, Scope, Snapshot, Version};
use crate::stages::Refusal;
use crate::stages::recorder::{Entitlement, Fact, Outcome as Proved, Stage, Told};

/// What admission came to.
pub(super) enum Decided {
    Answered,
    Own,
    Permitted,
    Refused(Denial),
}

impl Decided {
    pub(super) fn of(admitted: Result<Admitted, Refusal>) -> Self {
        match admitted {
            Ok(Admitted::Permit(..)) => Self::Permitted,
            Ok(Admitted::Options(..)) => Self::Answered,
            Err(refusal) => Self::Refused(refusal.denial),
        }
    }
}

/// Everything that an explanation is told from.
pub(super) struct Telling<'a> {
    pub(super) asked: &'a Asked,
    pub(super) snapshot: &'a Snapshot,
    pub(super) view: &'a View,
    pub(super) told: &'a Told,
}

impl<'a> Telling<'a> {
    pub(super) fn explanation(&self, decided: &Decided, notes: &[String]) -> Explanation {
        let denial = match decided {
            Decided::Refused(denial) => Some(*denial),
            Decided::Answered | Decided::Own | Decided::Permitted => None,
        };
        let fault = denial.map(Denial::fault);
        Explanation {
            decision: match decided {
                Decided::Answered => Decision::Answered,
                Decided::Own => Decision::Own,
                Decided::Permitted => Decision::Permitted,
                Decided::Refused(_) => Decision::Refused,
            },
            request: format!("{} {}", self.asked.method, self.asked.path()),
            status: match decided {
                Decided::Answered => Some(204),
                Decided::Own | Decided::Permitted | Decided::Refused(_) => fault.map(|fault| fault.status.as_u16()),
            },
            code: fault.map(|fault| fault.code.to_owned()),
            reason: denial.map(|denial| denial.name().to_owned()),
            message: fault.map(|fault| fault.message.to_owned()),
            version: self.told_version(),
            resource: self.route().map(|route| told_resource(route, self.asked)),
            credentials: self.told.facts().filter_map(told_credential).collect(),
            caller: self.caller().map(|caller| self.told_caller(caller)),
            subscription: self.told.facts().find_map(told_subscription),
            scopes: self.scopes(),
            endpoints: self.endpoints(),
            limits: self.limits(),
            steps: self.steps(decided),
            fetched: self.told.fetched().iter().map(|&what| what.to_owned()).collect(),
            notes: notes.to_vec(),
            revision: self.snapshot.revision(),
        }
    }

    fn steps(&self, decided: &Decided) -> Vec<Step> {
        let refusing = match decided {
            Decided::Refused(denial) if self.told.steps().is_empty() => rules::stage(*denial, (false, false)),
            Decided::Refused(_) => self.told.steps().last().map(|(stage, _)| *stage),
            Decided::Answered | Decided::Own | Decided::Permitted => None,
        };
        let step = |stage: Stage| {
            let known = self.told.steps().iter().find(|(entered, _)| *entered == stage);
            let facts = known.map_or(&[][..], |(_, facts)| facts);
            match decided {
                Decided::Refused(denial) if refusing == Some(stage) => self.refused(stage, *denial, facts),
                _ if known.is_some() => self.passed(stage, facts),
                _ => Step {
                    stage: stage.name().to_owned(),
                    outcome: Outcome::Skipped,
                    says: "not asked".to_owned(),
                    details: Vec::new(),
                    rule: String::new(),
                },
            }
        };
        Stage::ALL.into_iter().map(step).collect()
    }

    fn passed(&self, stage: Stage, facts: &[Fact]) -> Step {
        let says = facts.iter().filter_map(|fact| self.found(fact)).next_back();
        Step {
            stage: stage.name().to_owned(),
            outcome: Outcome::Passed,
            says: says.unwrap_or_else(|| "the head is within the limits".to_owned()),
            details: self.details(facts),
            rule: self.rule(stage, facts),
        }
    }

    fn refused(&self, stage: Stage, denial: Denial, facts: &[Fact]) -> Step {
        let rule = rules::setting(denial).map_or_else(|| self.rule(stage, facts), str::to_owned);
        Step {
            stage: stage.name().to_owned(),
            outcome: Outcome::Refused,
            says: self.why(denial, facts),
            details: self.details(facts),
            rule,
        }
    }

    fn rule(&self, stage: Stage, facts: &[Fact]) -> String {
        let scope = facts.iter().find_map(|fact| match fact {
            Fact::Scope(id, weight) if weight.is_enough => Some(&self.snapshot.scope(*id).place),
            _ => None,
        });
        let place = scope.or_else(|| self.ground(facts));
        let place = place.or_else(|| rules::place(stage, self.version(), self.route()));
        place.map(ToString::to_string).unwrap_or_default()
    }

    pub(super) fn version(&self) -> Option<&'a Version> {
        self.told.version().map(|id| self.snapshot.version(id))
    }

    pub(super) fn route(&self) -> Option<&'a Route> {
        self.told.facts().find_map(|fact| match fact {
            Fact::Matched(route) => Some(self.snapshot.route(*route)),
            _ => None,
        })
    }

    fn endpoints(&self) -> Option<String> {
        self.told.facts().find_map(|fact| match fact {
            Fact::Directed(key_type) => Some(key_type.word().to_lowercase()),
            _ => None,
        })
    }

    pub(super) fn caller(&self) -> Option<&'a Caller> {
        self.told.facts().find_map(|fact| match fact {
            Fact::Caller(caller) => Some(&**caller),
            _ => None,
        })
    }

    pub(super) fn wanted(&self) -> Vec<&'a Scope> {
        let listed = self.route().map(|route| &route.scopes[..]).unwrap_or_default();
        listed.iter().map(|id| self.snapshot.scope(*id)).collect()
    }

    fn scopes(&self) -> Vec<explanation::Scope> {
        let weights = |wanted: &Scope| {
            self.told.facts().find_map(|fact| match fact {
                Fact::Scope(id, weight) if std::ptr::eq(self.snapshot.scope(*id), wanted) => Some(*weight),
                _ => None,
            })
        };
        let told = |scope: &Scope| {
            let weight = weights(scope);
            explanation::Scope {
                key: scope.key.to_string(),
                enough: weight.map(|weight| weight.is_enough),
                held: weight.map(|weight| weight.is_granted),
                backed: weight.map(|weight| weight.is_backed),
                roles: scope.roles.iter().map(ToString::to_string).collect(),
                rule: scope.place.to_string(),
            }
        };
        self.wanted().into_iter().map(told).collect()
    }

    fn told_version(&self) -> Option<explanation::Version> {
        let version = self.version()?;
        let by_default = |fact: &Fact| matches!(fact, Fact::Pinned(_, true));
        Some(explanation::Version {
            tenant: version.tenant.to_string(),
            api: version.api.to_string(),
            version: version.version.to_string(),
            state: words::state(version.state).to_owned(),
            by_default: self.told.facts().any(by_default),
            rule: version.place.to_string(),
        })
    }

    fn told_caller(&self, caller: &Caller) -> explanation::Caller {
        let texts = |words: &[Box<str>]| words.iter().map(ToString::to_string).collect();
        let user = caller.user.as_ref().and_then(|name| self.view.user(name));
        explanation::Caller {
            by: words::proof(caller.by).to_owned(),
            application: caller.application.as_ref().map(|application| application.name.clone()),
            client: Some(caller.client.clone()).filter(|client| !client.is_empty()),
            user: caller.user.as_ref().map(ToString::to_string),
            subject: caller.subject.clone(),
            key_type: caller.key_type.word().to_owned(),
            scopes: texts(&caller.scopes),
            roles: user.map_or_else(|| texts(&caller.roles), |user| user.roles.clone()),
        }
    }
}

fn told_resource(route: &Route, asked: &Asked) -> explanation::Resource {
    explanation::Resource {
        path: route.template.to_string(),
        methods: route.methods.to_string(),
        auth: words::auth(route.auth).to_owned(),
        keeping: keeping(route, asked),
        cache: kept(route, asked),
        rule: route.place.to_string(),
    }
}

fn told_credential(fact: &Fact) -> Option<explanation::Credential> {
    let Fact::Shown(kind, outcome) = fact else { return None };
    let flaw = match outcome {
        Proved::Unproven(flaw) => Some(*flaw),
        Proved::Proven | Proved::Unknown => None,
    };
    Some(explanation::Credential {
        kind: kind.name().to_owned(),
        proven: *outcome == Proved::Proven,
        flaw: flaw.map(|flaw| flaw.name().to_owned()),
        claim: flaw.and_then(|flaw| words::claim(*kind, flaw)).map(str::to_owned),
    })
}

fn told_subscription(fact: &Fact) -> Option<explanation::Subscription> {
    let Fact::Entitled(entitlement) = fact else { return None };
    let (need, found) = match entitlement {
        Entitlement::Free => ("none: the version is free", None),
        Entitlement::NotAdmitted => ("refused: the tenant of the application may not subscribe", None),
        Entitlement::NotAsked => ("none: the credential has no application", None),
        Entitlement::Subscribed(subscription) => ("one", Some(subscription)),
        Entitlement::Unregistered => ("one, and the client is not registered", None),
        Entitlement::Unsubscribed => ("one, and there is none", None),
    };
    Some(explanation::Subscription {
        need: need.to_owned(),
        state: found.map(|found| found.state.word().to_owned()),
        tier: found.map(|found| found.tier.to_string()),
    })
}
