//! The workbench of edits: files are taken out when the first edit needs them, and written down when all are made.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value as Json};
use toml_edit::{ArrayOfTables, DocumentMut};

use super::merge::{merge, table_json};
use super::pieces::{merge_api, push, take_out, written_down};
use super::way;
use super::{Draft, Edit, EditError, Edited, OnlyIf};
use crate::control::etag;
use crate::control::object::{self, API_KEYS, Object, Step};
use crate::control::stated::Stated;
use crate::model::name::TenantName;
use crate::model::source::Source;

pub(super) struct Bench<'s> {
    dir: &'s Path,
    stated: &'s Stated,
    /// The files that are being edited; without a document where the file goes.
    open: BTreeMap<String, Option<DocumentMut>>,
}

/// Where a thing stands.
struct Spot {
    file: String,
    steps: Vec<Step>,
    value: Json,
}

impl<'s> Bench<'s> {
    pub(super) fn new(dir: &'s Path, stated: &'s Stated) -> Self {
        let open = BTreeMap::new();
        Self { dir, stated, open }
    }

    /// Makes one edit.
    pub(super) fn edit(&mut self, edit: Edit) -> Result<Edited, EditError> {
        let Edit {
            object,
            to,
            only_if,
            within,
        } = edit;
        let spot = self.find(&object)?;
        check(&object, spot.as_ref(), &only_if)?;
        let to = to.map(|to| named(&object, to)).transpose()?;
        let before = spot.as_ref().map(|spot| spot.value.clone());
        let (file, steps) = match (spot, to) {
            (Some(spot), Some(to)) => self.replace(&object, spot, to)?,
            (None, Some(to)) => self.add(&object, within.map(Object::Api).as_ref(), to)?,
            (Some(spot), None) => {
                let (file, steps) = self.remove(&object, spot)?;
                return Ok(Edited {
                    object,
                    before,
                    after: None,
                    file,
                    path: way::spelt(&steps),
                });
            }
            (None, None) => return Err(EditError::Missing(object)),
        };
        // What tells some things from others is what they say: they may have another name now.
        let stated = self
            .open
            .get(&file)
            .and_then(Option::as_ref)
            .map(|document| table_json(document.as_table()));
        let stated = stated.unwrap_or_default();
        let mut now = object::stated_in(&stated, true).into_iter();
        let now = now.find(|now| now.steps == steps).ok_or(EditError::Shapeless(object))?;
        let (after, path) = (Some(now.value(&stated)), way::spelt(&steps));
        Ok(Edited {
            object: now.object,
            before,
            after,
            file,
            path,
        })
    }

    /// Writes everything down: the texts of all files, and those that changed.
    ///
    /// # Errors
    ///
    /// Fails for a file whose text would not say what it was made to say.
    pub(super) fn texts(self) -> Result<(Vec<Source>, Vec<Draft>), EditError> {
        let mut texts: BTreeMap<_, _> = self
            .stated
            .texts()
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .collect();
        let mut files = Vec::with_capacity(self.open.len());
        for (name, document) in self.open {
            let before = texts.remove(&name);
            let after = document.map(|document| written_down(&name, document)).transpose()?;
            if let Some(text) = &after {
                texts.insert(name.clone(), text.clone());
            }
            if before != after {
                files.push(Draft { name, before, after });
            }
        }
        let sources = texts.into_iter().map(|(name, text)| Source {
            name: name.into(),
            text: text.into(),
        });
        Ok((sources.collect(), files))
    }

    fn find(&mut self, object: &Object) -> Result<Option<Spot>, EditError> {
        for (file, document) in &self.open {
            let parsed = document
                .as_ref()
                .map(|document| table_json(document.as_table()))
                .unwrap_or_default();
            if let Some(spot) = spot(object, file, &parsed) {
                return Ok(Some(spot));
            }
        }
        let Some(holder) = self
            .stated
            .holder(object)
            .filter(|holder| !self.open.contains_key(*holder))
        else {
            return Ok(None);
        };
        let parsed = table_json(self.document(holder)?.as_table());
        Ok(spot(object, holder, &parsed))
    }

