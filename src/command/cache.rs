//! `tollgate cache`: what is kept of responses.

use std::io::{self, Write};
use std::time::Duration;

use clap::{Args, Subcommand};

use super::conf::ConfArgs;
use super::exit::Exit;
use super::output::Output;
use super::render;
use crate::bridge::socket::{self, Answer, Command as Asked};
use crate::cache::purge::Purge;
use crate::settings::{Environment, Settings};

/// Purge what the running gateway keeps of responses.
///
/// A purge is in force when it returns: nothing that was kept before is used after it, nor what was on its way. It is
/// this gateway's cache; others that share its counts have caches of their own.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  tollgate cache purge --url /orders/1.0/items/7            one URL, whoever called and whichever variant
  tollgate cache purge --api Orders                         all versions of an API
  tollgate cache purge --api Orders --version 1.0 --prefix /items
  tollgate cache purge --tag product-7                      what the origin gave this tag (Surrogate-Key, Cache-Tag)
  tollgate cache purge --everything --soft                  all of it is stale, and validated when it is next asked for

Exit codes: 0 done, 1 no gateway answers, or it keeps nothing of that name, 2 the configuration makes no sense.")]
pub struct CacheArgs {
    #[command(flatten)]
    conf: ConfArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Forget what is named, at once
    Purge(PurgeArgs),
}

#[derive(Args, Clone, Debug)]
struct PurgeArgs {
    /// All of it
    #[arg(long)]
    everything: bool,
    /// What callers get at a URL, or at a path of the gateway
    #[arg(long)]
    url: Option<String>,
    /// What its origin gave a tag
    #[arg(long)]
    tag: Option<String>,
    /// The tenant; carbon.super by default
    #[arg(long)]
    tenant: Option<String>,
    /// All versions of an API
    #[arg(long)]
    api: Option<String>,
    /// One version of it
    #[arg(long)]
    version: Option<String>,
    /// What begins so, below the context and the version
    #[arg(long)]
    prefix: Option<String>,
    /// Make it stale, instead of forgetting it
    #[arg(long)]
    soft: bool,
}

/// Does what is asked of the cache.
///
/// # Errors
///
/// Returns why the result could not be written.
pub fn run(
    args: &CacheArgs,
    environment: &Environment,
    (out, err): (&mut Output<'_>, &mut Output<'_>),
) -> io::Result<Exit> {
    let settings = match Settings::load(&args.conf.path(environment), environment) {
        Ok(settings) => settings,
        Err(violations) => return render::violations(&violations, err).map(|()| Exit::Refused),
    };
    let Command::Purge(named) = &args.command;
    let purge = Box::new(Purge::from(named.clone()));
    let failed = match socket::ask(&settings.data, Asked::Purge(purge), PATIENCE) {
        Ok(Answer::Purged { .. }) => {
            writeln!(out, "purged")?;
            return Ok(Exit::Done);
        }
        Ok(Answer::Failed { failed }) => failed,
        Ok(Answer::Misunderstood { error }) => format!("the gateway does not understand: {error}"),
        Ok(
            Answer::Explained { .. }
            | Answer::Followed { .. }
            | Answer::Recalled { .. }
            | Answer::Refused { .. }
            | Answer::Reloaded(_)
            | Answer::Rotated { .. }
            | Answer::Status(_),
        ) => "the gateway answered another question".to_owned(),
        Err(reason) => reason.to_string(),
    };
    writeln!(err, "error: nothing is known to be purged: {failed}")?;
    Ok(Exit::Failed)
}

impl From<PurgeArgs> for Purge {
    fn from(args: PurgeArgs) -> Self {
        Self {
            everything: args.everything,
            url: args.url,
            tag: args.tag,
            tenant: args.tenant,
            api: args.api,
            version: args.version,
            prefix: args.prefix,
            soft: args.soft,
        }
    }
}

/// How long the gateway may take.
const PATIENCE: Duration = Duration::from_secs(10);
