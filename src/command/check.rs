//! `tollgate check`: everything that `run` would load, believed and prepared, and nothing served.

use std::io::{self, Write};
use std::path::Path;

use admin::control::Control;
use admin::control::change::Change;
use admin::control::publish::Publish;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::conf::ConfArgs;
use super::exit::Exit;
use super::output::Output;
use super::render;
use crate::boot;
use crate::model::source::Source;
use crate::model::violation::Violation;
use crate::settings::{Environment, Recovered, Settings};

/// Validate everything that `run` would load.
///
/// Reads the settings, the catalog and bootstrap.toml, follows every reference, and prepares what would be served, without serving
/// it. Each problem is shown with its file, line and column, and with what would fix it. Nothing is changed, and a
/// running gateway does not notice.
#[derive(Args, Clone, Debug, Default)]
#[command(after_long_help = "\
Examples:
  tollgate check                                 the configuration in conf/
  tollgate check --conf /etc/tollgate            another one
  tollgate check --format json | jq .violations  for programs; in a pipeline, say

Exit codes: 0 nothing is wrong, 1 it could not be checked, 2 something is wrong.")]
pub struct CheckArgs {
    #[command(flatten)]
    conf: ConfArgs,
    /// How the result is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How the result of a check is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Format {
    /// As one JSON object.
    Json,
    /// As text for people.
    #[default]
    Text,
}

/// Prepares what settings name (certificates), and makes what prepares a catalog without serving it.
pub type Prepare<'p> = dyn Fn(&Settings) -> (Box<dyn Publish>, Vec<Violation>) + 'p;

/// Checks a configuration.
///
/// # Errors
///
/// Returns why the result could not be written.
pub fn run(
    args: &CheckArgs,
    environment: &Environment,
    prepare: &Prepare<'_>,
    out: &mut Output<'_>,
) -> io::Result<Exit> {
    let recovered = Settings::recover(&args.conf.path(environment), environment);
    let verdict = verdict(recovered, environment, prepare, None);
    match args.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&verdict)?)?,
        Format::Text => verdict.describe(out)?,
    }
    Ok(if verdict.ok { Exit::Done } else { Exit::Refused })
}

/// What a check found.
#[derive(Debug, Serialize)]
struct Verdict {
    ok: bool,
    /// How many APIs the catalog holds, where it could be believed.
    apis: Option<usize>,
    versions: Option<usize>,
    violations: Vec<Violation>,
}

/// Finds everything that is wrong with a configuration; broken settings do not hide a broken catalog. The catalog is what
/// its directory holds, or what it would hold.
fn verdict(
    recovered: Recovered,
    environment: &Environment,
    prepare: &Prepare<'_>,
    would_be: Option<Vec<Source>>,
) -> Verdict {
    let Recovered {
        settings,
        mut violations,
    } = recovered;
    let mut verdict = Verdict {
        ok: false,
        apis: None,
        versions: None,
        violations: Vec::new(),
    };
    if let Some(settings) = settings {
        let (publish, found) = prepare(&settings);
        let known = |found: &Violation| {
            let is_same = |violation: &Violation| violation.path == found.path;
            !found.path.is_empty() && violations.iter().any(is_same)
        };
        let news: Vec<_> = found.into_iter().filter(|found| !known(found)).collect();
        violations.extend(news);
        let control = Control::new(Box::new(environment.clone()), publish);
        let reread = || Change::Reread(settings.catalog.clone());
        let catalog = control.check(would_be.map_or_else(reread, Change::Replace));
        violations.extend(boot::examine_bootstrap(&settings, environment, catalog.as_ref().ok()));
        match catalog {
            Ok(catalog) => {
                verdict.apis = Some(catalog.apis().len());
                verdict.versions = Some(catalog.apis().iter().map(|api| api.versions.len()).sum());
            }
            Err(found) => violations.extend(found),
        }
    }
    Verdict {
        ok: violations.is_empty(),
        violations,
        ..verdict
    }
}

/// Returns settings that `run` may serve with, or, where something is wrong with them, everything that a check would
/// find.
pub(super) fn settings(
    conf: &Path,
    environment: &Environment,
    prepare: &Prepare<'_>,
) -> Result<Settings, Vec<Violation>> {
    let recovered = Settings::recover(conf, environment);
    if recovered.violations.is_empty() {
        recovered.whole()
    } else {
        Err(verdict(recovered, environment, prepare, None).violations)
    }
}

/// Returns everything that a check would find if the catalog held these files.
pub(super) fn violations_with(
    sources: Vec<Source>,
    conf: &Path,
    environment: &Environment,
    prepare: &Prepare<'_>,
) -> Vec<Violation> {
    let recovered = Settings::recover(conf, environment);
    verdict(recovered, environment, prepare, Some(sources)).violations
}

impl Verdict {
    fn describe(&self, out: &mut Output<'_>) -> io::Result<()> {
        if !self.ok {
            return render::violations(&self.violations, out);
        }
        let (apis, versions) = (self.apis.unwrap_or_default(), self.versions.unwrap_or_default());
        writeln!(out, "ok: {}, {}", counted(apis, "API"), counted(versions, "version"))
    }
}

