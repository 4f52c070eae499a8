//! What makes stated conditions Conditions.

use regex::{Regex, RegexBuilder};

use super::page::{Spot, unrepeated};
use crate::model::address::{AddressError, Addresses};
use crate::model::condition::{Condition, Part, Test};
use crate::model::document::{self, Several};
use crate::model::violation::Violation;

/// Believes a list of conditions.
pub(super) fn believe(list: &Spot<'_>, stated: &[document::Condition], found: &mut Vec<Violation>) -> Vec<Condition> {
    if stated.len() > MOST {
        found.push(
            list.element(MOST)
                .blame(format!("there are more than {MOST} conditions")),
        );
    }
    let each = stated.iter().enumerate();
    each.filter_map(|(index, stated)| condition(&list.element(index), stated, found))
        .collect()
}

fn condition(spot: &Spot<'_>, stated: &document::Condition, found: &mut Vec<Violation>) -> Option<Condition> {
    let by_address = spot.states("ip").then_some("ip");
    let named = [
        ("header", &stated.header),
        ("query", &stated.query),
        ("claim", &stated.claim),
    ];
    let mut named = named
        .into_iter()
        .filter_map(|(key, name)| Some((key, name.as_deref()?)));
    let part = match (by_address, named.next(), named.next()) {
        (Some(_), None, None) => by_addresses(spot, stated, found)?,
        (None, Some((key, name)), None) => by_value(spot, (key, name), test(spot, stated, found)?, found)?,
        (None, None, None) if ["ip", "header", "query", "claim"].iter().any(|key| spot.lost(key)) => return None,
        _ => {
            let violation = spot.blame("a condition is about one of `ip`, `header`, `query` and `claim`");
            found.push(violation.fix("state one of the four"));
            return None;
        }
    };
    Some(Condition {
        part,
        is_inverted: stated.not,
    })
}

fn by_addresses(spot: &Spot<'_>, stated: &document::Condition, found: &mut Vec<Violation>) -> Option<Part> {
    for key in ["is", "matches"].into_iter().filter(|key| spot.states(key)) {
        let violation = spot.key(key).blame(format!("an address is not compared by `{key}`"));
        found.push(violation.fix(format!("write the addresses to `ip`, and remove `{key}`")));
    }
    let believed = addresses(&spot.key("ip"), &stated.ip, found);
    (!believed.is_empty()).then_some(Part::Address(believed))
}

fn by_value(
    spot: &Spot<'_>,
    (key, name): (&'static str, &str),
    test: Test,
    found: &mut Vec<Violation>,
) -> Option<Part> {
    let at = spot.key(key);
    if name.is_empty() {
        found.push(at.blame(format!("`{key}` names nothing")).fix("write a name"));
        return None;
    }
    match key {
        "claim" => Some(Part::Claim(name.to_owned(), test)),
        "query" => Some(Part::Query(name.to_owned(), test)),
        _ => match name.to_ascii_lowercase().parse() {
            Ok(field) => Some(Part::Header(field, test)),
            Err(_) => {
                found.push(at.blame(format!("`{name}` is not the name of a header field")));
                None
            }
        },
    }
}

fn test(spot: &Spot<'_>, stated: &document::Condition, found: &mut Vec<Violation>) -> Option<Test> {
    let values = &stated.is.texts;
    unrepeated(&spot.key("is"), values, found);
    match (&stated.matches, spot.states("is")) {
        (None, false) => Some(Test::Present),
        (None, true) if values.is_empty() && !spot.lost("is") => {
            let violation = spot.key("is").blame("nothing is one of no values");
            found.push(violation.fix("write a value, or remove `is` to ask only whether it is there"));
            None
        }
        (None, true) => Some(Test::OneOf(values.clone())),
        (Some(pattern), false) => match expression(pattern) {
            Ok(expression) => Some(Test::Matches(expression)),
            Err(error) => {
                let why = error.to_string();
                let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
                let violation = spot
                    .key("matches")
                    .blame(format!("`{pattern}` is not a regular expression: {why}"));
                found.push(violation);
                None
            }
        },
        (Some(_), true) => {
            let violation = spot
                .key("matches")
                .blame("a value is compared by either `is` or `matches`");
            found.push(violation.fix("remove one of the two"));
            None
        }
    }
}

/// Compiles a regular expression, of no more than a bounded size.
fn expression(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(LARGEST).build()
}

/// Believes addresses; whether there are any is for the caller to ask.
pub(super) fn addresses(at: &Spot<'_>, stated: &Several, found: &mut Vec<Violation>) -> Vec<Addresses> {
    let Several { texts, is_list } = stated;
    unrepeated(at, texts, found);
    if *is_list && texts.is_empty() {
        found.push(
            at.blame("there are no addresses")
                .fix("write an address, or remove the key"),
        );
    }
    let mut believed = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let element = at.element(index);
        let at = if *is_list { &element } else { at };
        match Addresses::parse(text) {
            Ok(addresses) => believed.push(addresses),
            Err(AddressError::HostBits(network)) => {
                let violation = at.blame(format!(
                    "`{text}` is not a network: {}",
                    AddressError::HostBits(network)
                ));
                found.push(violation.fix(format!("write `{network}`, or the address alone")));
            }
            Err(error @ (AddressError::Backwards | AddressError::Mixed | AddressError::Unreadable)) => {
                found.push(at.blame(format!("`{text}` names no addresses: {error}")));
            }
        }
    }
    believed
}

/// So many conditions make a group.
const MOST: usize = 16;

/// So large a compiled expression may get, in bytes.
const LARGEST: usize = 256 * 1024;
