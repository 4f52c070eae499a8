//! What a file of tests says, believed: names are names, callers are there, and what they subscribe to is in the catalog.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::document::{self, Document, Expect, Request};
use super::stage::Cast;
use super::{MOST_TIMES, Trial};
use crate::explain::question::Question;
use crate::model::catalog::Catalog;
use crate::model::name::{NameError, TenantName};
use crate::model::reader::{self, Places};
use crate::model::source::{NoReferences, Source};
use crate::model::suggestion::did_you_mean;
use crate::model::violation::Violation;
use crate::registry::user::UserName;
use crate::stages::recorder::Stage;

/// A file of tests, its catalog, and what is wrong with it so far.
pub(super) struct Page<'a> {
    pub(super) catalog: &'a Catalog,
    places: Arc<Places>,
    found: Vec<Violation>,
}

/// Reads the tests of a file, as far as they can be run.
///
/// # Errors
///
/// Returns everything that is wrong with the file.
pub(super) fn believe(source: &Source, catalog: &Catalog) -> Result<Vec<Trial>, Vec<Violation>> {
    let reading = reader::recover::<Document>(source, &NoReferences);
    let Some((document, places)) = reading.kept else {
        return Err(reading.violations);
    };
    let mut page = Page {
        catalog,
        places: Arc::new(places),
        found: reading.violations,
    };
    let trials = page.trials(&document);
    let mut found = page.found;
    found.sort();
    found.dedup();
    if found.is_empty() { Ok(trials) } else { Err(found) }
}

impl Page<'_> {
    fn trials(&mut self, document: &Document) -> Vec<Trial> {
        let mut casts = BTreeMap::new();
        for (name, caller) in &document.callers {
            let path = format!("callers.{name}");
            if let Some(cast) = self.cast(&path, caller) {
                casts.insert(name.as_str(), Arc::new(cast));
            }
        }
        let mut names = HashSet::new();
        let mut trials = Vec::with_capacity(document.tests.len());
        for (index, test) in document.tests.iter().enumerate() {
            let path = format!("tests[{index}]");
            if !names.insert(test.name.as_str()) {
                let message = format!("a test `{}` is there already", test.name);
                self.blame(&format!("{path}.name"), message);
            }
            self.known_caller(&path, test, document);
            let cast = test.caller.as_deref().and_then(|name| casts.get(name)).cloned();
            trials.extend(self.trial(path, test, cast));
        }
        trials
    }

    fn known_caller(&mut self, path: &str, test: &document::Test, document: &Document) {
        let Some(name) = &test.caller else { return };
        if !document.callers.contains_key(name) && !self.places.lost("callers") {
            let fix = did_you_mean(name, document.callers.keys().map(String::as_str));
            let fix = fix.or_else(|| Some(format!("state it as `[callers.{name}]`")));
            let message = format!("there is no caller `{name}` in this file");
            self.blame_with(&format!("{path}.caller"), message, fix);
        }
    }

    fn trial(&mut self, path: String, test: &document::Test, cast: Option<Arc<Cast>>) -> Option<Trial> {
        if test.name.trim().is_empty() || test.name.chars().any(char::is_control) {
            self.blame(&format!("{path}.name"), "a test has a name, on one line");
        }
        if !(1..=MOST_TIMES).contains(&test.times) {
            let message = format!("`times` is from 1 to {MOST_TIMES}");
            self.blame(&format!("{path}.times"), message);
        }
        self.expectation(&format!("{path}.expect"), &test.expect);
        if let Some(then) = &test.then {
            self.expectation(&format!("{path}.then"), then);
        }
        let question = self.question(&format!("{path}.request"), &test.request)?;
        Some(Trial {
            name: test.name.clone(),
            path,
            places: Arc::clone(&self.places),
            question,
            cast,
            times: test.times,
            every: test.every.map_or(Duration::ZERO, |period| period.0),
            expect: test.expect.clone(),
            then: test.then.clone(),
        })
    }

    fn question(&mut self, path: &str, request: &Request) -> Option<Question> {
        let client_ip = match request.client_ip.as_deref().map(str::parse::<IpAddr>) {
            Some(Ok(address)) => Some(address),
            Some(Err(_)) => {
                self.blame(&format!("{path}.client_ip"), "this is no address");
                return None;
            }
            None => None,
        };
        let headers = request.headers.iter();
        let question = Question {
            method: request.method.clone(),
            url: request.url.clone(),
            headers: headers.map(|(name, value)| (name.clone(), value.clone())).collect(),
            token: None,
            client_ip,
        };
        if let Err(unclear) = question.check() {
            self.blame(path, unclear.to_string());
            return None;
        }
        Some(question)
    }

    fn expectation(&mut self, path: &str, expect: &Expect) {
        if *expect == Expect::default() && !self.places.lost(path) {
            let fix = Some("state a `decision`, a `status` or a `code`".to_owned());
            self.blame_with(path, "nothing is expected".to_owned(), fix);
        }
        if let Some(stage) = &expect.stage {
            let known = || Stage::ALL.into_iter().map(Stage::name);
            if !known().any(|name| name == stage) {
                let fix = did_you_mean(stage, known())
                    .unwrap_or_else(|| format!("one of {}", known().collect::<Vec<_>>().join(", ")));
                self.blame_with(
                    &format!("{path}.stage"),
                    format!("there is no stage `{stage}`"),
                    Some(fix),
                );
            }
        }
    }

    /// Reads `name@tenant`; a name alone is one of the root tenant.
    pub(super) fn user(&mut self, path: &str, stated: &str) -> Option<UserName> {
        let (name, tenant) = match stated.rsplit_once('@') {
            Some((name, tenant)) => (name, self.tenant(path, tenant)?),
            None => (stated, TenantName::root()),
        };
        Some(UserName {
            tenant,
            name: name.to_owned(),
        })
    }

    /// Reads a tenant that the catalog has.
    pub(super) fn tenant(&mut self, path: &str, stated: &str) -> Option<TenantName> {
        let tenant = self.name(path, TenantName::parse(stated))?;
        if self.catalog.tenants().iter().all(|known| known.domain != tenant) {
            let known = self.catalog.tenants().iter().map(|known| known.domain.as_str());
            let fix = did_you_mean(stated, known);
            self.blame_with(path, format!("the catalog has no tenant `{tenant}`"), fix);
        }
        Some(tenant)
    }

    pub(super) fn name<T>(&mut self, path: &str, name: Result<T, NameError>) -> Option<T> {
        name.map_err(|error| self.blame_with(path, error.to_string(), error.fix()))
            .ok()
    }

    pub(super) fn blame(&mut self, path: &str, message: impl Into<String>) {
        self.found.push(self.places.blame(path, message));
    }

    pub(super) fn blame_with(&mut self, path: &str, message: String, fix: Option<String>) {
        let violation = self.places.blame(path, message);
        self.found.push(Violation { fix, ..violation });
    }
}
