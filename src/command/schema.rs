//! `tollgate schema`: the JSON Schema of the configuration, for editors and pipelines.

use std::io::{self, Write};

use clap::Args;

use super::exit::Exit;
use super::output::Output;
use crate::model::schema::catalog_schema;
use crate::settings;
use crate::trial;

/// Print the JSON Schema of a catalog file, of the settings, or of a file of policy tests.
///
/// The schema is made from the types that files are read into. An editor that knows it completes keys, shows what
/// they mean and marks what is wrong; what one file says of another is left to `tollgate check`.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(after_long_help = "\
Examples:
  tollgate schema > catalog.schema.json               of every file below conf/catalog/
  tollgate schema --settings > tollgate.schema.json   of conf/tollgate.toml
  tollgate schema --tests > tests.schema.json         of every file in conf/catalog/tests/

With Taplo (VS Code: Even Better TOML), say so on the first line of a file:
  #:schema ../../catalog.schema.json")]
pub struct SchemaArgs {
    /// Of the settings, `tollgate.toml`
    #[arg(long)]
    settings: bool,
    /// Of policy tests, `catalog/tests/*.toml`
    #[arg(long, conflicts_with = "settings")]
    tests: bool,
}

/// Prints a schema.
///
/// # Errors
///
/// Returns why it could not be written.
pub fn run(args: &SchemaArgs, out: &mut Output<'_>) -> io::Result<Exit> {
    let schema = if args.settings {
        settings::schema()
    } else if args.tests {
        trial::schema()
    } else {
        catalog_schema()
    };
    writeln!(out, "{}", serde_json::to_string_pretty(&schema)?)?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::output::Style;

    #[test]
    fn each_schema_is_one_json_object() {
        for (settings, tests, key) in [
            (false, false, "context"),
            (true, false, "gateway"),
            (false, true, "callers"),
        ] {
            let mut bytes = Vec::new();
            run(
                &SchemaArgs { settings, tests },
                &mut Output::new(&mut bytes, Style::Plain),
            )
            .unwrap();
            let schema: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            assert!(schema["properties"][key].is_object(), "{schema}");
            assert_eq!(schema["additionalProperties"], false);
        }
    }
}
