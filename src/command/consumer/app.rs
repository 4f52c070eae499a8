//! `tollgate app`: applications, their keys, and what they may call.

use std::io;

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use serde_json::json;

use super::api_key::{self, ApiKeyArgs};
use super::app_keys::{self, Keys, written};
use super::app_rights::{self, Right, Subscribe};
use super::failure::Failure;
use super::table::{Told, shell_word};
use super::{Desk, Outputs, Shared, done};
use crate::command::exit::Exit;
use crate::credential::now;
use crate::registry::application::{Application, NewApplication, TokenType};
use crate::settings::Environment;

/// Make applications, give them keys, subscribe them.
///
/// An application is what calls APIs. It has a consumer key and secret for production and another pair for the sandbox,
/// API keys if it wants, and a subscription to each version that it calls. Secrets are shown when they are made and
/// never again. A change is effective in the running gateway when the command returns.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  tollgate app create NewsApp --owner tom          an application of the user tom
  tollgate app keys NewsApp                        its consumer key and secret
  tollgate app keys NewsApp --sandbox              those of the sandbox
  tollgate app keys NewsApp --regenerate           another secret; the old one ends now
  tollgate app keys NewsApp --jwks keys.json       its public keys, instead of a secret (private_key_jwt)
  tollgate app keys NewsApp --certificate its.pem  its certificate, instead of a secret (self_signed_tls_client_auth)
  tollgate app subscribe NewsApp OrgNews 1.0.0     so that it may call that version
  tollgate app block NewsApp OrgNews 1.0.0         it may not, until `unblock`
  tollgate app api-key create NewsApp --expires 30d
  tollgate app show NewsApp                        all of it on one page

