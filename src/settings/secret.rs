//! `"file:PATH"` in any string of the settings: the text of that file, without the white space around it.
//!
//! The settings are rewritten before they are read, each such string by the text that it stands for, so that a value
//! from a file is checked as one that was written down. Every other place keeps its line and, before it, its column.

use std::ops::Range;

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Value};

use crate::model::reader::{self, Places};
use crate::model::source::{References, Source};
use crate::model::violation::Violation;

use super::keys::quoted;

/// Puts the texts of files in place of the strings that name them.
///
/// # Errors
///
/// Returns a violation for each file that cannot be read.
pub(super) fn resolve(source: Source, references: &dyn References) -> Result<Source, Vec<Violation>> {
    if !source.text.contains("file:") && !source.text.contains("${") {
        return Ok(source);
    }
    // What is wrong otherwise is said by whoever reads the result.
    let Some((stated, places)) = reader::recover::<toml::Table>(&source, references).kept else {
        return Ok(source);
    };
    let Ok(spans) = DeTable::parse(&source.text) else {
        return Ok(source);
    };
    let mut found = Vec::new();
    for (key, value) in spans.get_ref() {
        if let Some(stated) = stated.get(key.get_ref().as_ref()) {
            find(value, stated, key.get_ref().to_string(), &mut found);
        }
    }
    replace(&source, &places, found, references)
}

/// A string that names a file.
struct Found {
    path: String,
    span: Range<usize>,
    file: String,
}

fn find(value: &Spanned<DeValue<'_>>, stated: &Value, path: String, found: &mut Vec<Found>) {
    match (value.get_ref(), stated) {
        (DeValue::String(_), Value::String(text)) => {
            if let Some(file) = text.strip_prefix("file:") {
                found.push(Found {
                    path,
                    span: value.span(),
                    file: file.trim().to_owned(),
                });
            }
        }
        (DeValue::Array(values), Value::Array(items)) => {
            for (at, (value, item)) in values.iter().zip(items).enumerate() {
                find(value, item, format!("{path}[{at}]"), found);
            }
        }
        (DeValue::Table(values), Value::Table(items)) => {
            for (key, value) in values {
                if let Some(item) = items.get(key.get_ref().as_ref()) {
                    find(value, item, format!("{path}.{}", key.get_ref()), found);
                }
            }
        }
        _ => {}
    }
}

fn replace(
    source: &Source,
    places: &Places,
    mut found: Vec<Found>,
    references: &dyn References,
) -> Result<Source, Vec<Violation>> {
    let mut violations = Vec::new();
    let mut text = source.text.clone();
    found.sort_by_key(|found| std::cmp::Reverse(found.span.start));
    for Found { path, span, file } in found {
        match references.file(&source.name, &file) {
            // What a file says is not filled in again.
            Ok(content) => text.replace_range(span, &quoted(&content.trim().replace("${", "$${"))),
            Err(reason) => violations.push(places.blame(&path, format!("the file `{file}` cannot be read: {reason}"))),
        }
    }
    if violations.is_empty() {
        Ok(Source {
            name: source.name.clone(),
            text,
        })
    } else {
        Err(violations)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    struct Files;

    impl References for Files {
        fn variable(&self, name: &str) -> Option<String> {
            (name == "DIR").then(|| "/run".to_owned())
        }

        fn file(&self, _: &str, path: &str) -> io::Result<String> {
            match path {
                "/run/url" => Ok("postgres://me:\"${x}\"@db\n".to_owned()),
                "port" => Ok(" 80 ".to_owned()),
                _ => Err(io::ErrorKind::NotFound.into()),
            }
        }
    }

    fn resolved(text: &str) -> Result<String, Vec<Violation>> {
        resolve(
            Source {
                name: "tollgate.toml".into(),
                text: text.into(),
            },
            &Files,
        )
        .map(|source| source.text)
    }

    #[test]
    fn strings_that_name_files_become_their_trimmed_text() {
        let text = "a = [\"x\", 'file:port']\n[b]\nurl = \"file:${DIR}/url\" # kept\n";
        let expected = "a = [\"x\", \"80\"]\n[b]\nurl = \"postgres://me:\\\"$${x}\\\"@db\" # kept\n";
        assert_eq!(resolved(text).unwrap(), expected);
    }

    #[test]
    fn files_that_cannot_be_read_are_named_with_their_places() {
        let violations = resolved("[registry]\nurl = \"file:nothing\"\n").unwrap_err();
        assert_eq!((violations[0].line, violations[0].column), (2, 7));
        assert!(violations[0].message.starts_with("the file `nothing` cannot be read"));
    }

    #[test]
    fn text_without_references_stays_as_it_is() {
        for text in ["a = 1 # file:x\n", "broken = file:x", ""] {
            assert_eq!(resolved(text).unwrap(), text);
        }
    }
}
