//! `tollgate import`: other people's formats made files of the catalog.
//!
//! What is imported is fitted to the catalog, and the catalog checked as if it held it, before anything is written.

mod project;
mod target;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use admin::control::files;
use admin::import::{self, Imported, Note, Stated};
use clap::{Args, Subcommand};

use self::target::Target;
use super::check::{self, Prepare};
use super::conf::ConfArgs;
use super::exit::Exit;
use super::output::Output;
use super::render;
use crate::model::catalog::Catalog;
use crate::model::lifecycle::LifecycleState;
use crate::model::source::Source;
use crate::model::violation::Violation;
use crate::settings::Environment;

/// Make catalog files from other people's formats.
///
/// A new API becomes a file of its own below apis/ in the catalog; one that is there already gets the version added to
/// its file, whose comments and order stay. The whole catalog is checked with it first, and nothing is written that
/// would be refused. What the source says and Tollgate does not take over is listed. Nothing is ever fetched.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  tollgate import openapi petstore.yaml --endpoint http://127.0.0.1:9001
  tollgate import openapi petstore.yaml --dry-run         print the file instead of writing it
  tollgate import openapi next.json --name Petstore --version 2.0.0
  tollgate import apictl PizzaShackAPI-1.0.0              a folder that apictl made
  tollgate import apictl PizzaShackAPI-1.0.0.zip          or its zip

Exit codes: 0 imported, 1 it could not be read or written, 2 it is refused.")]
pub struct ImportArgs {
    #[command(flatten)]
    conf: ConfArgs,
    #[command(subcommand)]
    from: From,
}

#[derive(Clone, Debug, Subcommand)]
enum From {
    /// A folder or a zip that apictl made of an API
    Apictl {
        /// The folder or the zip
        #[arg(value_name = "DIR_OR_ZIP")]
        path: PathBuf,
        #[command(flatten)]
        options: Options,
    },
    /// An OpenAPI 3 or Swagger 2 document, as JSON or YAML
    Openapi {
        /// The document
        #[arg(value_name = "FILE")]
        path: PathBuf,
        #[command(flatten)]
        options: Options,
    },
}

