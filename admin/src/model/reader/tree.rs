//! A TOML file as a tree that knows where each key and value stands, and that things can be taken out of.
//!
//! What is taken out leaves a mark, so that nobody complains later about something missing that was only refused.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and the bytes of the file that state it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) value: Value,
}

/// What a file states.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Nothing: it stands in for a key that is missing, until whatever else is missing beside it was found out.
    Blank,
    Boolean(bool),
    Float(f64),
    /// `None` where the number is beyond what any setting could mean.
    Integer(Option<i64>),
    List {
        items: Vec<Item>,
        /// Whether an element was taken out.
        is_cut: bool,
    },
    Moment,
    Table {
        entries: Vec<Entry>,
        /// The keys that were taken out, as they should have been spelt.
        lost: Vec<String>,
    },
    Text(String),
}

/// An element of a list.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Its place in the list as written.
    pub(super) number: usize,
    pub(super) node: Node,
}

/// A key of a table.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_start: usize,
    pub(super) node: Node,
}

/// One step from a value to one inside it; an index counts what is still there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Step {
    Index(usize),
    Key(String),
}

impl Node {
    pub(super) fn table(table: Spanned<DeTable<'_>>) -> Self {
        Self {
            span: table.span(),
            value: Value::table(table.into_inner()),
        }
    }

    fn value(value: Spanned<DeValue<'_>>) -> Self {
        let span = value.span();
        let value = match value.into_inner() {
            DeValue::Array(array) => {
                let nodes = array.into_iter().map(Self::value).enumerate();
                Value::List {
                    items: nodes.map(|(number, node)| Item { number, node }).collect(),
                    is_cut: false,
                }
            }
            DeValue::Boolean(truth) => Value::Boolean(truth),
            DeValue::Datetime(_) => Value::Moment,
            DeValue::Float(float) => Value::Float(float.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Integer(integer) => Value::Integer(i64::from_str_radix(integer.as_str(), integer.radix()).ok()),
            DeValue::String(text) => Value::Text(text.into_owned()),
            DeValue::Table(table) => Value::table(table),
        };
        Self { span, value }
    }

    /// Finds the value at a path.
    pub(super) fn find(&self, path: &[Step]) -> Option<&Self> {
        let Some((step, rest)) = path.split_first() else {
            return Some(self);
        };
        match (step, &self.value) {
            (Step::Index(index), Value::List { items, .. }) => items.get(*index)?.node.find(rest),
            (Step::Key(key), Value::Table { entries, .. }) => {
                entries.iter().find(|entry| entry.key == *key)?.node.find(rest)
            }
            _ => None,
        }
    }

    fn find_mut(&mut self, path: &[Step]) -> Option<&mut Self> {
        let Some((step, rest)) = path.split_first() else {
            return Some(self);
        };
        match (step, &mut self.value) {
            (Step::Index(index), Value::List { items, .. }) => items.get_mut(*index)?.node.find_mut(rest),
            (Step::Key(key), Value::Table { entries, .. }) => {
                entries.iter_mut().find(|entry| entry.key == *key)?.node.find_mut(rest)
            }
            _ => None,
        }
    }

    /// Takes out what stands at a path; `meant` is the key that it was meant to be, where that is another one.
    /// Returns whether there was anything to take out.
    pub(super) fn take_out(&mut self, path: &[Step], meant: Option<&str>) -> bool {
        let Some((last, parent)) = path.split_last() else {
            return false;
        };
        match (last, self.find_mut(parent).map(|node| &mut node.value)) {
            (Step::Index(index), Some(Value::List { items, is_cut })) if *index < items.len() => {
                items.remove(*index);
                *is_cut = true;
                true
            }
            (Step::Key(key), Some(Value::Table { entries, lost })) => {
                let before = entries.len();
                entries.retain(|entry| entry.key != *key);
                lost.push(meant.unwrap_or(key).to_owned());
                entries.len() < before
            }
            _ => false,
        }
    }

    /// Puts a blank where a table has no such key; returns whether there is such a table.
    pub(super) fn stand_in(&mut self, path: &[Step], key: &str) -> bool {
        let Some(Self {
            span,
            value: Value::Table { entries, .. },
        }) = self.find_mut(path)
        else {
            return false;
        };
        entries.push(Entry {
            key: key.to_owned(),
            key_start: span.start,
            node: Self {
                span: span.clone(),
                value: Value::Blank,
            },
        });
        true
    }

    /// Takes out every table with a blank in it; returns whether there was any.
    pub(super) fn take_out_unfinished(&mut self) -> bool {
        match &mut self.value {
            Value::List { items, is_cut } => {
                let before = items.len();
                let mut any = false;
                items.retain_mut(|item| {
                    any |= item.node.take_out_unfinished();
                    !item.node.is_unfinished()
                });
                *is_cut |= items.len() < before;
                any | (items.len() < before)
            }
            Value::Table { entries, lost } => {
                let before = entries.len();
                let mut any = false;
                entries.retain_mut(|entry| {
                    any |= entry.node.take_out_unfinished();
                    if entry.node.is_unfinished() {
                        lost.push(entry.key.clone());
                    }
                    !entry.node.is_unfinished()
                });
                any | (entries.len() < before)
            }
            Value::Blank | Value::Boolean(_) | Value::Float(_) | Value::Integer(_) | Value::Moment | Value::Text(_) => {
                false
            }
        }
    }

    /// Tells whether something is missing in it, and only a blank stands there.
    pub(super) fn is_unfinished(&self) -> bool {
        matches!(&self.value, Value::Table { entries, .. } if entries.iter().any(|entry| matches!(entry.node.value, Value::Blank)))
    }

    /// Writes a path as people do, with the numbers that its lists had in the file.
    pub(super) fn spell(&self, path: &[Step]) -> String {
        let mut text = String::new();
        for (at, step) in path.iter().enumerate() {
            match step {
                Step::Key(key) if at == 0 => text.push_str(key),
                Step::Key(key) => text.extend([".", key]),
                Step::Index(index) => {
                    let number = match path.get(..at).and_then(|path| self.find(path)).map(|node| &node.value) {
                        Some(Value::List { items, .. }) => items.get(*index).map_or(*index, |item| item.number),
                        _ => *index,
                    };
                    text.push_str(&format!("[{number}]"));
                }
            }
        }
        text
    }
}

impl Value {
    fn table(table: DeTable<'_>) -> Self {
        let entries = table.into_iter().map(|(key, value)| Entry {
            key_start: key.span().start,
            key: key.into_inner().into_owned(),
            node: Node::value(value),
        });
        Self::Table {
            entries: entries.collect(),
            lost: Vec::new(),
        }
    }
}
