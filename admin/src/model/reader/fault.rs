//! What serde found wrong with a value, kept as facts instead of an English sentence, and how we say it.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use super::tree::Step;
use crate::model::suggestion::nearest;

/// What is wrong with a value, and the path to it, innermost step first.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    pub(super) steps: Vec<Step>,
}

/// What is wrong with a value.
#[derive(Debug)]
pub(super) enum Kind {
    /// A rule of the type itself; the sentence says which.
    Broken(String),
    /// A table without a key that it needs.
    Missing(&'static str),
    /// A key that the table does not have.
    UnknownKey {
        key: String,
        known: &'static [&'static str],
    },
    /// A word that is none of those allowed.
    UnknownWord {
        word: String,
        known: &'static [&'static str],
    },
    /// A value of another kind or range.
    Unfit { found: String, wanted: String },
}

impl Fault {
    /// Adds the step by which the value was reached.
    pub(super) fn reached_by(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Says what is wrong. `name` is how the operator would call the value: its last key, and its number in a list.
    /// `table` is the path of the table around it, and `raw` how the value is written.
    pub(super) fn message(&self, name: &str, table: &str, raw: &str) -> String {
        let around = if table.is_empty() {
            String::new()
        } else {
            format!(" in `{table}`")
        };
        match &self.kind {
            Kind::Broken(sentence) => format!("`{name}`: {sentence}"),
            Kind::Missing(key) if name.is_empty() => format!("`{key}` is missing"),
            Kind::Missing(key) => format!("`{name}` has no `{key}`"),
            Kind::UnknownKey { key, .. } => format!("unknown key `{key}`{around}"),
            Kind::UnknownWord { .. } | Kind::Unfit { .. } if raw.contains("${") => {
                // What a variable holds may be a secret.
                format!("`{name}` cannot be what `{}` stands for", raw.trim_matches(['"', '\'']))
            }
            Kind::UnknownWord { word, .. } => format!("`{name}` cannot be `{}`", shortened(word)),
            Kind::Unfit { found, .. } if is_number(raw) => format!("`{name}` cannot be {found} `{raw}`"),
            Kind::Unfit { found, .. } => format!("`{name}` cannot be {found}"),
        }
    }

    /// Says what would fix it. `raw` is how the value is written.
    pub(super) fn fix(&self, raw: &str) -> Option<String> {
        match &self.kind {
            Kind::Broken(_) => None,
            Kind::Missing(key) => Some(format!("add `{key}`")),
            Kind::UnknownKey { key, known } => Some(match nearest(key, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if known.is_empty() => "remove it".to_owned(),
                None => format!("the keys here are {}", listed(known)),
            }),
            Kind::UnknownWord { word, known } => {
                let words = if known.len() > MANY {
                    "`tollgate schema` has the words that may be here".to_owned()
                } else {
                    format!("the words here are {}", listed(known))
                };
                Some(match nearest(word, known.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`? {words}"),
                    None => words,
                })
            }
            Kind::Unfit { wanted, .. } => Some(match wanted.as_str() {
                "a string" | "a string or a list of strings" if is_scalar(raw) => {
                    format!("write it in quotes: `\"{raw}\"`")
                }
                _ => format!("write {}", in_our_words(wanted)),
            }),
        }
    }

    /// Returns the key that an unknown one was meant to be, where that can be told.
    pub(super) fn meant(&self) -> Option<&'static str> {
        match &self.kind {
            Kind::UnknownKey { key, known } => nearest(key, known.iter().copied()),
            Kind::Broken(_) | Kind::Missing(_) | Kind::UnknownWord { .. } | Kind::Unfit { .. } => None,
        }
    }
}

impl From<Kind> for Fault {
    fn from(kind: Kind) -> Self {
        Self {
            kind,
            steps: Vec::new(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message("", "", ""))
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(sentence: T) -> Self {
        Kind::Broken(sentence.to_string()).into()
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Kind::Unfit {
            found: spoken(found),
            wanted: wanted.to_string(),
        }
        .into()
    }

    fn invalid_value(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::invalid_type(found, wanted)
    }

    fn invalid_length(length: usize, wanted: &dyn Expected) -> Self {
        Kind::Unfit {
            found: format!("a list of {length}"),
            wanted: wanted.to_string(),
        }
        .into()
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        Kind::UnknownWord {
            word: word.to_owned(),
            known,
        }
        .into()
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        Kind::UnknownKey {
            key: key.to_owned(),
            known,
        }
        .into()
    }

    fn missing_field(key: &'static str) -> Self {
        Kind::Missing(key).into()
    }
}

/// Says what was found as an operator would.
fn spoken(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(truth) => format!("`{truth}`"),
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "the number".to_owned(),
        Unexpected::Str(text) => format!("`{}`", shortened(text)),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a table".to_owned(),
        Unexpected::Other(found) => found.to_owned(),
        Unexpected::Bytes(_)
        | Unexpected::Char(_)
        | Unexpected::Enum
        | Unexpected::NewtypeStruct
        | Unexpected::NewtypeVariant
        | Unexpected::Option
        | Unexpected::StructVariant
        | Unexpected::TupleVariant
        | Unexpected::Unit
        | Unexpected::UnitVariant => found.to_string(),
    }
}

/// Says what serde's own visitors want as an operator would.
fn in_our_words(wanted: &str) -> &str {
    match wanted {
        "a boolean" => "`true` or `false`",
        "a sequence" => "a list",
        "a map" => "a table",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number, zero or more",
        "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        _ if wanted.starts_with("struct ") => "a table",
        _ => wanted,
    }
}

/// Cuts a text that would hide the sentence around it.
fn shortened(text: &str) -> String {
    let shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        format!("{shown}...")
    } else {
        shown
    }
}

fn is_number(raw: &str) -> bool {
    raw.starts_with(|c: char| c.is_ascii_digit() || c == '+' || c == '-') && is_scalar(raw) && !raw.contains(':')
}

fn is_scalar(raw: &str) -> bool {
    !raw.is_empty() && !raw.contains(['[', '{', '"', '\'', '\n'])
}

/// Writes words as a list.
pub(super) fn listed(words: &[&str]) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// More words than these nobody reads.
const MANY: usize = 16;

/// So many characters of a refused text are repeated.
const LONGEST: usize = 80;
