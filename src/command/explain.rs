//! `tollgate explain`: what would come of a request, or came of one, stage by stage, with the line behind each.

use std::io::{self, Read as _, Write};
use std::net::IpAddr;
use std::time::Duration;

use admin::control::Control;
use admin::control::change::Change;
use clap::Args;

use super::check::Format;
use super::conf::ConfArgs;
use super::exit::Exit;
use super::output::Output;
use super::render;
use crate::boot;
use crate::bridge::socket::{self, Answer, Command, SocketError};
use crate::explain::explanation::{Decision, Explanation, Outcome, Step};
use crate::explain::question::Question;
use crate::explain::refusals::Refused;
use crate::settings::{Environment, Settings};

/// Say why a request is let through or refused.
///
/// Asks the running gateway what it would do with a request, without calling a backend: each stage's decision, the line
/// of the catalog behind it, and the claim, the scope or the subscription that is wanting. With --request it says why a
/// real request was refused, by the X-Request-Id of its answer. Where no gateway runs, the files are explained and the
/// registry is only read. Nothing that is shown is repeated.
#[derive(Args, Clone)]
#[command(after_long_help = "\
Examples:
  tollgate explain GET http://127.0.0.1:8280/orgnews/1.0.0/news        what a caller without a credential is told
  tollgate explain GET /orgnews/1.0.0/news --token $TOKEN              and one with a token
  echo $TOKEN | tollgate explain GET /orgnews/1.0.0/news --token -     the same, seen by no list of processes
  tollgate explain POST https://api.acme.example/orders -H 'apikey: tgk_...' --client-ip 192.0.2.7
  tollgate explain --request 019b2f0e-6f0c-7c3e-8d5b-0d8a54f3a1c2      why a real request was refused
  tollgate explain GET /demo/hello --format json | jq .steps

A password that is shown counts as one that was tried.

Exit codes: 0 it is explained, whatever the decision, 1 it could not be, 2 what was asked makes no sense.")]
pub struct ExplainArgs {
    #[command(flatten)]
    conf: ConfArgs,
    /// The method, such as GET
    #[arg(required_unless_present = "request", requires = "url")]
    method: Option<String>,
    /// The URL, or its path alone
    url: Option<String>,
    /// A header field, as `Name: value`; may be repeated
    #[arg(short = 'H', long = "header", value_name = "FIELD")]
    headers: Vec<String>,
    /// A token, in the field that the API takes tokens from; - reads it from standard input
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// The address that the request comes from [default: 127.0.0.1]
    #[arg(long, value_name = "IP")]
    client_ip: Option<IpAddr>,
    /// A request that was refused, by its X-Request-Id
    #[arg(long, value_name = "ID", conflicts_with_all = ["method", "url", "headers", "token", "client_ip"])]
    request: Option<String>,
    /// How the result is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl std::fmt::Debug for ExplainArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExplainArgs").finish_non_exhaustive()
    }
}

/// Explains a request.
///
/// # Errors
///
/// Returns why the result could not be written.
pub fn run(
    args: &ExplainArgs,
    environment: &Environment,
    out: &mut Output<'_>,
    err: &mut Output<'_>,
) -> io::Result<Exit> {
    let settings = match Settings::load(&args.conf.path(environment), environment) {
        Ok(settings) => settings,
        Err(violations) => return render::violations(&violations, err).map(|()| Exit::Refused),
    };
    let command = match (&args.request, question(args)) {
        (Some(request), _) => Command::Recall(request.clone()),
        (None, Ok(question)) => Command::Explain(Box::new(question)),
        (None, Err(reason)) => return fail(&reason, Exit::Refused, err),
    };
    let answer = match socket::ask(&settings.data, command.clone(), PATIENCE) {
        Err(SocketError::Unanswered { reason, .. }) if is_nobody(&reason) => offline(&settings, environment, command)?,
        answer => answer,
    };
    match answer {
        Ok(Answer::Explained { explained }) => explained_as(args.format, &explained, out).map(|()| Exit::Done),
        Ok(Answer::Recalled { recalled }) if recalled.is_empty() => fail(NOT_REMEMBERED, Exit::Failed, err),
        Ok(Answer::Recalled { recalled }) => recalled_as(args.format, &recalled, out).map(|()| Exit::Done),
        Ok(Answer::Misunderstood { error }) => fail(&error, Exit::Refused, err),
        Ok(Answer::Refused { violations }) => render::violations(&violations, err).map(|()| Exit::Refused),
        Ok(Answer::Failed { failed }) => fail(&failed, Exit::Failed, err),
        Ok(
            Answer::Followed { .. }
            | Answer::Purged { .. }
            | Answer::Reloaded(_)
            | Answer::Rotated { .. }
            | Answer::Status(_),
        ) => fail("the gateway answered another question", Exit::Failed, err),
        Err(reason) => fail(&reason.to_string(), Exit::Failed, err),
    }
}

fn question(args: &ExplainArgs) -> Result<Question, String> {
    let fields = args.headers.iter().zip(1..).map(|(field, number)| {
        let (name, value) = field
            .split_once(':')
            .ok_or_else(|| format!("header field {number} is malformed: write `-H 'Name: value'`"))?;
        Ok((name.to_owned(), value.trim().to_owned()))
    });
    let token = match args.token.as_deref() {
        Some("-") => {
            let mut text = String::new();
            let read = io::stdin().take(LONGEST_TOKEN).read_to_string(&mut text);
            read.map_err(|reason| format!("no token on standard input: {reason}"))?;
            Some(text.trim().to_owned())
        }
        token => token.map(str::to_owned),
    };
    Ok(Question {
        headers: fields.collect::<Result<_, String>>()?,
        method: args.method.clone().unwrap_or_default(),
        url: args.url.clone().unwrap_or_default(),
        token,
        client_ip: args.client_ip,
    })
}