    /// Takes a file out, or begins a new one.
    fn document(&mut self, name: &str) -> Result<&mut DocumentMut, EditError> {
        if !self.open.contains_key(name) {
            let text = self.stated.text(name).unwrap_or_default();
            let document = text
                .parse::<DocumentMut>()
                .map_err(|_| EditError::Unreadable(name.to_owned()))?;
            self.open.insert(name.to_owned(), Some(document));
        }
        let document = self.open.entry(name.to_owned()).or_default();
        Ok(document.get_or_insert_with(DocumentMut::new))
    }

    fn replace(&mut self, object: &Object, spot: Spot, to: Map<String, Json>) -> Result<Way, EditError> {
        let Spot { file, steps, value } = spot;
        let mut to = to;
        match value.get("tenant") {
            Some(tenant) => to.insert("tenant".to_owned(), tenant.clone()),
            None => to.remove("tenant"),
        };
        let document = self.document(&file)?;
        if matches!(object, Object::Api(_)) {
            merge_api(document, to);
        } else {
            let place = way::to(document, &steps);
            place
                .and_then(|place| place.table(|table, on_one_line| merge(table, &to, on_one_line)))
                .ok_or_else(|| EditError::Unreadable(file.clone()))?;
        }
        Ok((file, steps))
    }

    fn add(&mut self, object: &Object, within: Option<&Object>, to: Map<String, Json>) -> Result<Way, EditError> {
        let (file, mut steps) = self.place_for(object, within)?;
        let document = self.document(&file)?;
        let mut to = to;
        let is_inside =
            within.is_some() || matches!(object, Object::Version(..) | Object::Resource(..) | Object::Tenant(_));
        if is_inside || *object.tenant() == TenantName::root() {
            to.remove("tenant");
        } else {
            to.insert("tenant".to_owned(), object.tenant().as_str().into());
        }
        let Some(list) = object.list() else {
            merge_api(document, to);
            return Ok((file, steps));
        };
        let holder = way::to(document, &steps);
        let pushed = holder.and_then(|holder| holder.table(|table, on_one_line| push(table, list, to, on_one_line)));
        let index = pushed.flatten().ok_or_else(|| EditError::Unreadable(file.clone()))?;
        steps.extend([Step::Key(list), Step::Index(index)]);
        Ok((file, steps))
    }

    fn remove(&mut self, object: &Object, spot: Spot) -> Result<Way, EditError> {
        let Spot { file, steps, .. } = spot;
        let document = self.document(&file)?;
        match steps.split_last() {
            Some((Step::Index(index), list)) => {
                let list = way::to(document, list).and_then(way::Place::item);
                let rest = list.map(|item| take_out(item, object.list().unwrap_or_default(), *index));
                let rest = rest.ok_or_else(|| EditError::Unreadable(file.clone()))?;
                let trailing = document.trailing().as_str().unwrap_or_default().to_owned();
                document.set_trailing(format!("{rest}{trailing}"));
            }
            Some((Step::Key(_), _)) | None => {
                for key in API_KEYS {
                    document.remove(key);
                }
            }
        }
        let says_nothing = document
            .iter()
            .all(|(_, item)| item.as_array_of_tables().is_some_and(ArrayOfTables::is_empty));
        if says_nothing && (matches!(object, Object::Api(_)) || !document.to_string().contains('#')) {
            self.open.insert(file.clone(), None);
        }
        Ok((file, steps))
    }

    /// Finds the file, and the table in it, that a new thing goes to.
    fn place_for(&mut self, object: &Object, within: Option<&Object>) -> Result<(String, Vec<Step>), EditError> {
        let holder = match object {
            Object::Api(api) => return Ok((self.new_file("apis", api.name.as_str()), Vec::new())),
            Object::Version(api, _) => Some(Object::Api(api.clone())),
            Object::Resource(api, version, _) => Some(Object::Version(api.clone(), version.clone())),
            Object::CountingRule(..)
            | Object::DenyRule(..)
            | Object::KeyManager(..)
            | Object::Scope(..)
            | Object::Tenant(_)
            | Object::Tier(..) => within.cloned(),
        };
        if let Some(holder) = holder {
            let spot = self.find(&holder)?.ok_or(EditError::Missing(holder))?;
            return Ok((spot.file, spot.steps));
        }
        let list = object.list().unwrap_or_default();
        let is_shared = |name: &&str| !self.states_an_api(name);
        let alike = |other: &Object| other.list() == object.list() && other.tenant() == object.tenant();
        let same_tenant = self.stated.files_where(alike).find(is_shared);
        let any = || {
            self.stated
                .files_where(|other| other.list() == object.list())
                .find(is_shared)
        };
        let file = same_tenant.or_else(any).map(str::to_owned);
        Ok((file.unwrap_or_else(|| self.named_file(list)), Vec::new()))
    }

