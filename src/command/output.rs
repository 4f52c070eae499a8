//! Where a command writes, and whether colours are understood there.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use crate::model::source::References;
use crate::settings::Environment;

/// Where a command writes.
pub struct Output<'w> {
    writer: Box<dyn Write + 'w>,
    style: Style,
}

/// Whether colours are understood.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// They are.
    Colour,
    /// They are not.
    Plain,
}

impl<'w> Output<'w> {
    /// Makes an output of a writer.
    pub fn new(writer: impl Write + 'w, style: Style) -> Self {
        Self {
            writer: Box::new(writer),
            style,
        }
    }

    /// Returns whether colours are understood.
    pub fn style(&self) -> Style {
        self.style
    }
}

impl Output<'static> {
    /// Writes to standard output, in colour on a terminal.
    pub fn stdout(environment: &Environment) -> Self {
        Self::new(io::stdout(), Style::choose(io::stdout().is_terminal(), environment))
    }

    /// Writes to standard error, in colour on a terminal.
    pub fn stderr(environment: &Environment) -> Self {
        Self::new(io::stderr(), Style::choose(io::stderr().is_terminal(), environment))
    }
}

impl Style {
    /// Chooses colours for a terminal, unless `NO_COLOR` or a dumb terminal forbids them.
    pub fn choose(is_terminal: bool, environment: &Environment) -> Self {
        let forbidden = environment.variable("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = environment.variable("TERM").is_some_and(|term| term == "dumb");
        if is_terminal && !forbidden && !dumb {
            Self::Colour
        } else {
            Self::Plain
        }
    }
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl fmt::Debug for Output<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("style", &self.style)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_that_want_them() {
        let choose = |is_terminal, pairs: &[(&str, &str)]| {
            Style::choose(is_terminal, &Environment::from_pairs(pairs.iter().copied()))
        };
        assert_eq!(choose(true, &[("NO_COLOR", "")]), Style::Colour);
        assert_eq!(choose(true, &[("NO_COLOR", "1")]), Style::Plain);
        assert_eq!(choose(true, &[("TERM", "dumb")]), Style::Plain);
        assert_eq!(choose(false, &[]), Style::Plain);
    }
}
