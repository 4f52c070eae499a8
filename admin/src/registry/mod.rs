//! What consumers do: users and roles, applications, keys, subscriptions, tokens and revocations.
//!
//! SQL holds it; [`view::View`] is what requests read, and follows every change before the change returns. Secrets are
//! kept as hashes only: argon2id for passwords, SHA-256 for what is random enough to need no more.
//!
//! What may be asked of each noun stands in the noun's own file. Every change is an edit (`edit.rs`): a transaction that
//! also writes to a log, from which other processes learn of it (`follow.rs`). Opaque tokens, refresh tokens and codes
//! are not logged: who does not know one asks the database.

pub mod api_key;
pub mod application;
pub mod audit;
pub mod bootstrap;
mod change;
pub mod choice;
pub mod client_certificate;
mod code;
mod edit;
mod follow;
pub mod key_pair;
mod password;
mod refresh;
mod revocation;
mod rule;
mod sql;
pub mod subscription;
mod sweep;
pub mod token;
pub mod user;
pub mod view;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::sync::Mutex;

use crate::model::instant::UnixTime;

use self::password::Passwords;
use self::sql::store::Store;
use self::view::View;

/// The registry of consumers.
#[derive(Debug)]
pub struct Registry {
    passwords: Passwords,
    /// How many times was begun to look at the log.
    looks: AtomicU64,
    /// Whoever holds it changes the view.
    position: Mutex<Position>,
    store: Store,
    view: Arc<View>,
}

/// How far the view has come.
#[derive(Debug)]
struct Position {
    /// The last line of the log that it has seen.
    line: i64,
    /// The last look at the log that came to its end.
    look: u64,
}

/// Why the registry did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Something of that name is there already.
    #[error("{0} exists already")]
    Conflict(String),
    /// What was asked for is not allowed.
    #[error("{0}")]
    Invalid(String),
    /// Something that was named is not there.
    #[error("there is no {0}")]
    Missing(String),
    /// So many passwords are being checked that one more is not.
    #[error("too many passwords are being checked at once")]
    Overloaded,
    /// The database cannot be asked.
    #[error("the registry's database cannot be asked")]
    Unavailable(#[from] sqlx::Error),
}

type Result<T> = std::result::Result<T, RegistryError>;

impl Registry {
    /// Opens the registry at `sqlite` (in `data`), `sqlite:PATH` or `postgres://...`; makes or migrates its tables.
    ///
    /// # Errors
    ///
    /// Fails when the database cannot be reached, or was written by a later version. No error repeats the URL.
    pub async fn open(url: &str, data: &Path, now: UnixTime) -> Result<Self> {
        Self::over(Store::open(url, data).await?, now).await
    }

    async fn over(store: Store, now: UnixTime) -> Result<Self> {
        let view = View::default();
        let mut db = store.read().acquire().await?;
        let line = follow::load(&mut db, &view, now).await?;
        drop(db);
        Ok(Self {
            passwords: Passwords::default(),
            looks: AtomicU64::new(0),
            position: Mutex::new(Position { line, look: 0 }),
            store,
            view: Arc::new(view),
        })
    }

    /// Opens a registry that is there already, to look at it and nothing else: no table is made or changed.
    ///
    /// # Errors
    ///
    /// Fails when there is none, or it was not written by this version. No error repeats the URL.
    pub async fn open_reading(url: &str, data: &Path, now: UnixTime) -> Result<Self> {
        Self::over(Store::open_reading(url, data).await?, now).await
    }

    /// Returns what requests read.
    pub fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// Ends the connections, after what is under way.
    pub async fn close(&self) {
        self.store.close().await;
    }

    /// Tells whether nobody has put anything in yet.
    ///
    /// # Errors
    ///
    /// Fails when the database cannot be asked.
    pub async fn is_empty(&self) -> Result<bool> {
        Ok(!sql::user::are_there(self.store.read()).await?)
    }
}
