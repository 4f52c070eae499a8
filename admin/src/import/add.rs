//! A version added to the file of an API, with its comments, its order and its formatting as they are.

use toml_edit::{ArrayOfTables, DocumentMut, Item, Value};

use super::write::{scope, text, version};
use crate::model::document::Document;
use crate::model::violation::Violation;

/// Adds the versions and the scopes of a document to the file of its API; a default version becomes the first of them.
///
/// `file` is what the file is called in violations.
///
/// # Errors
///
/// Returns why nothing can be added: the file is no TOML, or its versions are written inline.
pub fn add(file: &str, old: &str, document: &Document) -> Result<String, Violation> {
    let blame = |message: String| super::blame(file, "", message);
    let mut edited: DocumentMut = old.parse().map_err(|error: toml_edit::TomlError| {
        let said = error.message().to_owned();
        blame(format!("the file is not valid TOML: {said}"))
    })?;
    let Some(versions) = edited.get("versions").and_then(Item::as_array_of_tables) else {
        let violation = blame("nothing can be added to versions that stand on one line".to_owned());
        return Err(violation.fix("write each as a `[[versions]]` of its own"));
    };
    let before = versions
        .iter()
        .next()
        .and_then(toml_edit::Table::position)
        .unwrap_or_default()
        - 1;
    add_scopes(&mut edited, document, before).ok_or_else(|| {
        let violation = blame("nothing can be added to scopes that stand on one line".to_owned());
        violation.fix("write each as a `[[scopes]]` of its own")
    })?;
    if let Some(versions) = edited.get_mut("versions").and_then(Item::as_array_of_tables_mut) {
        for stated in &document.versions {
            versions.push(version(stated));
        }
    }
    prefer(&mut edited, &document.default_version.texts);
    Ok(edited.to_string())
}

/// Adds scopes after those that are there, or where there are none, before the versions.
fn add_scopes(edited: &mut DocumentMut, document: &Document, before: isize) -> Option<()> {
    if document.scopes.is_empty() {
        return Some(());
    }
    let is_new = !edited.contains_key("scopes");
    let item = edited
        .entry("scopes")
        .or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
    let scopes = item.as_array_of_tables_mut()?;
    for stated in &document.scopes {
        let mut table = scope(stated);
        table.set_position(is_new.then_some(before));
        scopes.push(table);
    }
    Some(())
}

/// Puts versions first among those that answer where the path names none.
fn prefer(edited: &mut DocumentMut, labels: &[String]) {
    for label in labels.iter().rev() {
        match edited.get_mut("default_version").and_then(Item::as_value_mut) {
            Some(Value::Array(list)) => list.insert(0, text(label)),
            Some(value) => {
                let old = std::mem::replace(value, Value::Array(toml_edit::Array::new()));
                let decor = old.decor().clone();
                if let Value::Array(list) = value {
                    list.push(text(label));
                    list.push(old.as_str().unwrap_or_default());
                    *list.decor_mut() = decor;
                }
            }
            None => {
                edited.insert(
                    "default_version",
                    Item::Value(super::write::texts(std::slice::from_ref(label))),
                );
            }
        }
    }
}
