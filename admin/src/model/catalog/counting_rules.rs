//! What makes a stated counting rule a CountingRule.

use std::collections::HashMap;

use super::conditions;
use super::known::Known;
use super::limits::{self, Unlimited};
use super::page::{Origin, Page, Spot, named};
use crate::model::counting_rule::{CountingRule, KeyTemplate, TemplateError, Variable};
use crate::model::document;
use crate::model::name::{RuleName, TenantName};
use crate::model::suggestion::did_you_mean;
use crate::model::violation::Violation;

/// Believes the counting rules of every file, in their order.
pub(super) fn believe(pages: &[Page], known: &Known<'_>, found: &mut Vec<Violation>) -> Vec<CountingRule> {
    let mut names = HashMap::new();
    let mut rules = Vec::new();
    for page in pages {
        let list = page.spot().key("counting_rules");
        for (index, stated) in page.document.counting_rules.iter().enumerate() {
            let spot = list.element(index);
            if let Some(rule) = rule(&spot, stated, known, found) {
                check_name(&spot, &rule, &mut names, found);
                rules.push(rule);
            }
        }
    }
    rules
}

fn rule(
    spot: &Spot<'_>,
    stated: &document::CountingRule,
    known: &Known<'_>,
    found: &mut Vec<Violation>,
) -> Option<CountingRule> {
    let name = named(&spot.key("name"), &stated.name, RuleName::parse, found);
    let tenant = known.tenant(&spot.key("tenant"), stated.tenant.as_deref(), found);
    check_everywhere(spot, (stated.everywhere, tenant.as_ref()), found);
    let limits = limits::believe(spot, (&stated.limits, Unlimited::Never), found);
    let conditions = conditions::believe(&spot.key("conditions"), &stated.conditions, found);
    let key = KeyTemplate::parse(&stated.key).map_err(|error| found.push(unreadable(&spot.key("key"), stated, &error)));
    Some(CountingRule {
        name: name?,
        tenant: tenant?,
        is_everywhere: stated.everywhere,
        key: key.ok()?,
        conditions,
        limits,
        is_hard: stated.stop_on_quota,
        place: spot.place(),
    })
}

/// Blames what another tenant than the first would have said of all of them.
pub(super) fn check_everywhere(
    spot: &Spot<'_>,
    (is_everywhere, tenant): (bool, Option<&TenantName>),
    found: &mut Vec<Violation>,
) {
    if is_everywhere && tenant.is_some_and(|tenant| *tenant != TenantName::root()) {
        let violation = spot
            .key("everywhere")
            .blame("only a rule of `carbon.super` is for the APIs of every tenant");
        found.push(violation.fix("remove `everywhere`, or `tenant`"));
    }
}

fn check_name<'a>(
    spot: &Spot<'a>,
    rule: &CountingRule,
    names: &mut HashMap<(TenantName, RuleName), Origin<'a>>,
    found: &mut Vec<Violation>,
) {
    let at = spot.key("name");
    let key = (rule.tenant.clone(), rule.name.clone());
    if let Some(first) = names.get(&key) {
        let first = first.seen_from(&at);
        found.push(at.blame(format!("the counting rule `{}` is stated already ({first})", rule.name)));
    } else {
        names.insert(key, at.origin());
    }
}

fn unreadable(at: &Spot<'_>, stated: &document::CountingRule, error: &TemplateError) -> Violation {
    let violation = at.blame(format!("`{}` is not a key: {error}", stated.key));
    let all = || {
        let words = Variable::WORDS.map(|word| {
            let name = if word.ends_with(':') { "NAME" } else { "" };
            format!("`{{{word}{name}}}`")
        });
        format!("the variables are {}", words.join(", "))
    };
    match error {
        TemplateError::BadHeader(_) | TemplateError::Many | TemplateError::Twice(_) => violation,
        TemplateError::Braces => violation.fix("write variables as `{application}`"),
        TemplateError::Constant => violation.fix(all()),
        TemplateError::Unknown(text) => {
            let (kind, rest) = text
                .split_once(':')
                .map_or((text.as_str(), ""), |(kind, _)| (kind, ":"));
            let near = did_you_mean(&format!("{kind}{rest}"), Variable::WORDS);
            violation.fix(near.unwrap_or_else(all))
        }
    }
}
