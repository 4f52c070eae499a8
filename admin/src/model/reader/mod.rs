//! Reads a TOML file into a type, and says everything that is wrong with the file at once.
//!
//! A file is parsed into a tree that keeps places, `${VAR}` is filled in, and serde reads the tree. What serde refuses
//! is reported and taken out of the tree, and it reads again, until nothing is refused. Where a key is missing, a blank
//! stands in for it until all that is missing beside it was reported; then the table goes. Shared by the catalog and
//! the settings; neither files nor the environment are touched here.

mod fault;
mod node;
mod places;
mod substitute;
mod tree;

use serde::de::DeserializeOwned;
use toml::de::DeTable;

use super::source::{References, Source};
use super::violation::Violation;
use fault::{Fault, Kind};
use substitute::{SubstituteError, expand};
use tree::{Node, Step, Value};

pub use places::{Place, Places};

/// Reads a file.
///
/// # Errors
///
/// Returns every syntax error of the file; or, where there is none, every unknown key, bad value and missing key.
pub fn read<T: DeserializeOwned>(source: &Source, references: &dyn References) -> Result<(T, Places), Vec<Violation>> {
    let reading = recover(source, references);
    match reading.kept {
        Some(kept) if reading.violations.is_empty() => Ok(kept),
        _ => Err(reading.violations),
    }
}

/// What could be read of a file, and what could not.
#[derive(Debug)]
pub struct Reading<T> {
    /// What is left without the refused parts; `None` where that makes no whole.
    pub kept: Option<(T, Places)>,
    /// Everything that was refused.
    pub violations: Vec<Violation>,
}

/// Reads as much of a file as can be read, so that what is left can be judged in the same round.
pub fn recover<T: DeserializeOwned>(source: &Source, references: &dyn References) -> Reading<T> {
    let mut reader = match Reader::parse(source) {
        Ok(reader) => reader,
        Err(violations) => return Reading { kept: None, violations },
    };
    reader.fill_in(references);
    let value = reader.deserialize();
    let kept = value.map(|value| (value, Places::new(source, reader.root)));
    reader.violations.sort();
    Reading {
        kept,
        violations: reader.violations,
    }
}

struct Reader<'s> {
    source: &'s Source,
    root: Node,
    violations: Vec<Violation>,
}

impl<'s> Reader<'s> {
    fn parse(source: &'s Source) -> Result<Self, Vec<Violation>> {
        let (table, errors) = DeTable::parse_recoverable(&source.text);
        if errors.is_empty() {
            return Ok(Self {
                source,
                root: Node::table(table),
                violations: Vec::new(),
            });
        }
        let mut violations: Vec<_> = errors.iter().map(|error| syntax(source, error)).collect();
        violations.sort();
        violations.dedup();
        Err(violations)
    }

    /// Fills variables and files in, in every string of the tree.
    fn fill_in(&mut self, references: &dyn References) {
        let mut refused = Vec::new();
        let expand = |text: &str| expand(&self.source.name, text, references);
        fill_in(&mut self.root, &mut Vec::new(), &expand, &mut refused);
        // From the last to the first, so that what is taken out of a list does not renumber what is still to be.
        for (path, error) in refused.into_iter().rev() {
            let start = self.root.find(&path).map_or(0, |node| node.span.start);
            let message = format!("`{}`: {error}", self.name(&path));
            let violation = self.violation(start, &path, message).fix(error.fix());
            self.violations.push(violation);
            self.root.take_out(&path, None);
        }
    }

    /// Reads the tree, and takes out whatever is refused until nothing is.
    fn deserialize<T: DeserializeOwned>(&mut self) -> Option<T> {
        for _ in 0..MOST_REFUSALS {
            match T::deserialize(&self.root) {
                Ok(_) if self.root.is_unfinished() => return None,
                Ok(value) => {
                    if !self.root.take_out_unfinished() {
                        return Some(value);
                    }
                }
                Err(fault) => {
                    if !self.refuse(fault) {
                        return None;
                    }
                }
            }
        }
        self.give_up();
        None
    }

