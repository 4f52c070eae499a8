//! Violations as a compiler would show them: the place, the line, and what would fix it.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::ops::Range;
use std::process::ExitCode;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::exit::Exit;
use super::output::{Output, Style};
use crate::model::source::Source;
use crate::model::violation::Violation;
use crate::settings::Environment;

/// Shows violations, each with the line that it is about, where that file can be read.
///
/// # Errors
///
/// Returns why they could not be written.
pub fn violations(violations: &[Violation], out: &mut Output<'_>) -> io::Result<()> {
    violations_of(&[], violations, out)
}

/// Shows violations of files that may not have been written yet.
///
/// # Errors
///
/// Returns why they could not be written.
pub fn violations_of(sources: &[Source], violations: &[Violation], out: &mut Output<'_>) -> io::Result<()> {
    let renderer = match out.style() {
        Style::Colour => Renderer::styled(),
        Style::Plain => Renderer::plain(),
    };
    let mut file = Opened::default();
    for violation in violations {
        let unwritten = sources.iter().find(|source| *source.name == violation.file);
        let line = match unwritten {
            Some(source) => nth_line(&source.text, violation.line),
            None => file.line(&violation.file, violation.line),
        };
        writeln!(out, "{}\n", renderer.render(&[group(violation, line)]))?;
    }
    let s = if violations.len() == 1 { "" } else { "s" };
    writeln!(out, "{} problem{s} found", violations.len())
}

/// Shows on standard error why the configuration is refused.
pub fn refused(found: &[Violation], environment: &Environment) -> ExitCode {
    // Nothing is left to be done where standard error is closed.
    let _ = violations(found, &mut Output::stderr(environment));
    Exit::Refused.into()
}

/// Shows on standard error what broke, and what broke it.
pub fn failed(error: &dyn Error) -> ExitCode {
    let mut text = format!("error: {error}");
    let mut cause = error.source();
    while let Some(reason) = cause {
        text.push_str(&format!(": {reason}"));
        cause = reason.source();
    }
    // Nothing is left to be done where standard error is closed.
    let _ = writeln!(io::stderr(), "{text}");
    Exit::Failed.into()
}

fn group<'v>(violation: &'v Violation, line: Option<&'v str>) -> Group<'v> {
    let Violation {
        file,
        line: number,
        column,
        message,
        fix,
        ..
    } = violation;
    let mut group = Group::with_title(Level::ERROR.primary_title(message));
    group = match line {
        Some(text) => group.element(
            Snippet::source(text)
                .line_start(*number)
                .path(file)
                .annotation(AnnotationKind::Primary.span(span(text, *column))),
        ),
        None if file.is_empty() => group,
        None if *number == 0 => group.element(Origin::path(file)),
        None => group.element(Origin::path(file).line(*number).char_column(*column)),
    };
    match fix {
        Some(fix) => group.element(Level::HELP.message(fix)),
        None => group,
    }
}

/// Returns the bytes of the word, the string or the header at a column.
fn span(line: &str, column: usize) -> Range<usize> {
    let start = line
        .char_indices()
        .nth(column.saturating_sub(1))
        .map_or(line.len(), |(at, _)| at);
    let rest = line.get(start..).unwrap_or_default();
    let length = match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => rest.get(1..).and_then(|inside| inside.find(quote)).map(|at| at + 2),
        Some('[') => Some(rest.split('#').next().unwrap_or(rest).trim_end().len()),
        Some(_) => rest
            .find(|c: char| c.is_whitespace() || ",=]}#".contains(c))
            .map(|at| at.max(1)),
        None => Some(0),
    };
    start..start + length.unwrap_or(rest.len())
}

/// The file that was read last; violations come sorted by file.
#[derive(Default)]
struct Opened {
    name: String,
    text: Option<String>,
}

impl Opened {
    fn line(&mut self, name: &str, number: usize) -> Option<&str> {
        if self.name != name {
            self.text = fs::metadata(name)
                .ok()
                .filter(|metadata| metadata.is_file() && metadata.len() <= MAX_BYTES)
                .and_then(|_| fs::read_to_string(name).ok());
            name.clone_into(&mut self.name);
        }
        nth_line(self.text.as_deref()?, number)
    }
}

fn nth_line(text: &str, number: usize) -> Option<&str> {
    let line = text.lines().nth(number.checked_sub(1)?)?;
    Some(line.strip_prefix('\u{feff}').unwrap_or(line))
}

/// No line of a larger file is shown; no file of a catalog is larger.
const MAX_BYTES: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn violation(file: &str, line: usize, column: usize, fix: Option<&str>) -> Violation {
        let (path, message) = ("tier".to_owned(), "unknown tier `Glod`".to_owned());
        Violation {
            file: file.to_owned(),
            line,
            column,
            path,
            message,
            fix: fix.map(str::to_owned),
        }
    }

    fn rendered(found: &[Violation], style: Style) -> String {
        let mut bytes = Vec::new();
        violations(found, &mut Output::new(&mut bytes, style)).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_violation_shows_its_place_its_line_and_its_mend() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.toml").display().to_string();
        fs::write(&file, "name = \"A\"\n\ntier = \"Glod\" # gold\n").unwrap();
        let text = rendered(&[violation(&file, 3, 8, Some("did you mean `Gold`?"))], Style::Plain);
        let expected = format!(
            "error: unknown tier `Glod`\n --> {file}:3:8\n  |\n3 | tier = \"Glod\" # gold\n  |        ^^^^^^\n  |\n  \
             = help: did you mean `Gold`?\n\n1 problem found\n"
        );
        assert_eq!(text, expected);
        assert!(rendered(&[violation(&file, 3, 8, None)], Style::Colour).contains("\x1b["));
    }

    #[test]
    fn what_has_no_line_to_show_is_shown_without() {
        let found = [
            violation("", 0, 0, None),
            violation("TOLLGATE_X", 0, 0, None),
            violation("/nowhere/a.toml", 3, 8, None),
        ];
        let text = rendered(&found, Style::Plain);
        assert_eq!(
            text,
            "error: unknown tier `Glod`\n\nerror: unknown tier `Glod`\n--> TOLLGATE_X\n\n\
             error: unknown tier `Glod`\n--> /nowhere/a.toml:3:8\n\n3 problems found\n"
        );
    }

    #[test]
    fn the_whole_word_is_underlined() {
        let word = |line: &'static str, column| &line[span(line, column)];
        assert_eq!(word("tier = \"Glod\" # x", 8), "\"Glod\"");
        assert_eq!(word("methods = ['GET', 'PUT']", 19), "'PUT'");
        assert_eq!(word("tire = 1", 1), "tire");
        assert_eq!(word("a = 12, b", 5), "12");
        assert_eq!(word("[[versions]] # x", 1), "[[versions]]");
        assert_eq!(word("ü = \"ü", 5), "\"ü");
        assert_eq!(word("a = ", 5), "");
        assert_eq!(word("=", 1), "=");
        assert_eq!(word("", 9), "");
    }
}
