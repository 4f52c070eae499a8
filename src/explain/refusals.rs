//! The last refusals of real requests, so that one can be explained by its request id.
//!
//! What is kept is what is needed to tell, cut to a length, and never what was shown. Both their number and their bytes
//! are bounded: the oldest goes. A refusal costs a few small copies and one short lock.

use std::collections::VecDeque;
use std::mem::size_of;
use std::net::IpAddr;
use std::time::SystemTime;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::packed::Packed;
use super::{rules, words};
use crate::credential::Flaw;
use crate::credential::caller::Caller;
use crate::denial::Denial;
use crate::model::place::Place;
use crate::snapshot::{Route, Snapshot, Version};

/// The last refusals.
#[derive(Debug)]
pub struct Refusals {
    most: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    ring: VecDeque<Entry>,
    bytes: usize,
}

/// A refusal, as whoever refuses sees it.
#[derive(Clone, Copy, Debug)]
pub struct Sketch<'a> {
    /// The request id.
    pub id: &'a str,
    /// When the request came.
    pub at: SystemTime,
    /// Its method.
    pub method: &'a str,
    /// Its path as it was sent, without the query.
    pub path: &'a [u8],
    /// Its host as it was sent.
    pub host: &'a [u8],
    /// The caller's address.
    pub client: IpAddr,
    /// Why it was refused.
    pub denial: Denial,
    /// What was wrong with the credential.
    pub flaw: Option<Flaw>,
    /// The version that was called, where it got so far.
    pub version: Option<&'a Version>,
    /// The resource, where it got so far.
    pub route: Option<&'a Route>,
    /// Where the rule was stated that counts or denies, where it is one.
    pub rule: Option<&'a Place>,
    /// Who called, where that is known.
    pub caller: Option<&'a Caller>,
    /// What it was served from.
    pub snapshot: &'a Snapshot,
}

/// A refusal that is remembered.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// The request id.
    pub request_id: String,
    /// When the request came, as RFC 3339 has it.
    pub time: String,
    /// Its method.
    pub method: String,
    /// Its path, without the query.
    pub path: String,
    /// Its host.
    pub host: String,
    /// The caller's address.
    pub client: String,
    /// The status of the answer.
    pub status: u16,
    /// Its stable code.
    pub code: String,
    /// The name of the reason, as the access log has it.
    pub reason: String,
    /// What it means.
    pub says: String,
    /// The stage that refused; none where it was refused after the last of them.
    pub stage: Option<String>,
    /// The line behind it, as `file:line` was then; empty where it is no rule of the catalog's.
    pub rule: String,
    /// The tenant, the Api and the version.
    pub version: Option<[String; 3]>,
    /// The template of the resource.
    pub resource: Option<String>,
    /// The application that called.
    pub application: Option<String>,
    /// The user, or whom else the credential named.
    pub subject: Option<String>,
    /// What was wrong with the credential, as the access log names it.
    pub flaw: Option<String>,
    /// The scopes of which one was wanted, where none was enough.
    pub wanted_scopes: Vec<String>,
    /// The scopes that the credential held, where none was enough.
    pub held_scopes: Vec<String>,
    /// The revision of the catalog that it was refused by.
    pub revision: u64,
}

#[derive(Debug)]
struct Entry {
    at: SystemTime,
    client: IpAddr,
    denial: Denial,
    flaw: Option<Flaw>,
    revision: u64,
    rule: Place,
    texts: Packed<TEXTS>,
}

/// The places of what is kept as text.
const ID: usize = 0;
const METHOD: usize = 1;
const PATH: usize = 2;
const HOST: usize = 3;
const TENANT: usize = 4;
const API: usize = 5;
const VERSION: usize = 6;
const RESOURCE: usize = 7;
const APPLICATION: usize = 8;
const SUBJECT: usize = 9;
const WANTED: usize = 10;
const HELD: usize = 11;
const TEXTS: usize = 12;

impl Refusals {
    /// Keeps so many; none where that is 0.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            kept: Mutex::default(),
        }
    }

    /// Tells whether none is kept.
    pub fn keeps_nothing(&self) -> bool {
        self.most == 0
    }

    /// Remembers a refusal; the oldest is forgotten where there are too many, or they are too large.
    pub fn keep(&self, sketch: &Sketch<'_>) {
        if self.keeps_nothing() {
            return;
        }
        let entry = Entry::of(sketch);
        let mut forgotten = Vec::new();
        let mut kept = self.kept.lock();
        kept.bytes += entry.bytes();
        kept.ring.push_back(entry);
        while kept.ring.len() > self.most || kept.bytes > self.most.saturating_mul(USUAL) {
            let Some(oldest) = kept.ring.pop_front() else { break };
            kept.bytes -= oldest.bytes();
            forgotten.push(oldest);
        }
        // What is forgotten is freed when nobody waits.
        drop(kept);
    }

    /// Finds the refusals with a request id, the latest first; a few at most.
    pub fn find(&self, id: &str) -> Vec<Refused> {
        let kept = self.kept.lock();
        let found = kept.ring.iter().rev().filter(|entry| entry.texts.get(ID) == Some(id));
        found.take(MOST_FOUND).map(Entry::told).collect()
    }
}