/// Explains what the files say, where nobody serves them.
fn offline(
    settings: &Settings,
    environment: &Environment,
    command: Command,
) -> io::Result<Result<Answer, SocketError>> {
    let Command::Explain(question) = command else {
        let failed = "no gateway runs, and refusals are remembered by the one that refused".to_owned();
        return Ok(Ok(Answer::Failed { failed }));
    };
    let control = Control::new(Box::new(environment.clone()), boot::rehearse(settings).0);
    let catalog = match control.check(Change::Reread(settings.catalog.clone())) {
        Ok(catalog) => catalog,
        Err(violations) => return Ok(Ok(Answer::Refused { violations })),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let explained = runtime.block_on(boot::explainer(settings, &catalog));
    Ok(Ok(match explained {
        Ok(explainer) => explainer.explain_answer(&question, runtime.handle()),
        Err(violations) => Answer::Refused { violations },
    }))
}

fn explained_as(format: Format, explained: &Explanation, out: &mut Output<'_>) -> io::Result<()> {
    if format == Format::Json {
        return writeln!(out, "{}", serde_json::to_string_pretty(explained)?);
    }
    for note in &explained.notes {
        writeln!(out, "note: {}", plain(note))?;
    }
    writeln!(out, "{}: {}", plain(&explained.request), plain(&decision(explained)))?;
    steps(&explained.steps, out)?;
    for fetched in &explained.fetched {
        writeln!(out, "asked for: {fetched}")?;
    }
    Ok(())
}

/// Writes what each stage says, one line each.
pub(super) fn steps(steps: &[Step], out: &mut Output<'_>) -> io::Result<()> {
    let widest = steps.iter().map(|step| step.says.chars().count()).max();
    let width = widest.unwrap_or_default().min(WIDEST);
    for step in steps {
        let mark = match step.outcome {
            Outcome::Passed => "ok",
            Outcome::Refused => "NO",
            Outcome::Skipped => "--",
        };
        let line = format!(
            "  {mark}  {:<14}  {:<width$}  {}",
            step.stage,
            plain(&step.says),
            step.rule
        );
        writeln!(out, "{}", line.trim_end())?;
        for detail in &step.details {
            writeln!(out, "                        {}", plain(detail))?;
        }
    }
    Ok(())
}

fn decision(explained: &Explanation) -> String {
    match explained.decision {
        Decision::Answered => "answered by the gateway itself, 204".to_owned(),
        Decision::Own => "for the gateway itself: the token endpoint and its relatives".to_owned(),
        Decision::Permitted => "permitted".to_owned(),
        Decision::Refused => format!(
            "refused with {} {} {}: {}",
            explained.status.unwrap_or_default(),
            explained.code.as_deref().unwrap_or_default(),
            explained.reason.as_deref().unwrap_or_default(),
            explained.message.as_deref().unwrap_or_default()
        ),
    }
}

fn recalled_as(format: Format, recalled: &[Refused], out: &mut Output<'_>) -> io::Result<()> {
    if format == Format::Json {
        return writeln!(out, "{}", serde_json::to_string_pretty(recalled)?);
    }
    for refused in recalled {
        let Refused {
            status, code, reason, ..
        } = refused;
        let what = format!("{} {} of {}", refused.method, refused.path, refused.host);
        writeln!(
            out,
            "{} {}: refused with {status} {code} {reason}",
            refused.time,
            plain(&what)
        )?;
        let version = refused.version.as_ref();
        let version = version.map(|[tenant, api, version]| format!("{api} {version} of {tenant}"));
        let scopes = |scopes: &[String]| Some(scopes.join(", ")).filter(|scopes| !scopes.is_empty());
        for (name, value) in [
            ("why", Some(refused.says.clone())),
            ("stage", refused.stage.clone()),
            ("rule", Some(refused.rule.clone()).filter(|rule| !rule.is_empty())),
            ("version", version),
            ("resource", refused.resource.clone()),
            ("client", Some(refused.client.clone())),
            ("application", refused.application.clone()),
            ("subject", refused.subject.clone()),
            ("flaw", refused.flaw.clone()),
            ("wanted", scopes(&refused.wanted_scopes)),
            ("held", scopes(&refused.held_scopes)),
        ] {
            if let Some(value) = value {
                writeln!(out, "  {name:<11}  {}", plain(&value))?;
            }
        }
    }
    Ok(())
}

/// Keeps what callers and catalogs say from moving the cursor of whoever reads it.
pub(super) fn plain(text: &str) -> String {
    let harmless = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(harmless).collect()
}

/// Tells whether nobody is there, as opposed to somebody who cannot be reached.
fn is_nobody(reason: &io::Error) -> bool {
    matches!(
        reason.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
    )
}

fn fail(reason: &str, exit: Exit, err: &mut Output<'_>) -> io::Result<Exit> {
    writeln!(err, "error: {}", plain(reason))?;
    Ok(exit)
}

const NOT_REMEMBERED: &str =
    "no refusal of this request id is remembered: it was not refused, or too many were since, see `[explain] refusals`";

/// How long a gateway may take: it may have to ask an issuer first.
const PATIENCE: Duration = Duration::from_secs(30);
const LONGEST_TOKEN: u64 = 64 << 10;
const WIDEST: usize = 60;
