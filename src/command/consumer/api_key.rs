//! `tollgate app api-key`: random strings that stand for an application.

use clap::{Args, Subcommand};
use ipnet::IpNet;
use serde::Serialize;
use serde_json::json;

use super::Desk;
use super::app_keys::written;
use super::failure::Failure;
use super::table::{self, Told, moment};
use crate::credential::now;
use crate::model::unit::{Period, UnitError};
use crate::registry::api_key::{ApiKeyId, NewApiKey, Restrictions};
use crate::registry::application::Application;
use crate::registry::key_pair::KeyType;

/// What is asked of API keys.
#[derive(Args, Clone, Debug)]
pub(super) struct ApiKeyArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Make an API key; it is shown this once
    Create(Create),
    /// List an application's API keys
    List {
        /// The application's name or uuid
        name: String,
    },
    /// End an API key
    Revoke {
        /// The application's name or uuid
        name: String,
        /// The key's number, as `list` has it
        id: i64,
    },
}

#[derive(Args, Clone, Debug)]
struct Create {
    /// The application's name or uuid
    name: String,
    /// For the sandbox instead of production
    #[arg(long)]
    sandbox: bool,
    /// When it ends, such as 30d [default: never]
    #[arg(long, value_name = "TIME", value_parser = period)]
    expires: Option<Period>,
    /// An address or a network that it is taken from; may be repeated
    #[arg(long, value_name = "NETWORK", value_parser = network)]
    network: Vec<IpNet>,
    /// A `Referer` that it is taken with, such as `app.example.com/*`; may be repeated
    #[arg(long, value_name = "PATTERN")]
    referer: Vec<String>,
}

fn period(text: &str) -> Result<Period, UnitError> {
    Period::parse(text)
}

fn network(text: &str) -> Result<IpNet, String> {
    let network = text
        .parse()
        .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
    network.map_err(|_| "neither an address nor a network such as 10.0.0.0/8".to_owned())
}

/// An API key as it is listed.
#[derive(Serialize)]
pub(super) struct Row {
    id: i64,
    #[serde(rename = "type")]
    kind: &'static str,
    expires: Option<String>,
    networks: Vec<String>,
    referers: Vec<String>,
}

pub(super) async fn run(desk: &Desk, args: &ApiKeyArgs, owner: Option<&str>) -> Result<Told, Failure> {
    match &args.command {
        Command::Create(wish) => create(desk, &*desk.application(&wish.name, owner)?, wish).await,
        Command::List { name } => {
            let rows = rows(desk, &*desk.application(name, owner)?);
            let text = table(&rows);
            Told::new(rows, text)
        }
        Command::Revoke { name, id } => revoke(desk, &*desk.application(name, owner)?, *id).await,
    }
}

async fn create(desk: &Desk, application: &Application, wish: &Create) -> Result<Told, Failure> {
    let key_type = if wish.sandbox {
        KeyType::Sandbox
    } else {
        KeyType::Production
    };
    let key = NewApiKey {
        application: application.id,
        key_type,
        restrictions: Restrictions {
            networks: wish.network.clone(),
            referers: wish.referer.clone(),
        },
        expires: wish.expires.map(|period| now().plus(period.0.as_secs())),
    };
    let (id, key) = desk.registry.add_api_key(key, now()).await?;
    desk.done(
        "make",
        format!("API key {} of application {}", id.0, application.name),
        application.tenant(),
    )
    .await?;
    let told = json!({ "application": application.name, "id": id.0, "type": written(key_type), "api_key": key });
    Told::new(told, format!("API key {}: {key}\nIt is shown this once.", id.0))
}

async fn revoke(desk: &Desk, application: &Application, id: i64) -> Result<Told, Failure> {
    if !rows(desk, application).iter().any(|row| row.id == id) {
        let known = rows(desk, application).into_iter().map(|row| row.id);
        let noun = format!("API key of {}", application.name);
        return Err(Failure::unknown(&noun, &id.to_string(), known));
    }
    desk.registry.revoke_api_key(ApiKeyId(id)).await?;
    desk.done(
        "delete",
        format!("API key {id} of application {}", application.name),
        application.tenant(),
    )
    .await?;
    Told::new(json!({ "id": id }), format!("API key {id} is revoked"))
}

/// Lists an application's API keys.
pub(super) fn rows(desk: &Desk, application: &Application) -> Vec<Row> {
    let mut keys = desk.view().api_keys_of(application.id);
    keys.sort_by_key(|key| key.id.0);
    keys.iter()
        .map(|key| Row {
            id: key.id.0,
            kind: written(key.key_type),
            expires: key.expires.map(moment),
            networks: key.restrictions.networks.iter().map(ToString::to_string).collect(),
            referers: key.restrictions.referers.clone(),
        })
        .collect()
}

pub(super) fn table(rows: &[Row]) -> String {
    let cells: Vec<_> = rows
        .iter()
        .map(|row| {
            let from = [row.networks.clone(), row.referers.clone()].concat();
            let from = if from.is_empty() {
                "anywhere".to_owned()
            } else {
                from.join(", ")
            };
            let expires = row.expires.clone().unwrap_or_else(|| "never".to_owned());
            [row.id.to_string(), row.kind.to_owned(), expires, from]
        })
        .collect();
    table::table(["API KEY", "TYPE", "ENDS", "FROM"], &cells)
}
