//! The catalog as it is stated: which file states what, and what it says of it.
//!
//! Texts are kept, not what they parse to: what is asked for is parsed then. An index of a file is made when it is first
//! asked for, and kept for as long as its text does not change.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

use super::object::{self, Object};
use super::publish::Revision;
use crate::courtesy::others_first;
use crate::model::source::Source;

/// What a catalog states.
#[derive(Clone, Debug, Default)]
pub struct Stated {
    pub(super) revision: Revision,
    files: BTreeMap<Arc<str>, Arc<File>>,
}

/// A file of a catalog.
#[derive(Debug)]
pub(super) struct File {
    pub(super) text: Arc<str>,
    /// The SHA-256 of the text.
    pub(super) digest: [u8; 32],
    /// The names of what it states, without the resources; found out when something is first asked for.
    index: OnceLock<Box<[Object]>>,
}

/// A thing as it is stated.
#[derive(Clone, Debug)]
pub struct Found {
    /// What it is.
    pub object: Object,
    /// What is said of it.
    pub value: Value,
    /// The name of the file that says it.
    pub file: String,
}

impl File {
    fn read(text: Arc<str>) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        Self {
            text,
            digest: bytes,
            index: OnceLock::new(),
        }
    }

    fn index(&self) -> &[Object] {
        self.index.get_or_init(|| {
            let stated = object::stated_in(&parse(&self.text), false);
            stated.into_iter().map(|stated| stated.object).collect()
        })
    }
}

impl Stated {
    /// Looks at the files of a catalog; those whose text is the same are not looked at again.
    pub(super) fn of(sources: &[Source], before: &Self) -> Self {
        let file = |source: &Source| {
            others_first();
            let known = before.files.get(&source.name).filter(|known| source.says(&known.text));
            let file = known
                .cloned()
                .unwrap_or_else(|| Arc::new(File::read(Arc::clone(&source.text))));
            (Arc::clone(&source.name), file)
        };
        Self {
            revision: before.revision,
            files: sources.iter().map(file).collect(),
        }
    }

    pub(super) fn under(self, revision: Revision) -> Self {
        Self { revision, ..self }
    }

    /// Returns the texts, by names below the catalog directory, that differ from what was stated before; nothing for files
    /// that are gone.
    pub(super) fn differences(&self, before: &Self, dir: &Path) -> BTreeMap<String, Option<String>> {
        let is_gone = |name: &&Arc<str>| {
            others_first();
            !self.files.contains_key(*name)
        };
        let gone = before.files.keys().filter(is_gone);
        let gone = gone.map(|name| (below(dir, name).to_owned(), None));
        let is_new = |(name, file): &(&Arc<str>, &Arc<File>)| {
            others_first();
            before
                .files
                .get(*name)
                .is_none_or(|before| before.digest != file.digest)
        };
        let changed = self.files.iter().filter(is_new);
        let changed = changed.map(|(name, file)| (below(dir, name).to_owned(), Some(file.text.to_string())));
        gone.chain(changed).collect()
    }

    /// Tells whether it was read from these files.
    pub(super) fn is(&self, sources: &[Source]) -> bool {
        let is_same = |source: &Source| self.text(&source.name) == Some(&*source.text);
        sources.len() == self.files.len() && sources.iter().all(is_same)
    }

    /// Returns the revision that states it.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Tells whether every file was looked through for what it states.
    pub fn is_indexed(&self) -> bool {
        self.files.values().all(|file| file.index.get().is_some())
    }

    /// Looks through those files that nobody has asked about yet. Of thousands it takes tenths of a second, so it belongs on
    /// a thread that may block; otherwise whoever asks first waits for it.
    pub fn index(&self) {
        for file in self.files.values() {
            file.index();
        }
    }

    /// Returns what finds many things, and parses each file once.
    pub fn finder(&self) -> Finder<'_> {
        Finder {
            stated: self,
            parsed: HashMap::new(),
        }
    }

    /// Finds a thing.
    pub fn find(&self, object: &Object) -> Option<Found> {
        let name = self.holder(object)?;
        let parsed = parse(&self.files.get(name)?.text);
        let with_resources = matches!(object, Object::Resource(..));
        let stated = object::stated_in(&parsed, with_resources);
        let stated = stated.into_iter().find(|stated| stated.object == *object)?;
        Some(Found {
            value: stated.value(&parsed),
            object: stated.object,
            file: name.to_owned(),
        })
    }

    /// Lists the names of what is stated, resources left out, in the order of files and in each as it is written.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.files.values().flat_map(|file| file.index())
    }

    /// Returns the names of the files with their texts, in their order.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(name, file)| (&**name, &*file.text))
    }

    /// Returns the file that states a thing, or would if it were there: a resource's is that of its version.
    pub(super) fn holder(&self, object: &Object) -> Option<&str> {
        let outer = match object {
            Object::Resource(api, version, _) => &Object::Version(api.clone(), version.clone()),
            Object::Api(_)
            | Object::CountingRule(..)
            | Object::DenyRule(..)
            | Object::KeyManager(..)
            | Object::Scope(..)
            | Object::Tenant(_)
            | Object::Tier(..)
            | Object::Version(..) => object,
        };
        self.files_where(|stated| stated == outer).next()
    }

    /// Returns the files that state something of a kind.
    pub(crate) fn files_where(&self, is_meant: impl Fn(&Object) -> bool) -> impl Iterator<Item = &str> {
        let states = move |file: &File| file.index().iter().any(&is_meant);
        self.files
            .iter()
            .filter(move |(_, file)| states(file))
            .map(|(name, _)| &**name)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.files.get(name).map(|file| &*file.text)
    }

    /// Returns the SHA-256 of all names, below the catalog directory, and texts.
    pub(super) fn digest(&self, dir: &Path) -> String {
        let mut all = Vec::with_capacity(self.files.len() * 96);
        for (name, file) in &self.files {
            others_first();
            all.extend_from_slice(below(dir, name).as_bytes());
            all.push(0);
            all.extend_from_slice(&file.digest);
        }
        hex::encode(digest(&SHA256, &all))
    }
}

/// Finds things, and parses each file once.
#[derive(Debug)]
pub struct Finder<'s> {
    stated: &'s Stated,
    parsed: HashMap<&'s str, (Value, HashMap<Object, object::Stated>)>,
}

impl Finder<'_> {
    /// Returns what is said of a thing that is no resource.
    pub fn find(&mut self, object: &Object) -> Option<Value> {
        let name = self.stated.holder(object)?;
        let text = self.stated.text(name)?;
        let (parsed, things) = self.parsed.entry(name).or_insert_with(|| {
            let parsed = parse(text);
            let things = object::stated_in(&parsed, false).into_iter();
            let things = things.map(|stated| (stated.object.clone(), stated)).collect();
            (parsed, things)
        });
        things.get(object).map(|stated| stated.value(parsed))
    }
}

/// Returns the name of a file below the catalog directory, such as `apis/demo.toml`.
pub fn below<'n>(dir: &Path, name: &'n str) -> &'n str {
    let below = Path::new(name).strip_prefix(dir).ok().and_then(Path::to_str);
    below.unwrap_or(name)
}

/// Reads a file as JSON; nothing of what is no TOML.
pub fn parse(text: &str) -> Value {
    toml::from_str(text).unwrap_or_default()
}
