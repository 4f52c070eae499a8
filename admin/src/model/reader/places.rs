//! Where in a file each key and value stands, for checks that come after reading.
//!
//! A path is written as people would: `versions[0].resources[2].tier`; the empty path is the whole file. Its numbers
//! count what was kept of the file; the path of a violation counts what was written.

use std::sync::{Arc, OnceLock};

use super::tree::{Node, Value};
use crate::model::source::Source;
use crate::model::violation::Violation;

/// Where in a file each key and value stands.
#[derive(Clone, Debug)]
pub struct Places {
    file: Arc<str>,
    text: Arc<str>,
    /// Where each line begins; found out when the first place is asked for.
    lines: OnceLock<Vec<usize>>,
    root: Node,
}

/// A line and a column in characters, both from 1.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl Places {
    pub(super) fn new(source: &Source, root: Node) -> Self {
        Self {
            file: Arc::clone(&source.name),
            text: Arc::clone(&source.text),
            lines: OnceLock::new(),
            root,
        }
    }

    /// Returns the text of the file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the name of the file.
    pub fn file(&self) -> &Arc<str> {
        &self.file
    }

    /// Returns where a value begins, or the nearest thing around it that was written.
    pub fn place(&self, path: &str) -> Place {
        self.at(self.walk(path).offset)
    }

    /// Tells whether the file states a key or an element.
    pub fn states(&self, path: &str) -> bool {
        self.walk(path).node.is_some()
    }

    /// Tells whether something that was refused may have stood at a path, so that its absence says nothing.
    pub fn lost(&self, path: &str) -> bool {
        self.walk(path).lost
    }

    /// Blames a value, or the nearest thing around it that was written.
    pub fn blame(&self, path: &str, message: impl Into<String>) -> Violation {
        let walk = self.walk(path);
        let Place { line, column } = self.at(walk.offset);
        let file = self.file.to_string();
        Violation {
            file,
            line,
            column,
            path: walk.written,
            message: message.into(),
            fix: None,
        }
    }

    fn at(&self, offset: usize) -> Place {
        let begins = || {
            std::iter::once(0)
                .chain(self.text.match_indices('\n').map(|(at, _)| at + 1))
                .collect()
        };
        let lines = self.lines.get_or_init(begins);
        let before = lines.partition_point(|start| *start <= offset).max(1) - 1;
        let start = lines.get(before).copied().unwrap_or_default();
        let on_line = place(self.text.get(start..).unwrap_or_default(), offset - start);
        Place {
            line: before + 1,
            column: on_line.column,
        }
    }

    /// Follows a path as far as the file states it.
    fn walk(&self, path: &str) -> Walk<'_> {
        let mut walk = Walk {
            node: Some(&self.root),
            offset: 0,
            written: String::new(),
            lost: false,
        };
        for step in steps(path) {
            walk.step(step);
        }
        if let Some(Node {
            value: Value::List { is_cut: true, .. },
            ..
        }) = walk.node
        {
            walk.lost = true;
        }
        walk
    }
}

/// How far a path could be followed.
struct Walk<'t> {
    /// What stands at the path; `None` where nothing does.
    node: Option<&'t Node>,
    offset: usize,
    written: String,
    lost: bool,
}

impl<'t> Walk<'t> {
    fn step(&mut self, step: Step<'_>) {
        let next = match (step, self.node.map(|node| &node.value)) {
            (Step::Key(key), Some(Value::Table { entries, lost })) => {
                self.lost = lost.iter().any(|name| name == key);
                entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
            }
            (Step::Index(index), Some(Value::List { items, .. })) => items.get(index).map(|item| &item.node),
            _ => None,
        };
        self.write(step);
        self.node = next;
        self.offset = next.map_or(self.offset, |node| node.span.start);
    }

    fn write(&mut self, step: Step<'_>) {
        match step {
            Step::Key(key) => {
                if !self.written.is_empty() {
                    self.written.push('.');
                }
                self.written.push_str(key);
            }
            Step::Index(index) => {
                let number = match self.node.map(|node| &node.value) {
                    Some(Value::List { items, .. }) => items.get(index).map_or(index, |item| item.number),
                    _ => index,
                };
                self.written.push_str(&format!("[{number}]"));
            }
        }
    }
}

/// One step of a path.
#[derive(Clone, Copy)]
enum Step<'p> {
    Index(usize),
    Key(&'p str),
}

/// Cuts `versions[0].tier` into its steps.
fn steps(path: &str) -> impl Iterator<Item = Step<'_>> {
    path.split(['.', '['])
        .filter(|part| !part.is_empty())
        .map(|part| match part.strip_suffix(']') {
            Some(number) => number.parse().map_or(Step::Key(part), Step::Index),
            None => Step::Key(part),
        })
}

/// Counts lines and characters up to an offset in bytes; a byte order mark is no character.
pub(super) fn place(text: &str, offset: usize) -> Place {
    let offset = (0..=offset.min(text.len()))
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or_default();
    let before = text.get(..offset).unwrap_or_default();
    let before = before.strip_prefix('\u{feff}').unwrap_or(before);
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    Place {
        line: before.matches('\n').count() + 1,
        column: before.get(start..).unwrap_or_default().chars().count() + 1,
    }
}
