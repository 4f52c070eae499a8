//! What has been purged: rules that entries are held against when they are next asked for.
//!
//! Each purge is a rule with a number of its own. An entry remembers the number up to which it has been held against
//! the rules, so a lookup compares two numbers, and looks at rules once after each purge, at one table lookup for each
//! label of the entry and one comparison for each prefix. A purge itself is one insertion, whatever it names, and in
//! force when it returns. [`Store::settle`](super::Store::settle) then walks over everything once, to give memory and
//! disk back.
//!
//! A rule that everything has been held against is kept for [`KEPT`], since what was asked for before the purge may still
//! be on its way, and after that as a number alone: what is older than the newest forgotten rule is taken for purged.
//! When half of the rules that there may be are there, it is time to settle, which then keeps the newest quarter. Should
//! so many come at once that none are left before that, the older half goes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use super::labels::{self, Labels};

/// A moment among purges: what is purged later has a higher one.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Stamp(pub(super) u64);

impl Stamp {
    /// Returns how many purges there were since an earlier moment.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// What becomes of purged entries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// They are forgotten.
    Hard,
    /// They are stale: to be validated, and still there if the origin fails, as their stale rules say.
    Soft,
}

/// Every purge that something may not have been held against.
#[derive(Default)]
pub(super) struct Purges {
    latest: AtomicU64,
    rules: RwLock<Rules>,
}

#[derive(Default)]
struct Rules {
    latest: u64,
    forgotten: u64,
    marks: HashMap<u64, Rule, ahash::RandomState>,
    prefixes: HashMap<(u64, Box<str>), Rule, ahash::RandomState>,
}

/// The newest purges of one selector; 0 is before any.
#[derive(Clone, Copy)]
struct Rule {
    hard: u64,
    soft: u64,
    at: SystemTime,
}

/// How an entry stands with the purges so far.
pub(super) struct Standing {
    checked: AtomicU64,
    /// Milliseconds since 1970 from which it is stale.
    stale: AtomicU64,
}

/// What the purges so far mean for an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// Nothing.
    Good,
    /// It is no longer there.
    Gone,
    /// It is stale since a time.
    Stale(SystemTime),
}

impl Purges {
    /// Returns the present moment.
    pub(super) fn stamp(&self) -> Stamp {
        Stamp(self.latest.load(Ordering::Acquire))
    }

    /// Adds a rule, which is in force when this returns; true when it is time to settle.
    pub(super) fn add(&self, mark: u64, prefix: Option<&str>, kind: Kind, now: SystemTime) -> bool {
        let mut rules = self.rules.write();
        rules.make_room(mark, prefix);
        rules.latest += 1;
        rules.add(mark, prefix, kind, now);
        self.latest.store(rules.latest, Ordering::Release);
        rules.marks.len() >= MOST_MARKS / 2 || rules.prefixes.len() >= MOST_PREFIXES / 2
    }

    /// Holds an entry against what it has not been held against.
    pub(super) fn verdict(&self, address: u64, labels: &Labels, standing: &Standing) -> Verdict {
        let checked = standing.checked.load(Ordering::Acquire);
        if checked < self.latest.load(Ordering::Acquire) {
            let rules = self.rules.read();
            standing.mark(rules.examine(address, labels, checked));
            standing.checked.fetch_max(rules.latest, Ordering::Release);
        }
        standing.verdict()
    }

    /// Forgets what everything that is there has been held against up to a moment: the rules that nothing on its way can
    /// be older than, and of many all but the newest.
    pub(super) fn forget(&self, held: Stamp, now: SystemTime) {
        let mut rules = self.rules.write();
        let marks = floor(&rules.marks, MOST_MARKS / 2, MOST_MARKS / 4);
        let prefixes = floor(&rules.prefixes, MOST_PREFIXES / 2, MOST_PREFIXES / 4);
        let is_old = |rule: &Rule| now.duration_since(rule.at).is_ok_and(|age| age > KEPT);
        let goes = |rule: &Rule, floor: u64| rule.newest() <= held.0 && (rule.newest() < floor || is_old(rule));
        rules.forget(|rule| goes(rule, marks), |rule| goes(rule, prefixes));
    }