impl Entry {
    fn of(sketch: &Sketch<'_>) -> Self {
        let Sketch {
            version, route, caller, ..
        } = *sketch;
        let is_scope = sketch.denial == Denial::MissingScope;
        let wanted = route.filter(|_| is_scope).map(|route| &route.scopes);
        let wanted = wanted.into_iter().flatten().map(|id| &*sketch.snapshot.scope(*id).key);
        let held = caller.filter(|_| is_scope).map(|caller| &caller.scopes);
        let stage = rules::stage(sketch.denial, (version.is_some(), caller.is_some()));
        let application = caller.and_then(|caller| caller.application.as_deref());
        let (path, host) = (
            String::from_utf8_lossy(sketch.path),
            String::from_utf8_lossy(sketch.host),
        );
        let names = version.map(Version::names);
        let wanted = joined(wanted, LONG);
        let held = joined(held.into_iter().flatten().map(|scope| &**scope), LONG);
        Self {
            at: sketch.at,
            client: sketch.client,
            denial: sketch.denial,
            flaw: sketch.flaw,
            revision: sketch.snapshot.revision(),
            rule: sketch
                .rule
                .or_else(|| rules::place(stage?, version, route))
                .cloned()
                .unwrap_or_default(),
            texts: Packed::of([
                (Some(sketch.id), SHORT),
                (Some(sketch.method), SHORT),
                (Some(&path), LONG),
                (Some(&host), SHORT),
                (names.map(|names| names.0), SHORT),
                (names.map(|names| names.1), SHORT),
                (names.map(|names| names.2), SHORT),
                (route.map(|route| &*route.template), LONG),
                (application.map(|application| &*application.name), SHORT),
                (caller.map(|caller| &*caller.subject), SHORT),
                (Some(&wanted), LONG),
                (Some(&held), LONG),
            ]),
        }
    }

    /// Returns how many bytes it takes.
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.texts.bytes()
    }

    fn told(&self) -> Refused {
        let fault = self.denial.fault();
        let maybe = |place| self.texts.get(place).map(str::to_owned);
        let text = |place| maybe(place).unwrap_or_default();
        let words = |place| text(place).split_ascii_whitespace().map(str::to_owned).collect();
        let has = |place| self.texts.get(place).is_some();
        Refused {
            request_id: text(ID),
            time: OffsetDateTime::from(self.at).format(&Rfc3339).unwrap_or_default(),
            method: text(METHOD),
            path: text(PATH),
            host: text(HOST),
            client: self.client.to_string(),
            status: fault.status.as_u16(),
            code: fault.code.to_owned(),
            reason: self.denial.name().to_owned(),
            says: words::flaw_or(self.flaw, fault.description),
            stage: rules::stage(self.denial, (has(VERSION), has(SUBJECT))).map(|stage| stage.name().to_owned()),
            rule: rules::setting(self.denial).map_or_else(|| self.rule.to_string(), str::to_owned),
            version: has(VERSION).then(|| [TENANT, API, VERSION].map(text)),
            resource: maybe(RESOURCE),
            application: maybe(APPLICATION),
            subject: maybe(SUBJECT),
            flaw: self.flaw.map(|flaw| flaw.name().to_owned()),
            wanted_scopes: words(WANTED),
            held_scopes: words(HELD),
            revision: self.revision,
        }
    }
}

fn joined<'a>(words: impl Iterator<Item = &'a str>, most: usize) -> String {
    let mut text = String::new();
    for word in words {
        if text.len() + word.len() + 1 > most {
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
    text
}

/// The bytes that one takes on average at most.
const USUAL: usize = 1024;
const SHORT: usize = 256;
const LONG: usize = 1024;
/// No more are told of one id.
const MOST_FOUND: usize = 10;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn keep(refusals: &Refusals, id: &str, path: &[u8]) {
        refusals.keep(&Sketch {
            id,
            at: SystemTime::UNIX_EPOCH,
            method: "GET",
            path,
            host: b"a.example",
            client: IpAddr::V4(Ipv4Addr::LOCALHOST),
            denial: Denial::UnknownApi,
            flaw: None,
            version: None,
            route: None,
            rule: None,
            caller: None,
            snapshot: &Snapshot::default(),
        });
    }

    #[test]
    fn the_last_ones_are_found_and_the_oldest_goes() {
        let refusals = Refusals::new(3);
        for id in ["a", "b", "c", "d"] {
            keep(&refusals, id, b"/x");
        }
        assert!(refusals.find("a").is_empty());
        let found = refusals.find("b");
        assert_eq!((found[0].status, found[0].reason.as_str()), (404, "unknown_api"));
        assert_eq!(found[0].stage.as_deref(), Some("locate"));
        assert_eq!(found[0].time, "1970-01-01T00:00:00Z");
    }

    #[test]
    fn of_one_id_the_latest_comes_first_and_few_come() {
        let refusals = Refusals::new(100);
        for number in 0..30 {
            keep(&refusals, "same", format!("/{number}").as_bytes());
        }
        let found = refusals.find("same");
        assert_eq!((found.len(), found[0].path.as_str()), (MOST_FOUND, "/29"));
    }

    #[test]
    fn what_callers_send_is_cut_and_all_of_it_is_bounded() {
        let refusals = Refusals::new(100);
        let long = "ü".repeat(10_000);
        for _ in 0..1000 {
            keep(&refusals, &long, long.as_bytes());
        }
        let kept = refusals.kept.lock();
        assert!(kept.bytes <= 100 * USUAL, "{}", kept.bytes);
        assert_eq!(kept.bytes, kept.ring.iter().map(Entry::bytes).sum::<usize>());
        assert!(kept.ring.len() > 50, "{}", kept.ring.len());
        assert!(
            kept.ring.iter().all(
                |entry| entry.texts.get(PATH).unwrap().len() <= LONG && entry.texts.get(ID).unwrap().len() <= SHORT
            )
        );
    }

    #[test]
    fn none_is_kept_where_none_is_wanted() {
        let refusals = Refusals::new(0);
        keep(&refusals, "a", b"/x");
        assert!(refusals.find("a").is_empty() && refusals.keeps_nothing());
    }
}