    /// Reports a fault and takes out what it is about; returns whether reading again makes sense.
    fn refuse(&mut self, mut fault: Fault) -> bool {
        fault.steps.reverse();
        let path = std::mem::take(&mut fault.steps);
        if matches!(self.root.find(&path).map(|node| &node.value), Some(Value::Blank)) {
            // No blank fits there, so what else is missing beside it stays unknown.
            let around = path.split_last().map_or(path.as_slice(), |(_, around)| around);
            return self.root.take_out(around, None);
        }
        if !self.follows_from_another(&fault, &path) {
            let violation = self.describe(&fault, &path);
            self.violations.push(violation);
        }
        match fault.kind {
            Kind::Missing(key) => self.root.stand_in(&path, key),
            Kind::Broken(_) | Kind::UnknownKey { .. } | Kind::UnknownWord { .. } | Kind::Unfit { .. } => {
                self.root.take_out(&path, fault.meant())
            }
        }
    }

    /// Says, at the end of the file, that not everything was said.
    fn give_up(&mut self) {
        let shown = self.violations.len();
        let message = format!("too much is wrong with this file: {shown} problems are shown, and there may be more");
        let violation = self.violation(self.source.text.len(), &[], message);
        self.violations.push(violation.fix("fix these first"));
    }

    /// Tells whether a key is missing only because it was refused before.
    fn follows_from_another(&self, fault: &Fault, path: &[Step]) -> bool {
        match (&fault.kind, self.root.find(path).map(|node| &node.value)) {
            (Kind::Missing(key), Some(Value::Table { lost, .. })) => lost.iter().any(|name| name == key),
            _ => false,
        }
    }

    fn describe(&self, fault: &Fault, path: &[Step]) -> Violation {
        let node = self.root.find(path).unwrap_or(&self.root);
        let around = path.split_last().map_or(path, |(_, around)| around);
        let start = match &fault.kind {
            Kind::UnknownKey { key, .. } => self.key_start(around, key).unwrap_or(node.span.start),
            Kind::Broken(_) | Kind::Missing(_) | Kind::UnknownWord { .. } | Kind::Unfit { .. } => node.span.start,
        };
        let raw = self.source.text.get(node.span.clone()).unwrap_or_default();
        let message = fault.message(&self.name(path), &self.root.spell(around), raw);
        Violation {
            fix: fault.fix(raw),
            ..self.violation(start, path, message)
        }
    }

    fn key_start(&self, table: &[Step], key: &str) -> Option<usize> {
        let Value::Table { entries, .. } = &self.root.find(table)?.value else {
            return None;
        };
        entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| entry.key_start)
    }

    /// Names a value as an operator would: its key and, inside a list, its number.
    fn name(&self, path: &[Step]) -> String {
        let spelt = self.root.spell(path);
        spelt
            .rsplit_once('.')
            .map_or(spelt.clone(), |(_, name)| name.to_owned())
    }

    fn violation(&self, start: usize, path: &[Step], message: String) -> Violation {
        let Place { line, column } = places::place(&self.source.text, start);
        Violation {
            file: self.source.name.to_string(),
            line,
            column,
            path: self.root.spell(path),
            message,
            fix: None,
        }
    }
}

type Refused = Vec<(Vec<Step>, SubstituteError)>;

type Expand<'r> = dyn Fn(&str) -> Result<Option<String>, SubstituteError> + 'r;

fn fill_in(node: &mut Node, path: &mut Vec<Step>, expand: &Expand<'_>, refused: &mut Refused) {
    match &mut node.value {
        Value::Text(text) => match expand(text) {
            Ok(None) => {}
            Ok(Some(filled)) => *text = filled,
            Err(error) => refused.push((path.clone(), error)),
        },
        Value::List { items, .. } => {
            for (index, item) in items.iter_mut().enumerate() {
                path.push(Step::Index(index));
                fill_in(&mut item.node, path, expand, refused);
                path.pop();
            }
        }
        Value::Table { entries, .. } => {
            for entry in entries {
                path.push(Step::Key(entry.key.clone()));
                fill_in(&mut entry.node, path, expand, refused);
                path.pop();
            }
        }
        Value::Blank | Value::Boolean(_) | Value::Float(_) | Value::Integer(_) | Value::Moment => {}
    }
}

fn syntax(source: &Source, error: &toml::de::Error) -> Violation {
    let span = error.span().unwrap_or(source.text.len()..source.text.len());
    let Place { line, column } = places::place(&source.text, span.start);
    let message = match (error.message(), source.text.get(span)) {
        ("duplicate key", Some(key)) => format!("the key `{key}` is stated twice"),
        (message, _) => message.to_owned(),
    };
    Violation {
        file: source.name.to_string(),
        line,
        column,
        path: String::new(),
        message,
        fix: None,
    }
}

/// Reports at most so many refusals of one file.
const MOST_REFUSALS: usize = 200;

#[cfg(test)]
mod tests;
