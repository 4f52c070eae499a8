//! What an endpoint may be, whatever format states it.

use std::time::Duration;

use super::note::Notes;
use super::resources::unrepeated;
use super::tree::Item;
use crate::model::document::Several;
use crate::model::unit::Period;

/// Makes texts a list of the document; none at all is as if nothing was stated.
pub(super) fn several(texts: Vec<String>) -> Several {
    Several {
        is_list: !texts.is_empty(),
        texts: unrepeated(texts),
    }
}

/// Returns the URL of an endpoint without the slash at its end, or notes why it is none.
pub(super) fn usable(url: &str, at: &str, notes: &mut Notes) -> Option<String> {
    let begins = |scheme: &str| {
        url.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    if begins("http://") || begins("https://") {
        return Some(url.trim_end_matches('/').to_owned());
    }
    notes.add(
        at,
        "is not the absolute URL of an http or https endpoint, and is left out",
    );
    None
}

/// Makes a number of milliseconds a time; what is none, or no time at all, is noted.
pub(super) fn milliseconds(item: &Item, notes: &mut Notes) -> Option<Period> {
    if item.text().is_some_and(|text| text.is_empty()) {
        return None;
    }
    match item.number() {
        Some(number) if (1..=LONGEST_TIME).contains(&number) => Some(Period(Duration::from_millis(number))),
        _ => {
            notes.add(&item.at, "is not a number of milliseconds, at least 1, and is left out");
            None
        }
    }
}

pub(super) const FAILOVER: &str = "endpoints take turns here, and one that fails is set aside for a \
    while; there, the others are called only while the first one fails";
pub(super) const SECURITY: &str = "what the gateway would have to show to the endpoint is not taken over: \
    it would call it without";

const LONGEST_TIME: u64 = 86_400_000;