    /// Returns what was purged after a moment, and the present one, for who keeps that elsewhere.
    pub(super) fn since(&self, moment: Stamp) -> (Stamp, Vec<Purged>) {
        let rules = self.rules.read();
        let mut purged = Vec::new();
        if rules.forgotten > moment.0 {
            purged.push(Purged::everything());
        }
        let is_newer = |rule: &Rule| rule.newest() > moment.0;
        let marks = rules.marks.iter().filter(|(_, rule)| is_newer(rule));
        purged.extend(marks.map(|(mark, _)| Purged {
            mark: *mark,
            prefix: None,
        }));
        let prefixes = rules.prefixes.iter().filter(|(_, rule)| is_newer(rule));
        purged.extend(prefixes.map(|((mark, prefix), _)| Purged {
            mark: *mark,
            prefix: Some(prefix.clone()),
        }));
        (Stamp(rules.latest), purged)
    }

    /// Counts the rules that are kept.
    pub(super) fn len(&self) -> usize {
        let rules = self.rules.read();
        rules.marks.len() + rules.prefixes.len()
    }
}

impl Rules {
    /// Forgets the older half where there is no room for one more.
    fn make_room(&mut self, mark: u64, prefix: Option<&str>) {
        let (marks, prefixes) = match prefix {
            None if !self.marks.contains_key(&mark) => (floor(&self.marks, MOST_MARKS - 1, MOST_MARKS / 2), 0),
            Some(prefix) if !self.prefixes.contains_key(&(mark, prefix.into())) => {
                (0, floor(&self.prefixes, MOST_PREFIXES - 1, MOST_PREFIXES / 2))
            }
            None | Some(_) => return,
        };
        self.forget(|rule| rule.newest() < marks, |rule| rule.newest() < prefixes);
    }

    fn add(&mut self, mark: u64, prefix: Option<&str>, kind: Kind, now: SystemTime) {
        let latest = self.latest;
        let new = Rule {
            hard: 0,
            soft: 0,
            at: now,
        };
        let rule = match prefix {
            None => self.marks.entry(mark).or_insert(new),
            Some(prefix) => self.prefixes.entry((mark, prefix.into())).or_insert(new),
        };
        rule.at = now;
        match kind {
            Kind::Hard => rule.hard = latest,
            Kind::Soft => rule.soft = latest,
        }
    }

    fn examine(&self, address: u64, labels: &Labels, checked: u64) -> u64 {
        if checked < self.forgotten {
            return GONE;
        }
        let marked = labels.marks().chain([address]).filter_map(|mark| self.marks.get(&mark));
        let below = self
            .prefixes
            .iter()
            .filter(|((scope, prefix), _)| labels.is_below(*scope, prefix))
            .map(|(_, rule)| rule);
        marked
            .chain(below)
            .map(|rule| rule.since(checked))
            .min()
            .unwrap_or(GOOD)
    }

    fn forget(&mut self, mark_goes: impl Fn(&Rule) -> bool, prefix_goes: impl Fn(&Rule) -> bool) {
        let mut forgotten = self.forgotten;
        let mut stays = |rule: &Rule, goes: bool| {
            if goes {
                forgotten = forgotten.max(rule.newest());
            }
            !goes
        };
        self.marks.retain(|_, rule| stays(rule, mark_goes(rule)));
        self.prefixes.retain(|_, rule| stays(rule, prefix_goes(rule)));
        self.forgotten = forgotten;
    }
}

/// Returns the number from which on rules stay where more than some are there, so that so many are left; else 0.
fn floor<K>(rules: &HashMap<K, Rule, ahash::RandomState>, most: usize, left: usize) -> u64 {
    if rules.len() <= most {
        return 0;
    }
    let mut numbers: Vec<u64> = rules.values().map(Rule::newest).collect();
    let goes = numbers.len() - left;
    *numbers.select_nth_unstable(goes).1
}

/// What a rule names, without its moment.
#[derive(Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Purged {
    pub(super) mark: u64,
    pub(super) prefix: Option<Box<str>>,
}

impl Purged {
    fn everything() -> Self {
        Self {
            mark: labels::EVERYTHING,
            prefix: None,
        }
    }
}

impl Rule {
    fn newest(&self) -> u64 {
        self.hard.max(self.soft)
    }

    /// Returns since when what was last held against rule `checked` is stale by this one.
    fn since(&self, checked: u64) -> u64 {
        if self.hard > checked {
            GONE
        } else if self.soft > checked {
            milliseconds(self.at)
        } else {
            GOOD
        }
    }
}

