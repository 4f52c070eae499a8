//! What a command says: rows for people, the same as JSON for programs.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::failure::Failure;
use super::{Format, Outputs};
use crate::model::instant::UnixTime;

/// What a command says.
#[derive(Debug)]
pub(super) struct Told {
    value: Value,
    text: String,
    note: Option<String>,
}

impl Told {
    /// Says a value to programs and a text to people.
    pub(super) fn new(value: impl Serialize, text: impl Into<String>) -> Result<Self, Failure> {
        Ok(Self {
            value: serde_json::to_value(value).map_err(|reason| Failure::broken(&reason))?,
            text: text.into(),
            note: None,
        })
    }

    /// Says more to people, where it does not get into what is printed.
    pub(super) fn note(self, note: String) -> Self {
        Self {
            note: Some(note),
            ..self
        }
    }

    /// Says rows, below their headings.
    pub(super) fn rows<const N: usize, R: Serialize>(
        rows: &[R],
        headings: [&str; N],
        cells: impl Fn(&R) -> [String; N],
    ) -> Result<Self, Failure> {
        let lines: Vec<_> = rows.iter().map(cells).collect();
        let text = table(headings, &lines);
        Self::new(rows, text)
    }

    pub(super) fn write(&self, format: Format, (out, err): Outputs<'_, '_>) -> io::Result<()> {
        match format {
            Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&self.value)?),
            Format::Text => {
                writeln!(out, "{}", self.text.trim_end())?;
                self.note.iter().try_for_each(|note| writeln!(err, "{note}"))
            }
        }
    }
}

/// Lines cells up below their headings.
pub(super) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = headings.map(|heading| heading.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let mut line = |cells: [&str; N]| {
        let padded: Vec<_> = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| {
                format!(
                    "{}{}",
                    harmless(cell),
                    " ".repeat(width.saturating_sub(cell.chars().count()))
                )
            })
            .collect();
        text.push_str(padded.join("  ").trim_end());
        text.push('\n');
    };
    line(headings);
    for row in rows {
        line(row.each_ref().map(String::as_str));
    }
    text
}

/// Writes a moment as RFC 3339 does.
pub(super) fn moment(at: UnixTime) -> String {
    let at = i64::try_from(at.0)
        .ok()
        .and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
    at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
}

/// Keeps a name from moving the cursor of whoever lists it.
fn harmless(cell: &str) -> String {
    cell.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// Writes a name as a shell reads it, in commands that are proposed: names may hold spaces, and worse.
pub(super) fn shell_word(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    if !name.is_empty() && !name.starts_with('-') && name.bytes().all(is_plain) {
        return name.to_owned();
    }
    format!("'{}'", name.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proposed_command_means_the_name_whatever_it_holds() {
        assert_eq!(shell_word("NewsApp"), "NewsApp");
        assert_eq!(shell_word("Photos & Friends"), "'Photos & Friends'");
        assert_eq!(shell_word("it's $HOME"), r"'it'\''s $HOME'");
    }

    #[test]
    fn cells_stand_below_their_headings() {
        let rows = [
            ["a".to_owned(), "bb".to_owned()],
            ["ccc\u{1b}".to_owned(), String::new()],
        ];
        assert_eq!(table(["NAME", "ROLES"], &rows), "NAME  ROLES\na     bb\nccc\u{fffd}\n");
        assert_eq!(table(["NAME"], &[]), "NAME\n");
    }
}
