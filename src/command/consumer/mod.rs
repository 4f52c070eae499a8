//! What an operator does to consumers from a shell: users, applications, keys and tokens.
//!
//! These commands open the registry themselves, so that they work without a gateway. One that runs on the same data
//! directory is told of every change and has taken it in when the command returns.

pub mod api_key;
pub mod app;
mod app_keys;
pub mod app_rights;
mod desk;
mod failure;
pub mod key;
mod secret;
mod table;
pub mod token;
pub mod user;

use std::io;

use clap::{Args, ValueEnum};

use self::desk::Desk;
use self::failure::Failure;
use self::table::Told;
use super::conf::ConfArgs;
use super::exit::Exit;
use super::output::Output;
use crate::settings::Environment;

/// What these commands share.
#[derive(Args, Clone, Debug, Default)]
pub struct Shared {
    #[command(flatten)]
    conf: ConfArgs,
    /// How the result is written
    #[arg(long, value_enum, default_value_t, global = true)]
    format: Format,
}

/// How a result is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Format {
    /// As one JSON value.
    Json,
    /// As text for people.
    #[default]
    Text,
}

/// Opens the registry, does something with it, and says what came of it.
fn done<F>(shared: &Shared, environment: &Environment, outputs: Outputs<'_, '_>, act: F) -> io::Result<Exit>
where
    F: AsyncFnOnce(&Desk) -> Result<Told, Failure>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let told = runtime.block_on(async {
        let desk = Desk::open(&shared.conf, environment).await?;
        act(&desk).await
    });
    match told {
        Ok(told) => told.write(shared.format, outputs).map(|()| Exit::Done),
        Err(failure) => failure.write(outputs.1),
    }
}

/// Where results go, and where failures go.
pub type Outputs<'o, 'w> = (&'o mut Output<'w>, &'o mut Output<'w>);
