//! What two APIs of one tenant cannot share: a name, and the paths at which they answer.
//!
//! An API claims the path of each version and its context without the version, whether or not it has a default
//! version today: giving an API a default must never break another one.

use std::borrow::Cow;
use std::sync::Arc;

use ahash::AHashMap;

use super::page::Page;
use crate::courtesy::others_first;
use crate::model::api::Api;
use crate::model::document::Document;
use crate::model::name::{Context, ROOT_TENANT, VersionName, is_reserved};
use crate::model::reader::{self, Places};
use crate::model::source::{NoReferences, Source};
use crate::model::violation::Violation;

/// A file that was read, and what it says of its API.
pub(super) enum Claimant<'a> {
    /// It is about an API alone, and that was believed.
    Api(&'a Source, Arc<Api>),
    /// It is about an API alone, and that could not be believed.
    Broken(Box<Page>),
    /// Any other.
    Page(&'a Page),
}

/// An API as it was believed, or as it is written.
enum Said<'a> {
    Api(&'a Api),
    Document(&'a Document),
}

impl Claimant<'_> {
    fn said(&self) -> Said<'_> {
        match self {
            Self::Api(_, api) => Said::Api(api),
            Self::Broken(page) => Said::Document(&page.document),
            Self::Page(page) => Said::Document(&page.document),
        }
    }

    /// Tells whether it states an API, or tried to.
    fn has_api(&self) -> bool {
        match self {
            Self::Api(..) => true,
            Self::Broken(page) => page.has_api(),
            Self::Page(page) => page.has_api(),
        }
    }

    /// Returns the tenant that it names, or the one that owns what names none.
    pub(super) fn tenant(&self) -> &str {
        match self.said() {
            Said::Api(api) => api.tenant.as_str(),
            Said::Document(document) => document.tenant.as_deref().unwrap_or(ROOT_TENANT),
        }
    }

    /// Returns the name of its API.
    pub(super) fn name(&self) -> Option<&str> {
        match self.said() {
            Said::Api(api) => Some(api.name.as_str()),
            Said::Document(document) => document.name.as_deref(),
        }
    }

    fn context(&self) -> Option<Context> {
        match self.said() {
            Said::Api(api) => Some(api.context.clone()),
            Said::Document(document) => Context::parse(document.context.as_deref()?).ok(),
        }
    }

    /// Returns the labels of its versions.
    pub(super) fn versions(&self) -> impl Iterator<Item = &str> {
        let label = |index: usize| match self.said() {
            Said::Api(api) => api.versions.get(index).map(|version| version.version.as_str()),
            Said::Document(document) => document.versions.get(index).map(|version| version.version.as_str()),
        };
        (0..).map_while(label)
    }

    /// Returns where it says what it says; a file that is not held is read again.
    fn places(&self) -> Option<Cow<'_, Places>> {
        match self {
            // It refers to nothing.
            Self::Api(source, _) => {
                let read = reader::read::<Document>(source, &NoReferences).ok();
                read.map(|(_, places)| Cow::Owned(places))
            }
            Self::Broken(page) => Some(Cow::Borrowed(&page.places)),
            Self::Page(page) => Some(Cow::Borrowed(&page.places)),
        }
    }
}

/// Checks that no two APIs claim the same name or path in a tenant.
pub(super) fn check(claimants: &[Claimant<'_>], found: &mut Vec<Violation>) {
    let mut claims = Claims {
        claimants,
        names: AHashMap::with_capacity(claimants.len()),
        paths: AHashMap::with_capacity(2 * claimants.len()),
    };
    for (owner, claimant) in claimants.iter().enumerate().filter(|(_, claimant)| claimant.has_api()) {
        others_first();
        claims.name(owner, claimant, found);
        claims.paths(owner, claimant, found);
    }
}

struct Claims<'a> {
    claimants: &'a [Claimant<'a>],
    /// The files that made the claims, by their index.
    names: AHashMap<(&'a str, &'a str), usize>,
    paths: AHashMap<(&'a str, String), (usize, At)>,
}

/// Where in its file a claim is made.
#[derive(Clone, Copy)]
enum At {
    Context,
    Name,
    Version(usize),
}

impl At {
    fn path(self) -> String {
        match self {
            Self::Context => "context".to_owned(),
            Self::Name => "name".to_owned(),
            Self::Version(index) => format!("versions[{index}].version"),
        }
    }
}

impl<'a> Claims<'a> {
    fn name(&mut self, owner: usize, claimant: &'a Claimant<'_>, found: &mut Vec<Violation>) {
        let Some(name) = claimant.name() else {
            return;
        };
        let first = *self.names.entry((claimant.tenant(), name)).or_insert(owner);
        if first != owner {
            let first = self.seen((first, At::Name), owner);
            let message = format!("the API `{name}` is stated already ({first})");
            found.extend(blame(claimant, At::Name, message));
        }
    }

    fn paths(&mut self, owner: usize, claimant: &'a Claimant<'_>, found: &mut Vec<Violation>) {
        let Some(context) = claimant.context() else {
            return;
        };
        let bare = context.bare().unwrap_or_else(|| context.to_string());
        if let Err((other, first)) = self.claim(claimant, bare, (owner, At::Context)) {
            // Its versions clash as well, and saying so would add nothing.
            let message = format!("the context `{context}` is taken by the API `{other}` ({first})");
            found.extend(blame(claimant, At::Context, message));
            return;
        }
        for (index, version) in claimant.versions().enumerate() {
            let Ok(label) = VersionName::parse(version) else {
                continue;
            };
            let at = At::Version(index);
            let full = context.full(&label);
            if is_reserved(&full) {
                let message = format!("`{full}` is a path of the gateway itself");
                found.extend(blame(claimant, at, message));
            } else if let Err((other, first)) = self.claim(claimant, full.clone(), (owner, at)) {
                let message = format!("the path `{full}` is taken by the API `{other}` ({first})");
                found.extend(blame(claimant, at, message));
            }
        }
    }

    /// Claims a path, or returns the name of the API that has it, and where that says so.
    fn claim(
        &mut self,
        claimant: &'a Claimant<'_>,
        path: String,
        (owner, at): (usize, At),
    ) -> Result<(), (&'a str, String)> {
        let first = *self.paths.entry((claimant.tenant(), path)).or_insert((owner, at));
        if first.0 == owner {
            return Ok(());
        }
        let name = self.claimants.get(first.0).and_then(Claimant::name);
        Err((name.unwrap_or_default(), self.seen(first, owner)))
    }

    /// Says where a claim was made, as seen from a file: the line, and the file where it is another one.
    fn seen(&self, (first, at): (usize, At), from: usize) -> String {
        let places = self.claimants.get(first).and_then(Claimant::places);
        let Some(places) = places else { return String::new() };
        let line = places.place(&at.path()).line;
        if first == from {
            format!("line {line}")
        } else {
            format!("{}:{line}", places.file())
        }
    }
}

fn blame(claimant: &Claimant<'_>, at: At, message: String) -> Option<Violation> {
    Some(claimant.places()?.blame(&at.path(), message))
}
