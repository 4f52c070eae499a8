//! `tollgate key`: the keys that sign tokens.

use std::io;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use super::failure::Failure;
use super::table::Told;
use super::{Desk, Outputs, Shared, done};
use crate::boot;
use crate::bridge::socket::{Answer, Command as Asked};
use crate::command::exit::Exit;
use crate::credential::now;
use crate::settings::Environment;

/// List and rotate the keys that sign tokens.
///
/// A new key is published at /oauth2/jwks before it signs, and an old one until the last token that it signed has
/// ended, so that no valid token fails. Keys are made at the first start and rotated as `[oauth] key_rotation` says.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  tollgate key list       which key signs, which are still taken
  tollgate key rotate     make a new one now; it signs an hour later, when everybody has seen it

Exit codes: 0 done, 1 the keys or the gateway failed, 2 the configuration makes no sense.")]
pub struct KeyArgs {
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Command {
    /// List the signing keys, newest first
    List,
    /// Make a new signing key
    Rotate,
}

#[derive(Serialize)]
struct Row {
    kid: String,
    algorithm: String,
    signs_from: String,
    signs: bool,
}

/// Does what is asked of the signing keys.
///
/// # Errors
///
/// Returns why the result could not be written.
pub fn run(args: &KeyArgs, environment: &Environment, outputs: Outputs<'_, '_>) -> io::Result<Exit> {
    done(&args.shared, environment, outputs, async |desk: &Desk| {
        match args.command {
            Command::List => list(desk),
            Command::Rotate => rotate(desk),
        }
    })
}

fn list(desk: &Desk) -> Result<Told, Failure> {
    let keys = boot::open_keys(&desk.settings)?;
    let rows: Vec<_> = keys
        .list(now())
        .into_iter()
        .map(|key| Row {
            kid: key.kid,
            algorithm: format!("{:?}", key.algorithm),
            signs_from: super::table::moment(key.signs_from),
            signs: key.is_current,
        })
        .collect();
    Told::rows(&rows, ["KEY", "ALGORITHM", "SIGNS FROM", "NOW"], |row| {
        let signs = if row.signs { "signs" } else { "-" };
        [
            row.kid.clone(),
            row.algorithm.clone(),
            row.signs_from.clone(),
            signs.to_owned(),
        ]
    })
}

fn rotate(desk: &Desk) -> Result<Told, Failure> {
    let kid = match desk.ask(Asked::RotateKey)? {
        Some(Answer::Rotated { kid }) => kid,
        Some(Answer::Failed { failed }) => return Err(Failure::Broken(failed)),
        Some(other) => return Err(Failure::Broken(format!("the gateway answers {other:?}"))),
        None => {
            let keys = boot::open_keys(&desk.settings)?;
            keys.rotate(now()).map_err(|reason| Failure::broken(&reason))?
        }
    };
    let text = format!("{kid} is published, and signs when everybody has seen it: see `tollgate key list`");
    Told::new(json!({ "kid": kid }), text)
}