#[derive(Args, Clone, Debug)]
struct Options {
    /// The API's name, instead of the source's
    #[arg(long)]
    name: Option<String>,
    /// Its context, such as /petstore
    #[arg(long)]
    context: Option<String>,
    /// The version's label
    #[arg(long)]
    version: Option<String>,
    /// A production endpoint, instead of the source's; may be repeated
    #[arg(long = "endpoint", value_name = "URL")]
    endpoints: Vec<String>,
    /// The tenant that is to own the API
    #[arg(long, value_name = "DOMAIN")]
    tenant: Option<String>,
    /// Print the file that would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Imports an API.
///
/// # Errors
///
/// Returns why the result could not be written.
pub fn run(
    args: &ImportArgs,
    (environment, prepare): (&Environment, &Prepare<'_>),
    out: &mut Output<'_>,
    err: &mut Output<'_>,
) -> io::Result<Exit> {
    let conf = args.conf.path(environment);
    let (From::Apictl { path, options } | From::Openapi { path, options }) = &args.from;
    let made =
        check::settings(&conf, environment, prepare).and_then(|settings| plan(args, &settings.catalog, environment));
    let (imported, target, sources) = match made {
        Ok(made) => made,
        Err(violations) => return render::violations(&violations, err).map(|()| Exit::Refused),
    };
    let violations = check::violations_with(sources.clone(), &conf, environment, prepare);
    if options.dry_run {
        write!(out, "{}", target.text)?;
    }
    if options.dry_run || !violations.is_empty() {
        list(&imported.notes, path, err)?;
    }
    if !violations.is_empty() {
        render::violations_of(&sources, &violations, err)?;
        return Ok(Exit::Refused);
    }
    if options.dry_run {
        return Ok(Exit::Done);
    }
    if let Err(reason) = target.write() {
        writeln!(err, "error: {}: {reason}", target.path.display())?;
        return Ok(Exit::Failed);
    }
    list(&imported.notes, path, out)?;
    told(&imported, &target, path, out)?;
    Ok(Exit::Done)
}

/// Reads the source and the catalog; returns the API, the file that is to hold it, and the catalog with that file.
fn plan(
    args: &ImportArgs,
    catalog_dir: &Path,
    environment: &Environment,
) -> Result<(Imported, Target, Vec<Source>), Vec<Violation>> {
    let mut sources = files::read_all(catalog_dir)?;
    let catalog = Catalog::believe(&sources, environment)?;
    let mut imported = read(&args.from).map_err(|violation| vec![violation])?;
    imported.fit(&catalog);
    let origin = origin(&args.from);
    let target = Target::choose(&imported.document, (&catalog, &sources, catalog_dir), &origin);
    let target = target.map_err(|violation| vec![violation])?;
    let name = target.name();
    sources.retain(|source| *source.name != name);
    sources.push(Source {
        name: name.into(),
        text: target.text.as_str().into(),
    });
    Ok((imported, target, sources))
}

fn read(from: &From) -> Result<Imported, Violation> {
    match from {
        From::Apictl { path, options } => {
            import::apictl(&project::read(path)?, &options.stated()).map_err(|violation| {
                let file = if violation.file.is_empty() {
                    path.clone()
                } else {
                    path.join(&violation.file)
                };
                Violation {
                    file: file.display().to_string(),
                    ..violation
                }
            })
        }
        From::Openapi { path, options } => {
            let bytes = bounded(path, import::MAX_BYTES).map_err(|reason| blame(path, &reason.to_string()))?;
            let text = String::from_utf8(bytes).map_err(|_| blame(path, "not valid UTF-8"))?;
            import::openapi(&path.display().to_string(), &text, &options.stated())
        }
    }
}

impl Options {
    fn stated(&self) -> Stated {
        Stated {
            name: self.name.clone(),
            context: self.context.clone(),
            version: self.version.clone(),
            tenant: self.tenant.clone(),
            endpoints: self.endpoints.clone(),
        }
    }
}

/// Reads a file, and a byte more than is allowed of one that is longer.
fn bounded(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn blame(path: &Path, message: &str) -> Violation {
    Violation {
        file: path.display().to_string(),
        line: 0,
        column: 0,
        path: String::new(),
        message: message.to_owned(),
        fix: None,
    }
}

/// Says what a file was made of.
fn origin(from: &From) -> String {
    let (word, path) = match from {
        From::Apictl { path, .. } => ("apictl", path),
        From::Openapi { path, .. } => ("openapi", path),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!("Made by `tollgate import {word} {name}`; what is edited here stays.")
}

/// Lists notes, without the name of the file that was imported: there is one.
fn list(notes: &[Note], from: &Path, out: &mut Output<'_>) -> io::Result<()> {
    if notes.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "{} on what is different here:",
        check::counted(notes.len(), "note")
    )?;
    let from = from.display().to_string();
    for note in notes {
        let text = note.to_string();
        let text = text.strip_prefix(&from).unwrap_or(&text);
        writeln!(out, "  {}", text.trim_start_matches([':', ' ']))?;
    }
    writeln!(out)
}

fn told(imported: &Imported, target: &Target, from: &Path, out: &mut Output<'_>) -> io::Result<()> {
    let document = &imported.document;
    let verb = if target.is_new { "wrote" } else { "added to" };
    for version in &document.versions {
        let name = document.name.as_deref().unwrap_or_default();
        let (label, resources) = (&version.version, check::counted(version.resources.len(), "resource"));
        let (file, from) = (target.path.display(), from.display());
        writeln!(out, "{verb} {file}: {name} {label} of {from}, {resources}")?;
        if version.state == LifecycleState::Created {
            writeln!(out, "it is not served until it says `state = \"published\"`")?;
        }
    }
    Ok(())
}
