//! `tollgate version`: what this binary is.

use std::io::{self, Write};

use super::exit::Exit;
use super::output::Output;

/// The version of this binary.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Prints the version.
///
/// # Errors
///
/// Returns why it could not be written.
pub fn run(out: &mut Output<'_>) -> io::Result<Exit> {
    writeln!(out, "tollgate {VERSION}")?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::output::Style;

    #[test]
    fn the_version_is_one_line() {
        let mut bytes = Vec::new();
        assert_eq!(run(&mut Output::new(&mut bytes, Style::Plain)).unwrap(), Exit::Done);
        assert_eq!(String::from_utf8(bytes).unwrap(), format!("tollgate {VERSION}\n"));
    }
}