impl Clone for Standing {
    fn clone(&self) -> Self {
        // The number first: what is marked after it has been read is examined once more.
        let checked = self.checked.load(Ordering::Acquire);
        Self {
            checked: AtomicU64::new(checked),
            stale: AtomicU64::new(self.stale.load(Ordering::Acquire)),
        }
    }
}

impl Standing {
    /// Begins as it was when the origin was asked.
    pub(super) fn at(stamp: Stamp) -> Self {
        Self {
            checked: AtomicU64::new(stamp.0),
            stale: AtomicU64::new(GOOD),
        }
    }

    fn mark(&self, stale: u64) {
        self.stale.fetch_min(stale, Ordering::AcqRel);
    }

    fn verdict(&self) -> Verdict {
        match self.stale.load(Ordering::Acquire) {
            GOOD => Verdict::Good,
            GONE => Verdict::Gone,
            since => Verdict::Stale(SystemTime::UNIX_EPOCH + Duration::from_millis(since)),
        }
    }
}

const GONE: u64 = 0;
const GOOD: u64 = u64::MAX;

/// Rules without and with a prefix that are kept.
const MOST_MARKS: usize = 16_384;
const MOST_PREFIXES: usize = 256;

/// How long a rule is kept: no origin is waited for that long.
const KEPT: Duration = Duration::from_secs(15 * 60);

fn milliseconds(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis())
        .unwrap_or(GOOD - 1)
        .clamp(GONE + 1, GOOD - 1)
}

#[cfg(test)]
mod tests {
    use super::super::labels::{Owner, Scope, Selector};
    use super::*;

