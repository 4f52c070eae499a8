//! One file of the catalog, and spots in it that can be blamed.
//!
//! A spot is a path of keys that is only spelt out when something is wrong there.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use crate::model::document::Document;
use crate::model::name::NameError;
use crate::model::place::Place;
use crate::model::reader::Places;
use crate::model::violation::Violation;

/// One file of the catalog.
pub(super) struct Page {
    pub(super) document: Document,
    pub(super) places: Places,
    /// Whether all of it was taken, and says the same whatever it refers to.
    pub(super) is_sound: bool,
}

impl Page {
    /// Returns the spot that is the whole file.
    pub(super) fn spot(&self) -> Spot<'_> {
        Spot {
            places: &self.places,
            steps: [None; DEPTH],
        }
    }

    /// Tells whether the file states an API, and nothing that other files may refer to.
    pub(super) fn is_plain(&self) -> bool {
        let Document {
            name: _,
            context: _,
            tenant: _,
            default_version: _,
            versions: _,
            scopes,
            tenants,
            tiers,
            counting_rules,
            deny,
            key_managers,
        } = &self.document;
        let shares = !scopes.is_empty() || !tenants.is_empty() || !tiers.is_empty() || !key_managers.is_empty();
        self.has_api() && !shares && counting_rules.is_empty() && deny.is_empty()
    }

    /// Tells whether the file states an API, or tried to.
    pub(super) fn has_api(&self) -> bool {
        let Document {
            name,
            context,
            versions,
            ..
        } = &self.document;
        let stated = name.is_some() || context.is_some() || !versions.is_empty();
        stated || ["name", "context", "versions"].iter().any(|key| self.spot().lost(key))
    }
}

/// A place in a file, stated or not.
#[derive(Clone, Copy)]
pub(super) struct Spot<'a> {
    places: &'a Places,
    steps: [Option<Step>; DEPTH],
}

#[derive(Clone, Copy)]
enum Step {
    Element(usize),
    Key(&'static str),
}

impl<'a> Spot<'a> {
    /// Returns the spot of a key of the table here.
    pub(super) fn key(&self, key: &'static str) -> Self {
        self.step(Step::Key(key))
    }

    /// Returns the spot of an element of the list here.
    pub(super) fn element(&self, index: usize) -> Self {
        self.step(Step::Element(index))
    }

    fn step(mut self, step: Step) -> Self {
        if let Some(free) = self.steps.iter_mut().find(|step| step.is_none()) {
            *free = Some(step);
        }
        self
    }

    /// Returns the name of the file.
    pub(super) fn file(&self) -> &'a str {
        self.places.file()
    }

    /// Tells whether the table here states a key.
    pub(super) fn states(&self, key: &'static str) -> bool {
        self.places.states(&self.key(key).to_string())
    }

    /// Tells whether something that was refused may have stood at a key of the table here.
    pub(super) fn lost(&self, key: &'static str) -> bool {
        self.places.lost(&self.key(key).to_string())
    }

    /// Returns the file and the line of what stands here.
    pub(super) fn place(&self) -> Place {
        Place {
            file: Arc::clone(self.places.file()),
            line: self.places.place(&self.to_string()).line,
        }
    }

    /// Blames what stands here.
    pub(super) fn blame(&self, message: impl Into<String>) -> Violation {
        self.places.blame(&self.to_string(), message)
    }

    /// Blames what stands here for not being a name.
    pub(super) fn blame_name(&self, error: &NameError) -> Violation {
        Violation {
            fix: error.fix(),
            ..self.blame(error.to_string())
        }
    }

    /// Remembers the spot beyond the borrow of what is around it.
    pub(super) fn origin(&self) -> Origin<'a> {
        Origin {
            places: self.places,
            path: self.to_string(),
        }
    }
}

/// Writes the path of the spot.
impl fmt::Display for Spot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for step in self.steps.iter().flatten() {
            match step {
                Step::Element(index) => write!(f, "[{index}]")?,
                Step::Key(key) => write!(f, "{separator}{key}")?,
            }
            separator = ".";
        }
        Ok(())
    }
}

/// Where something was stated first.
pub(super) struct Origin<'a> {
    places: &'a Places,
    path: String,
}

impl Origin<'_> {
    /// Says where that is, as seen from a spot: the line, and the file where it is another one.
    pub(super) fn seen_from(&self, spot: &Spot<'_>) -> String {
        let line = self.places.place(&self.path).line;
        if std::ptr::eq(self.places, spot.places) {
            format!("line {line}")
        } else {
            format!("{}:{line}", self.places.file())
        }
    }
}

/// Makes what stands at a spot a name, or blames it.
pub(super) fn named<N>(
    spot: &Spot<'_>,
    text: &str,
    parse: fn(&str) -> Result<N, NameError>,
    found: &mut Vec<Violation>,
) -> Option<N> {
    parse(text).map_err(|error| found.push(spot.blame_name(&error))).ok()
}

/// Blames what stands twice in a list.
pub(super) fn unrepeated<T: Eq + Hash>(list: &Spot<'_>, elements: &[T], found: &mut Vec<Violation>) {
    if elements.len() < 2 {
        return;
    }
    let mut seen = HashMap::with_capacity(elements.len());
    for (index, element) in elements.iter().enumerate() {
        if let Some(first) = seen.get(element) {
            let path = list.to_string();
            let name = path.rsplit('.').next().unwrap_or_default();
            let message = format!("`{name}[{index}]` repeats `{name}[{first}]`");
            found.push(list.element(index).blame(message).fix("remove it"));
        } else {
            seen.insert(element, index);
        }
    }
}

/// Steps to the deepest place of a document, and a few to spare.
const DEPTH: usize = 8;
