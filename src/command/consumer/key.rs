//! `tollgate key`: the keys that sign tokens.

use std::io;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use super::failure::Failure;
use super::table::Told;
use super::{Desk, Outputs, Shared, done};
use crate::boot;
use crate::bridge::socket::{Answer, Command as Asked, SocketError};
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
    let kid = match desk.ask(Asked::RotateKey).map_err(|reason| unasked(&reason))? {
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

/// Says that the running gateway, which alone may make its keys, was not heard to make one.
fn unasked(reason: &SocketError) -> Failure {
    let is_made = match reason {
        SocketError::Late { .. } | SocketError::Unknown { .. } => {
            "whether there is a new key is not known, `tollgate key list` says it"
        }
        SocketError::Bind { .. } | SocketError::Unanswered { .. } => "no key was made",
    };
    Failure::Broken(format!(
        "the running gateway makes the keys, and it cannot be asked: {reason}; {is_made}"
    ))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_gateway_that_cannot_be_asked_has_made_no_key() {
        let path = || "data/control.sock".into();
        let reason = io::ErrorKind::PermissionDenied.into();
        let Failure::Broken(said) = unasked(&SocketError::Unanswered { path: path(), reason }) else {
            panic!("it is broken");
        };
        assert!(
            said.ends_with("no key was made") && !said.contains("it is done"),
            "{said}"
        );
        let Failure::Broken(said) = unasked(&SocketError::Late { path: path() }) else {
            panic!("it is broken");
        };
        assert!(said.contains("is not known, `tollgate key list` says it"), "{said}");
    }
}
