//! What is done to a file on the workbench: its API is replaced, things are pushed and taken out, and it is written down.

use serde_json::{Map, Value as Json};
use toml_edit::{DocumentMut, Item, TableLike};

use super::EditError;
use super::merge::{change, forget_positions, json, merge, new_table, table_json, written};
use crate::control::object::API_KEYS;

/// Makes the part of a file that is its API say something else.
pub(super) fn merge_api(document: &mut DocumentMut, mut to: Map<String, Json>) {
    for (key, item) in document.iter().filter(|(key, _)| !API_KEYS.contains(key)) {
        to.insert(key.to_owned(), json(item));
    }
    merge(document.as_table_mut(), &to, false);
}

/// Puts a thing at the end of a list; returns its number there.
pub(super) fn push(table: &mut dyn TableLike, list: &str, to: Map<String, Json>, on_one_line: bool) -> Option<usize> {
    let to = Json::Object(to);
    match table.get_mut(list) {
        None => {
            table.insert(list, written(list, &Json::from(vec![to]), on_one_line));
            Some(0)
        }
        Some(Item::ArrayOfTables(tables)) => {
            tables.push(new_table(to.as_object()?));
            Some(tables.len() - 1)
        }
        Some(item) => {
            let mut all = json(item);
            let elements = all.as_array_mut()?;
            elements.push(to);
            let index = elements.len() - 1;
            change(item, list, &all, on_one_line);
            Some(index)
        }
    }
}

/// Takes an element out of a list; returns the comments that were about more than it, where nothing follows them.
pub(super) fn take_out(item: &mut Item, list: &str, index: usize) -> String {
    let mut all = json(item);
    if let Some(elements) = all.as_array_mut().filter(|elements| index < elements.len()) {
        elements.remove(index);
    }
    change(item, list, &all, false)
}

/// Writes a file down, and reads it again: tables that stood between others may have to move so that each stays where it
/// belongs.
pub(super) fn written_down(name: &str, mut document: DocumentMut) -> Result<String, EditError> {
    let meant = table_json(document.as_table());
    let says_it = |text: &str| {
        let read = text.parse::<DocumentMut>();
        read.is_ok_and(|read| table_json(read.as_table()) == meant)
    };
    let text = document.to_string();
    if says_it(&text) {
        return Ok(text);
    }
    forget_positions(document.as_table_mut());
    let text = document.to_string();
    if says_it(&text) {
        return Ok(text);
    }
    Err(EditError::Unreadable(name.to_owned()))
}
