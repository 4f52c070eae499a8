//! `${VAR}` and `${VAR:-default}` in the string values of a file; `$${` stands for `${` itself. What is filled in may
//! name a file, whose text then takes the place of all of it; that text is not filled in again.

use thiserror::Error;

use crate::model::source::References;

/// Why a text cannot be filled in.
#[derive(Debug, Eq, Error, PartialEq)]
pub(super) enum SubstituteError {
    /// A file that cannot be read, and why.
    #[error("the file `{0}` cannot be read: {1}")]
    Unreadable(String, String),
    /// A `${` that no `}` ends.
    #[error("`${{` without `}}`")]
    Open,
    /// Something between the braces that names no variable.
    #[error("`${{{0}}}` names no variable")]
    NotAName(String),
    /// A variable that is not set, and no default.
    #[error("the variable `{0}` is not set")]
    Unset(String),
}

impl SubstituteError {
    pub(super) fn fix(&self) -> String {
        match self {
            Self::Unreadable(..) => "a path is relative to the settings file".to_owned(),
            Self::Open | Self::NotAName(_) => {
                "write `${NAME}` or `${NAME:-default}`, and `$${` for the characters themselves".to_owned()
            }
            Self::Unset(name) => format!("set it, or write a default: `${{{name}:-...}}`"),
        }
    }
}

/// Fills a text of a source in, and reads the file that it then names; `None` where it stays as it is.
pub(super) fn expand(source: &str, text: &str, references: &dyn References) -> Result<Option<String>, SubstituteError> {
    let filled = substitute(text, references)?;
    let Some(path) = references.named_by(filled.as_deref().unwrap_or(text)) else {
        return Ok(filled);
    };
    match references.file(source, path) {
        Ok(content) => Ok(Some(content.trim().to_owned())),
        Err(reason) => Err(SubstituteError::Unreadable(path.to_owned(), reason.to_string())),
    }
}

/// Fills a text in; `None` where there is nothing to fill in.
fn substitute(text: &str, references: &dyn References) -> Result<Option<String>, SubstituteError> {
    if !text.contains("${") {
        return Ok(None);
    }
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            filled.extend([before, "${"]);
            rest = after;
            continue;
        }
        let (inside, after) = after.split_once('}').ok_or(SubstituteError::Open)?;
        filled.push_str(before);
        filled.push_str(&resolve(inside, references)?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(Some(filled))
}

fn resolve(inside: &str, references: &dyn References) -> Result<String, SubstituteError> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    if !is_name(name) {
        return Err(SubstituteError::NotAName(inside.to_owned()));
    }
    let set = references.variable(name);
    match (set, default) {
        // As in a shell: a default also stands in for a variable that is set to nothing.
        (Some(value), None) => Ok(value),
        (Some(value), Some(_)) if !value.is_empty() => Ok(value),
        (_, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(SubstituteError::Unset(name.to_owned())),
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    struct Variables;

    impl References for Variables {
        fn variable(&self, name: &str) -> Option<String> {
            match name {
                "PORT" => Some("9001".into()),
                "EMPTY" => Some(String::new()),
                "NESTED" => Some("${PORT}".into()),
                _ => None,
            }
        }

        fn file(&self, _: &str, _: &str) -> io::Result<String> {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn filled(text: &str) -> Result<String, SubstituteError> {
        substitute(text, &Variables).map(|filled| filled.unwrap_or_else(|| text.to_owned()))
    }

    #[test]
    fn variables_are_filled_in() {
        assert_eq!(filled("http://a:${PORT}/${PORT}").unwrap(), "http://a:9001/9001");
        assert_eq!(filled("${HOST:-localhost}:${PORT:-1}").unwrap(), "localhost:9001");
        assert_eq!(filled("${EMPTY}|${EMPTY:-x}|${NONE:-}").unwrap(), "|x|");
    }

    #[test]
    fn what_a_variable_holds_is_not_filled_in_again() {
        assert_eq!(filled("${NESTED}").unwrap(), "${PORT}");
    }

    #[test]
    fn dollars_stand_for_themselves() {
        assert_eq!(filled("$PORT $ $$ $${PORT}").unwrap(), "$PORT $ $$ ${PORT}");
    }

    #[test]
    fn what_cannot_be_filled_in_is_said() {
        assert_eq!(filled("${NONE}").unwrap_err(), SubstituteError::Unset("NONE".into()));
        assert_eq!(filled("a ${PORT").unwrap_err(), SubstituteError::Open);
        assert_eq!(filled("${}").unwrap_err(), SubstituteError::NotAName(String::new()));
        assert_eq!(filled("${a-b}").unwrap_err().to_string(), "`${a-b}` names no variable");
    }
}
