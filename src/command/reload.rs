//! `tollgate reload`: asks the running gateway to read its files now, and waits until it serves them.

use std::io::{self, Write};

use clap::Args;

use super::check::counted;
use super::conf::ConfArgs;
use super::exit::Exit;
use super::output::Output;
use super::render;
use crate::bridge::socket::{self, Answer, Command};
use crate::model::unit::{Period, UnitError};
use crate::settings::{Environment, Settings};

/// Ask the running gateway to read its files now.
///
/// A gateway notices edits by itself; this waits until they are served, or shows why they are refused. What was
/// served before is served until then. The gateway is found by the control socket in its data directory.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  tollgate reload                          the gateway that runs conf/
  tollgate reload --conf /etc/tollgate     another one
  tollgate reload --timeout 5m && ./smoke  go on once the new catalog is served

Exit codes: 0 the files are served, 1 no gateway answers, 2 the files are refused.")]
pub struct ReloadArgs {
    #[command(flatten)]
    conf: ConfArgs,
    /// How long to wait for the gateway
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = period)]
    timeout: Period,
}

fn period(text: &str) -> Result<Period, UnitError> {
    Period::parse(text).and_then(|period| {
        if period.0.is_zero() {
            Err(UnitError::Period)
        } else {
            Ok(period)
        }
    })
}

/// Asks for a reload.
///
/// # Errors
///
/// Returns why the result could not be written.
pub fn run(
    args: &ReloadArgs,
    environment: &Environment,
    out: &mut Output<'_>,
    err: &mut Output<'_>,
) -> io::Result<Exit> {
    let settings = match Settings::load(&args.conf.path(environment), environment) {
        Ok(settings) => settings,
        Err(violations) => return render::violations(&violations, err).map(|()| Exit::Refused),
    };
    match socket::ask(&settings.data, Command::Reload, args.timeout.0) {
        Ok(Answer::Reloaded(outcome)) => {
            let unchanged = if outcome.unchanged { ", unchanged" } else { "" };
            writeln!(
                out,
                "revision {}: {}{unchanged}",
                outcome.revision,
                counted(outcome.apis, "API")
            )?;
            Ok(Exit::Done)
        }
        Ok(Answer::Refused { violations }) => render::violations(&violations, err).map(|()| Exit::Refused),
        Ok(Answer::Misunderstood { error }) => fail(&format!("the gateway does not understand: {error}"), err),
        Ok(
            Answer::Explained { .. }
            | Answer::Failed { .. }
            | Answer::Followed { .. }
            | Answer::Purged { .. }
            | Answer::Recalled { .. }
            | Answer::Rotated { .. }
            | Answer::Status(_),
        ) => fail("the gateway answered another question", err),
        Err(reason) => fail(&reason.to_string(), err),
    }
}

fn fail(reason: &str, err: &mut Output<'_>) -> io::Result<Exit> {
    writeln!(err, "error: {reason}")?;
    Ok(Exit::Failed)
}

#[cfg(test)]
mod tests {
    use admin::control::publish::Revision;
    use std::fs;
    use tokio::sync::watch;
    use tokio::task::spawn_blocking;

    use super::*;
    use crate::bridge::reload::Outcome;
    use crate::bridge::socket::Socket;
    use crate::command::output::Style;
    use crate::model::violation::Violation;

    /// Asks a gateway that gives one answer, or none.
    async fn reload(answer: Option<Answer>) -> (Exit, String, String) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("tollgate.toml"), "[data]\ndir = 'data'\n").unwrap();
        let (_stop, stopped) = watch::channel(false);
        if let Some(answer) = answer {
            let socket = Socket::bind(&dir.path().join("data")).unwrap();
            tokio::spawn(socket.serve(move |_| answer.clone(), stopped));
        }
        let args = ReloadArgs {
            conf: ConfArgs::at(dir.path()),
            timeout: period("10s").unwrap(),
        };
        spawn_blocking(move || {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let exit = run(
                &args,
                &Environment::default(),
                &mut Output::new(&mut out, Style::Plain),
                &mut Output::new(&mut err, Style::Plain),
            );
            (
                exit.unwrap(),
                String::from_utf8(out).unwrap(),
                String::from_utf8(err).unwrap(),
            )
        })
        .await
        .unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_served_is_told() {
        let outcome = |unchanged| {
            Answer::Reloaded(Outcome {
                revision: Revision(7),
                apis: 3,
                unchanged,
            })
        };
        let (exit, out, err) = reload(Some(outcome(false))).await;
        assert_eq!(
            (exit, out.as_str(), err.as_str()),
            (Exit::Done, "revision 7: 3 APIs\n", "")
        );
        assert_eq!(reload(Some(outcome(true))).await.1, "revision 7: 3 APIs, unchanged\n");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_refusal_shows_the_violations() {
        let (file, path, message) = ("a.toml".to_owned(), String::new(), "unknown key `x`".to_owned());
        let violations = vec![Violation {
            file,
            line: 3,
            column: 1,
            path,
            message,
            fix: None,
        }];
        let (exit, out, err) = reload(Some(Answer::Refused { violations })).await;
        assert_eq!((exit, out.as_str()), (Exit::Refused, ""));
        assert!(err.contains("unknown key `x`") && err.contains("a.toml:3:1"), "{err}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_gateway_is_a_failure() {
        let (exit, _, err) = reload(None).await;
        assert_eq!(exit, Exit::Failed);
        assert!(err.contains("no gateway answers at"), "{err}");
    }

    #[test]
    fn a_timeout_has_a_unit_and_is_more_than_nothing() {
        assert!(period("5m").is_ok() && period("5").is_err() && period("0s").is_err());
    }
}
