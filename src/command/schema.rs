//! `tollgate schema`: the JSON Schema of the configuration, for editors and pipelines.

use std::io::{self, Write};

use clap::Args;

use super::exit::Exit;
use super::output::Output;
use crate::model::schema::catalog_schema;
use crate::settings;

/// Print the JSON Schema of a catalog file, or of the settings.
///
/// The schema is made from the types that files are read into. An editor that knows it completes keys, shows what
/// they mean and marks what is wrong; what one file says of another is left to `tollgate check`.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(after_long_help = "\
Examples:
  tollgate schema > catalog.schema.json               of every file below conf/catalog/
  tollgate schema --settings > tollgate.schema.json   of conf/tollgate.toml

With Taplo (VS Code: Even Better TOML), say so on the first line of a file:
  #:schema ../../catalog.schema.json")]
pub struct SchemaArgs {
    /// Of the settings, `tollgate.toml`
    #[arg(long)]
    settings: bool,
}

/// Prints a schema.
///
/// # Errors
///
/// Returns why it could not be written.
pub fn run(args: &SchemaArgs, out: &mut Output<'_>) -> io::Result<Exit> {
    let schema = if args.settings {
        settings::schema()
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
    fn either_schema_is_one_json_object() {
        for (settings, key) in [(false, "context"), (true, "gateway")] {
            let mut bytes = Vec::new();
            run(&SchemaArgs { settings }, &mut Output::new(&mut bytes, Style::Plain)).unwrap();
            let schema: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            assert!(schema["properties"][key].is_object(), "{schema}");
            assert_eq!(schema["additionalProperties"], false);
        }
    }
}