    const OWNER: Owner<'_> = Owner {
        tenant: "t",
        api: "a",
        version: "1",
    };

    fn purge(purges: &Purges, selector: Selector<'_>, kind: Kind) {
        let (mark, prefix) = selector.mark();
        purges.add(mark, prefix, kind, now());
    }

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000)
    }

    fn labels(target: &str) -> Labels {
        Labels::new(OWNER, target).tagged("t", ["red", "blue"]).unwrap()
    }

    #[test]
    fn each_selector_names_what_it_says_and_nothing_else() {
        let scope = |scope| Selector::Scope(scope);
        let tenant = |tenant| Owner { tenant, ..OWNER };
        let prefix = |within, prefix| Selector::Prefix { within, prefix };
        let target = |target| Selector::Target { owner: OWNER, target };
        let tag = |tenant, tag| Selector::Tag { tenant, tag };
        let hits = [
            scope(Scope::Everything),
            scope(Scope::Tenant("t")),
            scope(Scope::Api { tenant: "t", api: "a" }),
            scope(Scope::Version(OWNER)),
            prefix(Scope::Everything, "/v"),
            prefix(Scope::Tenant("t"), ""),
            prefix(Scope::Version(OWNER), "/videos/1?x=2"),
            target("/videos/1?x=2"),
            tag("t", "red"),
            tag("t", "blue"),
        ];
        let misses = [
            scope(Scope::Tenant("ta")),
            scope(Scope::Api { tenant: "ta", api: "" }),
            scope(Scope::Api { tenant: "t", api: "1" }),
            scope(Scope::Version(tenant("u"))),
            scope(Scope::Version(Owner { version: "2", ..OWNER })),
            prefix(Scope::Version(OWNER), "/videos/1?x=23"),
            prefix(Scope::Tenant("u"), "/v"),
            target("/videos/1"),
            tag("u", "red"),
            tag("t", "re"),
        ];
        for (selectors, expected) in [(hits, Verdict::Gone), (misses, Verdict::Good)] {
            for selector in selectors {
                let purges = Purges::default();
                let (before, labels) = (Standing::at(purges.stamp()), labels("/videos/1?x=2"));
                purge(&purges, selector, Kind::Hard);
                assert_eq!(purges.verdict(9, &labels, &before), expected, "{selector:?}");
                let after = Standing::at(purges.stamp());
                assert_eq!(purges.verdict(9, &labels, &after), Verdict::Good, "{selector:?}");
            }
        }
    }

    #[test]
    fn soft_is_stale_since_then_and_hard_wins() {
        let purges = Purges::default();
        let (standing, labels) = (Standing::at(purges.stamp()), labels("/"));
        purge(&purges, Selector::Scope(Scope::Everything), Kind::Soft);
        assert_eq!(purges.verdict(9, &labels, &standing), Verdict::Stale(now()));
        purge(
            &purges,
            Selector::Tag {
                tenant: "t",
                tag: "red",
            },
            Kind::Hard,
        );
        assert_eq!(purges.verdict(9, &labels, &standing), Verdict::Gone);
    }

    fn tag(tag: &str) -> Selector<'_> {
        Selector::Tag { tenant: "t", tag }
    }

    #[test]
    fn rules_are_bounded_and_the_oldest_go_first() {
        let purges = Purges::default();
        let (early, labels) = (Standing::at(purges.stamp()), labels("/"));
        let add = |number: usize| {
            let (mark, _) = tag(&number.to_string()).mark();
            purges.add(mark, None, Kind::Hard, now())
        };
        let due = (0..MOST_MARKS).map(add).filter(|is_due| *is_due).count();
        assert_eq!((due, purges.len()), (MOST_MARKS / 2 + 1, MOST_MARKS));
        assert_eq!(purges.verdict(9, &labels, &early), Verdict::Good);
        let (unseen, late) = (Standing::at(Stamp(0)), Standing::at(purges.stamp()));
        // What is there already takes no room.
        add(0);
        assert_eq!(purges.len(), MOST_MARKS);
        add(MOST_MARKS);
        assert_eq!(purges.len(), MOST_MARKS / 2 + 1);
        // What was held against all of them stands; what was held against none is gone.
        assert_eq!(purges.verdict(9, &labels, &late), Verdict::Good);
        assert_eq!(purges.verdict(9, &labels, &early), Verdict::Good);
        assert_eq!(purges.verdict(9, &labels, &unseen), Verdict::Gone);
        for number in 0..2 * MOST_PREFIXES {
            let prefix = &number.to_string();
            let within = Scope::Everything;
            purge(&purges, Selector::Prefix { within, prefix }, Kind::Hard);
        }
        assert!(purges.len() <= MOST_MARKS / 2 + 1 + MOST_PREFIXES);
    }

    #[test]
    fn many_rules_are_few_after_everything_was_held_against_them() {
        let purges = Purges::default();
        let labels = labels("/");
        for number in 0..MOST_MARKS / 2 + 1 {
            purge(&purges, tag(&number.to_string()), Kind::Hard);
        }
        let (held, standing) = (purges.stamp(), Standing::at(Stamp(0)));
        assert_eq!(purges.verdict(9, &labels, &standing), Verdict::Good);
        purge(&purges, tag("later"), Kind::Hard);
        purges.forget(held, now());
        assert_eq!(purges.len(), MOST_MARKS / 4);
        assert_eq!(purges.verdict(9, &labels, &standing), Verdict::Good);
        assert_eq!(purges.since(held).1.len(), 1);
    }

    #[test]
    fn what_was_purged_since_a_moment_is_told() {
        let purges = Purges::default();
        purge(&purges, tag("before"), Kind::Hard);
        let moment = purges.stamp();
        purge(&purges, tag("after"), Kind::Soft);
        let within = Scope::Tenant("t");
        purge(&purges, Selector::Prefix { within, prefix: "/a" }, Kind::Hard);
        let (now_is, told) = purges.since(moment);
        let named = |selector: Selector<'_>| {
            let (mark, prefix) = selector.mark();
            let prefix = prefix.map(Into::into);
            Purged { mark, prefix }
        };
        let expected = [named(tag("after")), named(Selector::Prefix { within, prefix: "/a" })];
        assert_eq!((now_is, told), (purges.stamp(), expected.into()));
        assert!(purges.since(now_is).1.is_empty());
        // Forgotten, it can have been anything.
        purges.forget(now_is, now() + 2 * KEPT);
        assert_eq!(purges.since(moment).1, [Purged::everything()]);
    }

    #[test]
    fn a_rule_is_forgotten_when_nothing_older_can_be_on_its_way() {
        let purges = Purges::default();
        let (early, labels) = (Standing::at(purges.stamp()), labels("/"));
        purge(&purges, tag("green"), Kind::Hard);
        purges.forget(purges.stamp(), now() + KEPT);
        assert_eq!(purges.len(), 1);
        assert_eq!(purges.verdict(9, &labels, &early), Verdict::Good);
        let later = now() + KEPT + Duration::from_secs(1);
        purges.forget(Stamp(0), later);
        assert_eq!(purges.len(), 1, "not everything was held against it");
        purges.forget(purges.stamp(), later);
        assert_eq!(purges.len(), 0);
        let late = Standing::at(Stamp(0));
        assert_eq!(purges.verdict(9, &labels, &late), Verdict::Gone);
    }
}