Exit codes: 0 done, 1 the registry or the gateway failed, 2 what was asked makes no sense.")]
pub struct AppArgs {
    #[command(flatten)]
    shared: Shared,
    /// Whose application, where several have the same name
    #[arg(long, value_name = "USER", global = true)]
    owner: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Make and revoke API keys
    ApiKey(ApiKeyArgs),
    /// Keep an application from calling a version
    Block(Right),
    /// Make an application; `--owner` says whose
    Create {
        /// Its name, unique among its owner's
        name: String,
        /// Its application tier
        #[arg(long, default_value = "Unlimited")]
        tier: String,
        /// What its access tokens are
        #[arg(long, value_enum, default_value_t)]
        token_type: Tokens,
    },
    /// Delete an application, its keys and its subscriptions
    Delete {
        /// Its name or its uuid
        name: String,
    },
    /// Make a consumer key and secret, or another secret
    Keys(Keys),
    /// List the applications
    List,
    /// Show an application with its keys and subscriptions
    Show {
        /// Its name or its uuid
        name: String,
    },
    /// Subscribe an application to a version
    Subscribe(Subscribe),
    /// List an application's subscriptions
    Subscriptions {
        /// Its name or its uuid
        name: String,
    },
    /// Let an application call a version again
    Unblock(Right),
    /// End a subscription
    Unsubscribe(Right),
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Tokens {
    /// Signed statements.
    #[default]
    Jwt,
    /// Random strings.
    Opaque,
}

#[derive(Serialize)]
struct Row {
    name: String,
    owner: String,
    tier: String,
    tokens: &'static str,
    uuid: String,
}

impl Row {
    fn of(application: &Application) -> Self {
        Self {
            name: application.name.clone(),
            owner: application.owner.to_string(),
            tier: application.tier.to_string(),
            tokens: match application.token_type {
                TokenType::Jwt => "jwt",
                TokenType::Opaque => "opaque",
            },
            uuid: application.uuid.clone(),
        }
    }
}

/// Does what is asked of applications.
///
/// # Errors
///
/// Returns why the result could not be written.
pub fn run(args: &AppArgs, environment: &Environment, outputs: Outputs<'_, '_>) -> io::Result<Exit> {
    let owner = args.owner.as_deref();
    done(&args.shared, environment, outputs, async |desk: &Desk| {
        let find = |name: &str| desk.application(name, owner);
        match &args.command {
            Command::ApiKey(args) => api_key::run(desk, args, owner).await,
            Command::Block(right) => app_rights::block(desk, &*find(right.application())?, right).await,
            Command::Create { name, tier, token_type } => create(desk, name, owner, (tier, *token_type)).await,
            Command::Delete { name } => delete(desk, &*find(name)?).await,
            Command::Keys(keys) => app_keys::run(desk, &*find(keys.application())?, keys).await,
            Command::List => list(desk, owner),
            Command::Show { name } => show(desk, &*find(name)?),
            Command::Subscribe(wish) => app_rights::subscribe(desk, &*find(wish.application())?, wish).await,
            Command::Subscriptions { name } => app_rights::list(desk, &*find(name)?),
            Command::Unblock(right) => app_rights::unblock(desk, &*find(right.application())?, right).await,
            Command::Unsubscribe(right) => app_rights::unsubscribe(desk, &*find(right.application())?, right).await,
        }
    })
}

async fn create(desk: &Desk, name: &str, owner: Option<&str>, (tier, tokens): (&str, Tokens)) -> Result<Told, Failure> {
    let owner = owner.ok_or_else(|| {
        Failure::refused("an application needs an owner").help("say `--owner USER`; `tollgate user list` names them")
    })?;
    let owner = desk.user(owner)?.name.clone();
    let application = NewApplication {
        name: name.to_owned(),
        tier: app_rights::tier(desk, &owner, tier)?,
        owner,
        token_type: match tokens {
            Tokens::Jwt => TokenType::Jwt,
            Tokens::Opaque => TokenType::Opaque,
        },
    };
    let id = desk.registry.add_application(application, now()).await?;
    let made = desk.view().application(id);
    let made = made.ok_or_else(|| Failure::Broken("the application is gone again".to_owned()))?;
    desk.done("make", format!("application {}", made.name), made.tenant())
        .await?;
    let text = format!(
        "{name} made ({})\nnext: tollgate app keys {word}, tollgate app subscribe {word} API VERSION",
        made.uuid,
        word = shell_word(name),
    );
    Told::new(Row::of(&made), text)
}

async fn delete(desk: &Desk, application: &Application) -> Result<Told, Failure> {
    desk.registry.delete_application(application.id).await?;
    desk.done(
        "delete",
        format!("application {}", application.name),
        application.tenant(),
    )
    .await?;
    Told::new(Row::of(application), format!("{} deleted", application.name))
}

fn list(desk: &Desk, owner: Option<&str>) -> Result<Told, Failure> {
    let owner = owner.map(|owner| desk.user(owner)).transpose()?;
    let mut all = desk.view().applications(None);
    all.retain(|one| owner.as_ref().is_none_or(|owner| one.owner == owner.name));
    all.sort_by(|one, other| (&one.name, &one.owner).cmp(&(&other.name, &other.owner)));
    let rows: Vec<_> = all.iter().map(|application| Row::of(application)).collect();
    Told::rows(&rows, ["NAME", "OWNER", "TIER", "TOKENS", "UUID"], |row| {
        [
            row.name.clone(),
            row.owner.clone(),
            row.tier.clone(),
            row.tokens.to_owned(),
            row.uuid.clone(),
        ]
    })
}

fn show(desk: &Desk, application: &Application) -> Result<Told, Failure> {
    let row = Row::of(application);
    let clients = desk.view().clients_of(application.id);
    let keys: Vec<_> = clients
        .iter()
        .map(|client| json!({ "type": written(client.key_type), "consumer_key": client.consumer_key }))
        .collect();
    let (rights, api_keys) = (app_rights::rows(desk, application), api_key::rows(desk, application));
    let mut text = format!(
        "{} of {}, tier {}, {} tokens\nuuid {}\n",
        row.name, row.owner, row.tier, row.tokens, row.uuid
    );
    for client in &clients {
        text.push_str(&format!(
            "consumer key ({}) {}\n",
            written(client.key_type),
            client.consumer_key
        ));
    }
    if !rights.is_empty() {
        text.push_str(&format!("\n{}", app_rights::table(&rights)));
    }
    if !api_keys.is_empty() {
        text.push_str(&format!("\n{}", api_key::table(&api_keys)));
    }
    let told = json!({ "application": row, "keys": keys, "subscriptions": rights, "api_keys": api_keys });
    Told::new(told, text)
}