/// Counts in words, such as `1 API` or `2 APIs`.
pub(super) fn counted(number: usize, thing: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{s}")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use admin::control::publish::{Commit, Revision};

    use super::*;
    use crate::command::output::Style;
    use crate::model::catalog::Catalog;

    /// Refuses a catalog where it is told to; committing what is only checked would be a fault.
    struct Strict(Option<Violation>);

    impl Publish for Strict {
        fn prepare(&self, _: Revision, _: &Catalog) -> Result<Commit, Vec<Violation>> {
            self.0.clone().map_or_else(
                || Ok(Box::new(|| -> () { panic!("a check serves nothing") }) as Commit),
                |v| Err(vec![v]),
            )
        }
    }

    fn blame(message: &str) -> Violation {
        let (file, path) = ("a.pem".to_owned(), String::new());
        Violation {
            file,
            line: 0,
            column: 0,
            path,
            message: message.to_owned(),
            fix: None,
        }
    }

    fn check(settings: &str, catalog: &str, format: Format, prepare: &Prepare<'_>) -> (Exit, String) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("catalog")).unwrap();
        fs::write(dir.path().join("tollgate.toml"), settings).unwrap();
        fs::write(dir.path().join("catalog/a.toml"), catalog).unwrap();
        let args = CheckArgs {
            conf: ConfArgs::at(dir.path()),
            format,
        };
        let mut bytes = Vec::new();
        let exit = run(
            &args,
            &Environment::default(),
            prepare,
            &mut Output::new(&mut bytes, Style::Plain),
        )
        .unwrap();
        (exit, String::from_utf8(bytes).unwrap())
    }

    fn fine(_: &Settings) -> (Box<dyn Publish>, Vec<Violation>) {
        (Box::new(Strict(None)), Vec::new())
    }

    const API: &str = "name = 'A'\ncontext = '/a'\n[[versions]]\nversion = '1.0'\n[versions.endpoints]\n\
        production = ['http://127.0.0.1:9001']\n[[versions.resources]]\npath = '/*'\nmethods = ['GET']\nauth = 'none'\n";

    #[test]
    fn a_good_configuration_is_counted() {
        let (exit, text) = check("[quota]\nstore = 'redis://c'\n", API, Format::Text, &fine);
        assert_eq!(text, "ok: 1 API, 1 version\n");
        assert_eq!(exit, Exit::Done);
    }

    #[test]
    fn a_bad_catalog_is_shown_with_its_places() {
        let (exit, text) = check("", "colour = 'red'\n", Format::Text, &fine);
        assert_eq!(exit, Exit::Refused);
        assert!(
            text.contains("catalog/a.toml:1:1") && text.contains("1 | colour = 'red'"),
            "{text}"
        );
        assert!(text.contains("problem"), "{text}");
    }

    #[test]
    fn bad_settings_are_shown_with_their_places() {
        let (exit, text) = check("[limits]\nconnections = 0\n", API, Format::Text, &fine);
        assert_eq!(exit, Exit::Refused);
        assert!(text.contains("tollgate.toml:2:15"), "{text}");
    }

    #[test]
    fn bad_settings_do_not_hide_a_bad_catalog() {
        let settings = "[limits]\nconnections = 0\n[registry]\nurl = 'file:nothing'\n";
        let (exit, text) = check(settings, "colour = 'red'\n", Format::Text, &fine);
        assert_eq!(exit, Exit::Refused);
        for place in ["tollgate.toml:2:15", "tollgate.toml:4:7", "catalog/a.toml:1:1"] {
            assert!(text.contains(place), "{place}: {text}");
        }
        let (_, text) = check("[catalog]\ndir = \n", "colour = 'red'\n", Format::Text, &fine);
        assert!(
            text.contains("tollgate.toml:2:") && text.contains("catalog/a.toml:1:1"),
            "{text}"
        );
    }

    #[test]
    fn what_the_settings_were_blamed_for_is_not_said_twice() {
        let same = Violation {
            path: "tls.certificates[0].key".to_owned(),
            ..blame("once more")
        };
        let prepare = |_: &Settings| -> (Box<dyn Publish>, Vec<Violation>) {
            (Box::new(Strict(None)), vec![same.clone(), blame("no key")])
        };
        let settings = "[tls]\ncertificates = [{ certificate = 'tollgate.toml', key = 'nothing.pem' }]\n";
        let (_, text) = check(settings, API, Format::Text, &prepare);
        assert!(
            text.contains("nothing.pem") && text.contains("no key") && !text.contains("once more"),
            "{text}"
        );
    }

    #[test]
    fn what_only_preparing_finds_is_found_all_at_once() {
        let prepare = |_: &Settings| -> (Box<dyn Publish>, Vec<Violation>) {
            (Box::new(Strict(Some(blame("no CA")))), vec![blame("no key")])
        };
        let (exit, text) = check("", API, Format::Json, &prepare);
        assert_eq!(exit, Exit::Refused);
        let verdict: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(verdict["ok"], false);
        assert_eq!(verdict["violations"][0]["message"], "no key");
        assert_eq!(verdict["violations"][1]["message"], "no CA");
    }

    #[test]
    fn programs_get_one_object() {
        let (exit, text) = check("", API, Format::Json, &fine);
        let verdict: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (exit, &verdict["ok"], &verdict["apis"]),
            (Exit::Done, &true.into(), &1.into())
        );
        assert_eq!(verdict["violations"], serde_json::json!([]));
    }
}
