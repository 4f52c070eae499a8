//! What was expected, held against what was told.

use super::Trial;
use super::document::{Decision, Expect};
use super::outcome::Difference;
use crate::explain::explanation::{self, Explanation, Outcome};

/// Lists everything that came out otherwise than expected; `key` is what states the expectation.
pub(super) fn differences(expect: &Expect, told: &Explanation, key: &'static str, trial: &Trial) -> Vec<Difference> {
    let mut comparison = Comparison {
        key,
        trial,
        found: Vec::new(),
    };
    if !told.fetched.is_empty() {
        let got = format!(
            "{} would have to be asked for, and tests ask nobody",
            told.fetched.join(", ")
        );
        comparison.differ("decision", "a decision".to_owned(), got);
        return comparison.found;
    }
    comparison.decided(expect, told);
    comparison.answering(expect, told);
    comparison.calling(expect, told);
    comparison.why(expect, told);
    comparison.found
}

struct Comparison<'t> {
    key: &'static str,
    trial: &'t Trial,
    found: Vec<Difference>,
}

impl Comparison<'_> {
    fn decided(&mut self, expect: &Expect, told: &Explanation) {
        let decision = expect.decision.map(decision);
        self.text("decision", decision, Some(word(told.decision)));
        self.text(
            "status",
            expect.status.map(|status| status.to_string()).as_deref(),
            told.status.map(|status| status.to_string()).as_deref(),
        );
        self.text("code", expect.code.as_deref(), told.code.as_deref());
        self.text("reason", expect.reason.as_deref(), told.reason.as_deref());
        let refusing = told.steps.iter().find(|step| step.outcome == Outcome::Refused);
        let stage = refusing.map(|step| step.stage.as_str());
        self.text("stage", expect.stage.as_deref(), stage);
    }

    fn answering(&mut self, expect: &Expect, told: &Explanation) {
        let version = told.version.as_ref();
        self.text("tenant", expect.tenant.as_deref(), version.map(|it| it.tenant.as_str()));
        self.text("api", expect.api.as_deref(), version.map(|it| it.api.as_str()));
        self.text(
            "version",
            expect.version.as_deref(),
            version.map(|it| it.version.as_str()),
        );
        let resource = told.resource.as_ref();
        self.text(
            "resource",
            expect.resource.as_deref(),
            resource.map(|it| it.path.as_str()),
        );
        let cache = expect.cache.map(explanation::Keeping::word);
        self.text("cache", cache, resource.map(|it| it.keeping.word()));
    }

    fn calling(&mut self, expect: &Expect, told: &Explanation) {
        if let Some(expected) = &expect.scopes {
            let sorted = |scopes: &[String]| {
                let mut scopes = scopes.to_vec();
                scopes.sort_unstable();
                listed(&scopes)
            };
            let got = told.caller.as_ref().map(|caller| sorted(&caller.scopes));
            self.text("scopes", Some(&sorted(expected)), got.as_deref());
        }
        let tier = told.subscription.as_ref().and_then(|it| it.tier.as_deref());
        self.text("tier", expect.tier.as_deref(), tier);
        let endpoints = expect.endpoints.map(|endpoints| endpoints.word().to_lowercase());
        self.text("endpoints", endpoints.as_deref(), told.endpoints.as_deref());
    }

    /// Looks for a text in what the deciding stage says; in what any says, where none refuses.
    fn why(&mut self, expect: &Expect, told: &Explanation) {
        let Some(wanted) = &expect.why else { return };
        let refusing = told.steps.iter().find(|step| step.outcome == Outcome::Refused);
        let passed = told.steps.iter().filter(|step| step.outcome == Outcome::Passed);
        let steps: Vec<_> = match refusing {
            Some(step) => vec![step],
            None => passed.collect(),
        };
        let texts = |step: &explanation::Step| {
            let said = [step.says.clone(), step.rule.clone()];
            said.into_iter().chain(step.details.clone()).collect::<Vec<_>>()
        };
        let said: Vec<_> = steps
            .into_iter()
            .flat_map(texts)
            .filter(|text| !text.is_empty())
            .collect();
        if !said.iter().any(|text| text.contains(wanted.as_str())) {
            self.differ("why", format!("{wanted:?} in it"), said.join(" | "));
        }
    }

    fn text(&mut self, field: &str, expected: Option<&str>, got: Option<&str>) {
        if let Some(expected) = expected.filter(|expected| got != Some(*expected)) {
            self.differ(field, expected.to_owned(), got.unwrap_or("none").to_owned());
        }
    }

    fn differ(&mut self, field: &str, expected: String, got: String) {
        let key = self.key;
        let position = self.trial.place(&format!("{key}.{field}"));
        let field = if key == "then" {
            format!("then.{field}")
        } else {
            field.to_owned()
        };
        self.found.push(Difference::new(field, (expected, got), &position));
    }
}

fn listed(words: &[String]) -> String {
    if words.is_empty() {
        "none".to_owned()
    } else {
        words.join(" ")
    }
}

fn decision(expected: Decision) -> &'static str {
    match expected {
        Decision::Allowed => "allowed",
        Decision::Answered => "answered",
        Decision::Own => "own",
        Decision::Refused => "refused",
    }
}

fn word(told: explanation::Decision) -> &'static str {
    match told {
        explanation::Decision::Permitted => "allowed",
        explanation::Decision::Answered => "answered",
        explanation::Decision::Own => "own",
        explanation::Decision::Refused => "refused",
    }
}
