//! The way to a thing in a file that is being edited, however it is written there.

use std::fmt::Write;

use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use crate::control::object::Step;

/// A place in a file.
pub(super) enum Place<'d> {
    Item(&'d mut Item),
    Table(&'d mut Table),
    Value(&'d mut Value),
}

/// Goes to a place, if it is there.
pub(super) fn to<'d>(document: &'d mut DocumentMut, steps: &[Step]) -> Option<Place<'d>> {
    let root = Place::Table(document.as_table_mut());
    steps.iter().try_fold(root, Place::step)
}

impl<'d> Place<'d> {
    fn step(self, step: &Step) -> Option<Self> {
        match (self, step) {
            (Self::Table(table), Step::Key(key)) => table.get_mut(key).map(Self::Item),
            (Self::Item(item), Step::Key(key)) => item.as_table_like_mut()?.get_mut(key).map(Self::Item),
            (Self::Value(value), Step::Key(key)) => {
                let table: &mut dyn TableLike = value.as_inline_table_mut()?;
                table.get_mut(key).map(Self::Item)
            }
            (Self::Item(Item::ArrayOfTables(tables)), Step::Index(index)) => tables.get_mut(*index).map(Self::Table),
            (Self::Item(Item::Value(value)) | Self::Value(value), Step::Index(index)) => {
                value.as_array_mut()?.get_mut(*index).map(Self::Value)
            }
            (Self::Item(Item::None | Item::Table(_)) | Self::Table(_), Step::Index(_)) => None,
        }
    }

    /// Hands out the table that stands there, and whether it is written on one line.
    pub(super) fn table<T>(self, edit: impl FnOnce(&mut dyn TableLike, bool) -> T) -> Option<T> {
        match self {
            Self::Table(table) => Some(edit(table, false)),
            Self::Item(Item::Table(table)) => Some(edit(table, false)),
            Self::Item(Item::Value(value)) | Self::Value(value) => {
                value.as_inline_table_mut().map(|table| edit(table, true))
            }
            Self::Item(Item::None | Item::ArrayOfTables(_)) => None,
        }
    }

    /// Returns the value of a key that stands there.
    pub(super) fn item(self) -> Option<&'d mut Item> {
        match self {
            Self::Item(item) => Some(item),
            Self::Table(_) | Self::Value(_) => None,
        }
    }
}

/// Writes a way as a path of keys, such as `versions[0].resources[2]`.
pub(super) fn spelt(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        let separator = if path.is_empty() { "" } else { "." };
        let written = match step {
            Step::Key(key) => write!(path, "{separator}{key}"),
            Step::Index(index) => write!(path, "[{index}]"),
        };
        debug_assert!(written.is_ok(), "a text takes everything");
    }
    path
}
