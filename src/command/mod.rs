//! The commands: one file a verb. Each takes what was typed, does it, and says how it ended.

pub mod cache;
pub mod check;
pub mod conf;
pub mod consumer;
pub mod exit;
pub mod explain;
mod handover;
pub mod import;
mod junit;
pub mod origin;
pub mod output;
pub mod reload;
pub mod render;
pub mod run;
pub mod schema;
pub mod test;
pub mod version;

use std::process::ExitCode;

use admin::control::publish::Publish;
use clap::{Parser, Subcommand};

use self::exit::Exit;
use self::output::Output;
use crate::boot;
use crate::settings::{Environment, Settings};

/// An API manager in one small binary: an edge gateway with its control plane built in.
#[derive(Debug, Parser)]
#[command(
    name = "tollgate",
    version,
    after_help = "\
Start with `tollgate run`, which serves conf/; `tollgate check` says what is wrong with it.
Exit codes: 0 done, 1 something failed while running, 2 usage or configuration."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    App(consumer::app::AppArgs),
    Cache(cache::CacheArgs),
    Check(check::CheckArgs),
    Explain(explain::ExplainArgs),
    Import(import::ImportArgs),
    Key(consumer::key::KeyArgs),
    Origin(origin::OriginArgs),
    Reload(reload::ReloadArgs),
    Run(run::RunArgs),
    Schema(schema::SchemaArgs),
    Test(test::TestArgs),
    Token(consumer::token::TokenArgs),
    User(consumer::user::UserArgs),
    /// Print the version
    Version,
}

/// Does what the process's arguments say.
pub fn main(environment: &Environment) -> ExitCode {
    // Clap prints usage and help itself, and exits with 2 or 0.
    let arguments = Arguments::parse();
    let (mut out, mut err) = (Output::stdout(environment), Output::stderr(environment));
    let exit = match arguments.command {
        Command::App(args) => consumer::app::run(&args, environment, (&mut out, &mut err)),
        Command::Cache(args) => cache::run(&args, environment, (&mut out, &mut err)),
        Command::Check(args) => check::run(&args, environment, &prepare, &mut out),
        Command::Explain(args) => explain::run(&args, environment, &mut out, &mut err),
        Command::Import(args) => import::run(&args, (environment, &prepare), &mut out, &mut err),
        Command::Key(args) => consumer::key::run(&args, environment, (&mut out, &mut err)),
        Command::Origin(args) => return origin::run(&args),
        Command::Reload(args) => reload::run(&args, environment, &mut out, &mut err),
        Command::Run(args) => return run::run(&args, environment),
        Command::Schema(args) => schema::run(&args, &mut out),
        Command::Test(args) => test::run(&args, environment, &mut out, &mut err),
        Command::Token(args) => consumer::token::run(&args, environment, (&mut out, &mut err)),
        Command::User(args) => consumer::user::run(&args, environment, (&mut out, &mut err)),
        Command::Version => version::run(&mut out),
    };
    Exit::of(exit).into()
}

/// Makes what would prepare a catalog, and examines what the settings name, as `run` would.
fn prepare(settings: &Settings) -> (Box<dyn Publish>, Vec<crate::model::violation::Violation>) {
    boot::rehearse(settings)
}
