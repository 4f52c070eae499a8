//! `tollgate user`: who may sign in, and with which roles.

use std::io;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use super::failure::Failure;
use super::secret::Password;
use super::table::{Told, shell_word};
use super::{Desk, Outputs, Shared, done};
use crate::command::exit::Exit;
use crate::credential::now;
use crate::registry::user::{NewUser, User};
use crate::settings::Environment;

/// Add, list and change users.
///
/// A user belongs to a tenant and is written NAME@TENANT; without a tenant it is one of carbon.super. Roles are words
/// that scopes ask for. A change is effective in the running gateway when the command returns.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  tollgate user add admin --role admin             the first administrator; its password is made and shown once
  tollgate user add tom --role employee --password-stdin < password
  tollgate user roles john --add manager           what john may have tokens for from now on
  tollgate user password tom                       a new one, made and shown once
  tollgate user delete tom                         tom's tokens end with him
  tollgate user list --format json | jq -r '.[].user'

Exit codes: 0 done, 1 the registry or the gateway failed, 2 what was asked makes no sense.")]
pub struct UserArgs {
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Add a user
    Add {
        /// NAME, or NAME@TENANT
        name: String,
        /// A role; may be repeated
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// Read the password from the first line of standard input instead of making one
        #[arg(long)]
        password_stdin: bool,
    },
    /// Delete a user, and with it its tokens
    Delete {
        /// NAME, or NAME@TENANT
        name: String,
    },
    /// List the users with their roles
    List,
    /// Give a user another password
    Password {
        /// NAME, or NAME@TENANT
        name: String,
        /// Read it from the first line of standard input instead of making one
        #[arg(long)]
        password_stdin: bool,
    },
    /// Show or change a user's roles
    Roles {
        /// NAME, or NAME@TENANT
        name: String,
        /// A role to give; may be repeated
        #[arg(long, value_name = "ROLE")]
        add: Vec<String>,
        /// A role to take away; may be repeated
        #[arg(long, value_name = "ROLE")]
        remove: Vec<String>,
    },
}

#[derive(Serialize)]
struct Row {
    user: String,
    roles: Vec<String>,
}

impl Row {
    fn of(user: &User) -> Self {
        Self {
            user: user.name.to_string(),
            roles: user.roles.clone(),
        }
    }
}

/// Does what is asked of users.
///
/// # Errors
///
/// Returns why the result could not be written.
pub fn run(args: &UserArgs, environment: &Environment, outputs: Outputs<'_, '_>) -> io::Result<Exit> {
    done(&args.shared, environment, outputs, async |desk: &Desk| {
        match &args.command {
            Command::Add {
                name,
                roles,
                password_stdin,
            } => add(desk, name, roles, *password_stdin).await,
            Command::Delete { name } => delete(desk, name).await,
            Command::List => list(desk),
            Command::Password { name, password_stdin } => password(desk, name, *password_stdin).await,
            Command::Roles { name, add, remove } => roles(desk, name, add, remove).await,
        }
    })
}

async fn add(desk: &Desk, name: &str, roles: &[String], from_stdin: bool) -> Result<Told, Failure> {
    let name = desk.user_name(name);
    if desk.view().user(&name).is_some() {
        return Err(
            Failure::refused(format!("the user {name} exists already")).help(format!(
                "`tollgate user roles {} --add ROLE` gives roles",
                shell_word(&name.to_string())
            )),
        );
    }
    let password = Password::obtain(from_stdin)?;
    let user = NewUser {
        name: name.clone(),
        password: password.text.clone(),
        roles: roles.to_vec(),
    };
    desk.registry.add_user(user, now()).await?;
    desk.done("make", format!("user {}", name.name), &name.tenant).await?;
    told(&name.to_string(), "added", &password)
}

async fn password(desk: &Desk, name: &str, from_stdin: bool) -> Result<Told, Failure> {
    let user = desk.user(name)?;
    let password = Password::obtain(from_stdin)?;
    desk.registry.set_password(&user.name, &password.text, now()).await?;
    desk.done("set_password", format!("user {}", user.name.name), &user.name.tenant)
        .await?;
    told(&user.name.to_string(), "has another password", &password)
}

/// Says what was done, and the password where nobody but us knows it.
fn told(user: &str, what: &str, password: &Password) -> Result<Told, Failure> {
    if password.is_made {
        let text = format!("{user} {what}\npassword: {}\nIt is shown this once.", password.text);
        Told::new(json!({ "user": user, "password": password.text }), text)
    } else {
        Told::new(json!({ "user": user }), format!("{user} {what}"))
    }
}

async fn roles(desk: &Desk, name: &str, add: &[String], remove: &[String]) -> Result<Told, Failure> {
    let user = desk.user(name)?;
    let mut roles = user.roles.clone();
    if let Some(role) = remove.iter().find(|role| !roles.contains(role)) {
        return Err(Failure::unknown(&format!("role of {}", user.name), role, &roles));
    }
    roles.retain(|role| !remove.contains(role));
    roles.extend(add.iter().cloned());
    roles.sort();
    roles.dedup();
    if roles != user.roles {
        desk.registry.set_roles(&user.name, roles.clone()).await?;
        desk.done("put", format!("user {}", user.name.name), &user.name.tenant)
            .await?;
    }
    let text = format!("{}: {}", user.name, written(&roles));
    let row = Row {
        user: user.name.to_string(),
        roles,
    };
    Told::new(row, text)
}

async fn delete(desk: &Desk, name: &str) -> Result<Told, Failure> {
    let user = desk.user(name)?;
    desk.registry.delete_user(&user.name).await?;
    desk.done("delete", format!("user {}", user.name.name), &user.name.tenant)
        .await?;
    Told::new(
        json!({ "user": user.name.to_string() }),
        format!("{} deleted", user.name),
    )
}

fn list(desk: &Desk) -> Result<Told, Failure> {
    let mut users = desk.view().users(None);
    users.sort_by(|one, other| one.name.cmp(&other.name));
    let rows: Vec<_> = users.iter().map(|user| Row::of(user)).collect();
    Told::rows(&rows, ["USER", "ROLES"], |row| [row.user.clone(), written(&row.roles)])
}

fn written(roles: &[String]) -> String {
    if roles.is_empty() {
        "-".to_owned()
    } else {
        roles.join(", ")
    }
}
