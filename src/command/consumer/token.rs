//! `tollgate token`: a token to try things with, under the rule by which the token endpoint grants scopes.

use std::io;
use std::sync::Arc;

use admin::oauth::mint::mint;
use clap::Args;
use serde_json::json;

use super::app_keys::written;
use super::failure::Failure;
use super::table::{Told, shell_word};
use super::{Desk, Outputs, Shared, done};
use crate::boot;
use crate::command::exit::Exit;
use crate::registry::application::Application;
use crate::registry::key_pair::KeyType;
use crate::registry::user::User;
use crate::settings::Environment;

/// Issue a token to try things with.
///
/// It is what the token endpoint would issue to the application, and to the user where one is named: the requested
/// scopes that the user's roles allow, or the owner's for a token of the application alone. Whoever may read the
/// signing keys may do this; no secret and no password is asked for.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  tollgate token --app NewsApp                                      of the application alone
  tollgate token --app NewsApp --user john --scope news_write       of a user
  tollgate token --user admin --scope tollgate:admin                of who runs the gateway, for /explain
  curl -H \"Authorization: Bearer $(tollgate token --app NewsApp)\" http://127.0.0.1:8280/orgnews/1.0.0/news

Only the token is printed; what was granted is on standard error, or in --format json.

Exit codes: 0 done, 1 the registry or the keys failed, 2 what was asked makes no sense.")]
pub struct TokenArgs {
    #[command(flatten)]
    shared: Shared,
    /// The application's name or uuid; may be left out where there is one alone, of the user or at all
    #[arg(long, value_name = "NAME", required_unless_present = "user")]
    app: Option<String>,
    /// Whose application, where several have the same name
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
    /// On whose behalf: NAME, or NAME@TENANT
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Scopes to ask for, separated by spaces; may be repeated
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
    /// With the sandbox key pair instead of that of production
    #[arg(long)]
    sandbox: bool,
}

/// Issues a token.
///
/// # Errors
///
/// Returns why the result could not be written.
pub fn run(args: &TokenArgs, environment: &Environment, outputs: Outputs<'_, '_>) -> io::Result<Exit> {
    done(&args.shared, environment, outputs, async |desk: &Desk| {
        issue(desk, args).await
    })
}

/// Finds the application that is meant where none is named: the user's only one, else the only one that there is.
fn only_application(desk: &Desk, user: Option<&User>) -> Result<Arc<Application>, Failure> {
    let all = desk.view().applications(None);
    let of_user = all.iter().filter(|one| user.is_some_and(|user| one.owner == user.name));
    let found = only(of_user).or_else(|| only(all.iter()));
    found.map(Arc::clone).ok_or_else(|| {
        Failure::refused("a token is issued to an application, and it is not clear to which")
            .help("say `--app NAME`; `tollgate app list` lists them")
    })
}

fn only<T>(mut all: impl Iterator<Item = T>) -> Option<T> {
    all.next().filter(|_| all.next().is_none())
}

async fn issue(desk: &Desk, args: &TokenArgs) -> Result<Told, Failure> {
    let user = args.user.as_deref().map(|user| desk.user(user)).transpose()?;
    let application = match &args.app {
        Some(app) => desk.application(app, args.owner.as_deref())?,
        None => only_application(desk, user.as_deref())?,
    };
    let key_type = if args.sandbox {
        KeyType::Sandbox
    } else {
        KeyType::Production
    };
    let clients = desk.view().clients_of(application.id);
    let client = clients
        .iter()
        .find(|client| client.key_type == key_type)
        .ok_or_else(|| {
            let sandbox = if args.sandbox { " --sandbox" } else { "" };
            Failure::refused(format!("{} has no {} key pair", application.name, written(key_type))).help(format!(
                "`tollgate app keys {}{sandbox}` makes one",
                shell_word(&application.name)
            ))
        })?;
    let keys = Arc::new(boot::open_keys(&desk.settings)?);
    let catalog = Arc::new(desk.catalog()?);
    let authority = boot::authority(
        &desk.settings,
        &desk.registry,
        &keys,
        Box::new(move || Arc::clone(&catalog)),
    );
    let scope = args.scope.join(" ");
    let name = user.as_ref().map(|user| &user.name);
    let minted = mint(&authority, &client.consumer_key, name, Some(&scope)).await;
    let minted = minted.map_err(|error| Failure::refused(error.description.into_owned()))?;
    desk.tell()?;
    let note = format!("scope: {}; it lives {} seconds", minted.scope, minted.expires_in);
    let told = json!({
        "access_token": minted.access_token, "token_type": minted.token_type,
        "expires_in": minted.expires_in, "scope": minted.scope,
    });
    Told::new(told, minted.access_token).map(|told| told.note(note))
}
