//! What makes stated figures Limits.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::page::Spot;
use crate::model::document;
use crate::model::tier::{Limit, Window};
use crate::model::violation::Violation;

/// Whether a table may be without limits, and says so.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unlimited {
    /// It must have some.
    Never,
    /// It says whether it has none.
    Stated(bool),
}

/// Believes the `limits` of the table here.
pub(super) fn believe(
    table: &Spot<'_>,
    (stated, unlimited): (&[document::Limit], Unlimited),
    found: &mut Vec<Violation>,
) -> Vec<Limit> {
    let list = table.key("limits");
    match (stated.is_empty(), unlimited) {
        (true, Unlimited::Never | Unlimited::Stated(false)) if !table.lost("limits") => {
            let or = if unlimited == Unlimited::Never {
                ""
            } else {
                ", or `unlimited = true` beside it"
            };
            let fix = format!("write `limits = [{{ requests = 1000, per = \"1m\" }}]`{or}");
            found.push(list.blame("at least one limit is wanted").fix(fix));
        }
        (false, Unlimited::Stated(true)) => {
            let violation = table.key("unlimited").blame("what is unlimited has no limits");
            found.push(violation.fix("remove `unlimited`, or write `limits = []`"));
        }
        (true | false, _) => {}
    }
    if stated.len() > MOST {
        found.push(list.element(MOST).blame(format!("there are more than {MOST} limits")));
    }
    let each = stated.iter().enumerate();
    each.filter_map(|(index, stated)| limit(&list.element(index), stated, found))
        .collect()
}

fn limit(spot: &Spot<'_>, stated: &document::Limit, found: &mut Vec<Violation>) -> Option<Limit> {
    let document::Limit {
        requests,
        bytes,
        concurrent,
        burst,
        ..
    } = *stated;
    let is_positive = [
        is_positive(spot, "requests", requests, found),
        is_positive(spot, "bytes", bytes.map(|bytes| bytes.0), found),
        is_positive(spot, "concurrent", concurrent, found),
        is_positive(spot, "burst", burst, found),
    ];
    let counted = match (requests, bytes, concurrent) {
        (Some(requests), None, None) => requests,
        (None, Some(bytes), None) => bytes.0,
        (None, None, Some(concurrent)) => {
            return alone(spot, stated, found).then_some(Limit::Concurrent(concurrent));
        }
        (None, None, None) if ["requests", "bytes", "concurrent"].iter().any(|key| spot.lost(key)) => return None,
        _ => {
            let violation = spot.blame("a limit counts one of `requests`, `bytes` and `concurrent`");
            found.push(violation.fix("state one of the three"));
            return None;
        }
    };
    if burst.is_some() && bytes.is_some() {
        let violation = spot.key("burst").blame("a burst is of requests");
        found.push(violation.fix("remove `burst`, or state `requests`"));
    }
    let window = window(spot, stated, found)?;
    if is_positive.contains(&false) {
        return None;
    }
    match (burst, window, bytes) {
        (Some(capacity), Window::Sliding(per), _) => Some(Limit::Burst {
            capacity,
            rate: counted,
            per,
        }),
        (Some(_), Window::Calendar(..), _) => {
            let violation = spot.key("burst").blame("what comes back of a burst has no calendar");
            found.push(violation.fix("write `per = \"1s\"` in the place of `calendar`"));
            None
        }
        (None, window, None) => Some(Limit::Requests(counted, window)),
        (None, window, Some(_)) => Some(Limit::Bytes(counted, window)),
    }
}

fn is_positive(spot: &Spot<'_>, key: &'static str, figure: Option<u64>, found: &mut Vec<Violation>) -> bool {
    if figure == Some(0) {
        let violation = spot.key(key).blame("a limit must be more than zero");
        found.push(violation.fix("write 1 or more; who may not call at all is refused by a `[[deny]]`"));
    }
    figure != Some(0)
}

/// Blames what means nothing for requests that are under way.
fn alone(spot: &Spot<'_>, stated: &document::Limit, found: &mut Vec<Violation>) -> bool {
    let others = [
        ("per", stated.per.is_some()),
        ("calendar", stated.calendar.is_some()),
        ("zone", stated.zone.is_some()),
        ("burst", stated.burst.is_some()),
    ];
    for (key, _) in others.iter().filter(|(_, is_stated)| *is_stated) {
        let violation = spot
            .key(key)
            .blame(format!("requests at the same time are counted without `{key}`"));
        found.push(violation.fix(format!("remove `{key}`")));
    }
    others.iter().all(|(_, is_stated)| !is_stated) && stated.concurrent != Some(0)
}

fn window(spot: &Spot<'_>, stated: &document::Limit, found: &mut Vec<Violation>) -> Option<Window> {
    let zone = stated.zone.as_deref();
    match (stated.per, stated.calendar) {
        (Some(per), None) => {
            if zone.is_some() {
                let violation = spot.key("zone").blame("a window that slides has no time zone");
                found.push(violation.fix("remove `zone`, or write `calendar = \"day\"` in the place of `per`"));
            }
            let is_span = (SHORTEST..=LONGEST).contains(&per.0);
            if !is_span {
                let violation = spot
                    .key("per")
                    .blame("`per` must be between a millisecond and ten years");
                found.push(violation.fix("write a time such as `\"1s\"`, `\"1m\"` or `\"1day\"`"));
            }
            is_span.then_some(Window::Sliding(per.0))
        }
        (None, Some(span)) => {
            let zone = zone.unwrap_or(UTC);
            if TimeZone::get(zone).is_err() {
                let violation = spot.key("zone").blame(format!("unknown time zone `{zone}`"));
                found.push(violation.fix("write a name of the tz database, such as `UTC` or `Europe/Zurich`"));
                return None;
            }
            Some(Window::Calendar(span, zone.to_owned()))
        }
        (None, None) if spot.lost("per") || spot.lost("calendar") => None,
        _ => {
            let violation = spot.blame("a limit has either `per` or `calendar`");
            found.push(violation.fix("write `per = \"1m\"`, or `calendar = \"day\"` with a `zone`"));
            None
        }
    }
}

/// So many limits are held against one request by one tier.
const MOST: usize = 8;

const SHORTEST: Duration = Duration::from_millis(1);

/// Ten years.
const LONGEST: Duration = Duration::from_secs(3_660 * 86_400);

const UTC: &str = "UTC";