    fn states_an_api(&self, file: &str) -> bool {
        let mut apis = self.stated.files_where(|object| object.list().is_none());
        apis.any(|name| name == file)
    }

    /// Names a file for all things of a kind.
    fn named_file(&self, list: &str) -> String {
        self.dir
            .join(format!("{}.toml", list.replace('_', "-")))
            .display()
            .to_string()
    }

    /// Names a new file after a thing, with a number where the name is taken.
    fn new_file(&self, folder: &str, name: &str) -> String {
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() || c == '.' || c == '_' {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        };
        let stem: String = name.chars().map(plain).take(80).collect();
        let stem = stem.trim_matches(['-', '.']).to_owned();
        let stem = if stem.is_empty() { "api".to_owned() } else { stem };
        let path = |number: usize| {
            let number = if number == 1 {
                String::new()
            } else {
                format!("-{number}")
            };
            self.dir
                .join(folder)
                .join(format!("{stem}{number}.toml"))
                .display()
                .to_string()
        };
        let is_free = |path: &String| {
            self.stated.text(path).is_none() && !self.open.contains_key(path) && !Path::new(path).exists()
        };
        (1..).map(path).find(is_free).unwrap_or_default()
    }
}

/// Refuses an edit of what is not as it was believed to be.
fn check(object: &Object, spot: Option<&Spot>, only_if: &OnlyIf) -> Result<(), EditError> {
    let now = || spot.map(|spot| etag::digest(&spot.value));
    let stale = |now| {
        Err(EditError::Stale {
            object: object.clone(),
            now,
        })
    };
    match (only_if, spot) {
        (OnlyIf::Anything, _) | (OnlyIf::Absent | OnlyIf::Unknown, None) | (OnlyIf::Present, Some(_)) => Ok(()),
        (OnlyIf::Absent, Some(_)) => Err(EditError::Exists(object.clone())),
        (OnlyIf::Present, None) | (OnlyIf::Unknown, Some(_)) => stale(now()),
        (OnlyIf::Is(marks), _) => match now() {
            Some(now) if marks.contains(&now) => Ok(()),
            now => stale(now),
        },
    }
}

/// Takes what a thing is to become: with its names, which must be its own.
fn named(object: &Object, to: Json) -> Result<Map<String, Json>, EditError> {
    let Json::Object(mut to) = object::without_nulls(to) else {
        return Err(EditError::Shapeless(object.clone()));
    };
    for (key, name) in object.identity() {
        match to.get(key) {
            Some(stated) if *stated != name => {
                let object = object.clone();
                return Err(EditError::Misnamed { object, key });
            }
            None if key != "tenant" => {
                to.insert(key.to_owned(), name);
            }
            Some(_) | None => {}
        }
    }
    let foreign = FOREIGN.into_iter().find(|key| to.contains_key(*key));
    match foreign.filter(|_| matches!(object, Object::Api(_))) {
        Some(key) => Err(EditError::Foreign(key)),
        None => Ok(to),
    }
}

/// What a file may state beside an API, and an API does not.
const FOREIGN: [&str; 5] = ["tenants", "tiers", "counting_rules", "deny", "key_managers"];

type Way = (String, Vec<Step>);

fn spot(object: &Object, file: &str, parsed: &Json) -> Option<Spot> {
    let with_resources = matches!(object, Object::Resource(..));
    let mut stated = object::stated_in(parsed, with_resources).into_iter();
    let stated = stated.find(|stated| stated.object == *object)?;
    Some(Spot {
        file: file.to_owned(),
        value: stated.value(parsed),
        steps: stated.steps,
    })
}
