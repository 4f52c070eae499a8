//! The connections: how many there are, and what each is told when it opens.
//!
//! SQLite has one connection that writes and a few that read, over a write-ahead log; PostgreSQL has one pool for both.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::Migrator;
use sqlx::{Any, AnyPool, Executor as _, Transaction};

/// Which engine keeps the registry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::registry) enum Engine {
    Postgres,
    Sqlite,
}

/// The connections. Neither `Debug` nor any error shows where they lead: an URL may hold a password.
pub(in crate::registry) struct Store {
    engine: Engine,
    read: AnyPool,
    write: AnyPool,
}

impl Store {
    /// Connects and brings the tables up to date.
    pub(in crate::registry) async fn open(url: &str, data: &Path) -> sqlx::Result<Self> {
        sqlx::any::install_default_drivers();
        let store = if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            Self::postgres(url).await?
        } else {
            Self::sqlite(&sqlite_path(url, data)?).await?
        };
        store.migrate().await?;
        Ok(store)
    }

    /// Connects to tables that are there already, to read them and nothing else.
    pub(in crate::registry) async fn open_reading(url: &str, data: &Path) -> sqlx::Result<Self> {
        sqlx::any::install_default_drivers();
        let (engine, options, greeting): (_, AnyConnectOptions, _) = if url.starts_with("postgres") {
            (Engine::Postgres, url.parse()?, POSTGRES_READING)
        } else {
            let url = sqlite_url(&sqlite_path(url, data)?)?;
            (Engine::Sqlite, format!("{url}?mode=ro").parse()?, SQLITE_READING)
        };
        let read = pool(READERS, greeting).connect_with(options).await?;
        Ok(Self {
            engine,
            write: read.clone(),
            read,
        })
    }

    async fn postgres(url: &str) -> sqlx::Result<Self> {
        let options: AnyConnectOptions = url.parse()?;
        let pool = pool(CONNECTIONS, POSTGRES_GREETING).connect_with(options).await?;
        Ok(Self {
            engine: Engine::Postgres,
            read: pool.clone(),
            write: pool,
        })
    }

    async fn sqlite(path: &Path) -> sqlx::Result<Self> {
        create(path)?;
        let options: AnyConnectOptions = sqlite_url(path)?.parse()?;
        // The writer comes first: it is the one that may turn the log on.
        let write = pool(1, SQLITE_GREETING).connect_with(options.clone()).await?;
        let read = pool(READERS, SQLITE_GREETING).connect_with(options).await?;
        Ok(Self {
            engine: Engine::Sqlite,
            read,
            write,
        })
    }

    async fn migrate(&self) -> sqlx::Result<()> {
        let migrator = match self.engine {
            Engine::Postgres => &POSTGRES_MIGRATIONS,
            Engine::Sqlite => &SQLITE_MIGRATIONS,
        };
        let first = migrator.run(&self.write).await;
        match self.engine {
            Engine::Postgres => Ok(first?),
            // SQLite has no lock for it: another process may just have made the same tables.
            Engine::Sqlite if first.is_err() => Ok(migrator.run(&self.write).await?),
            Engine::Sqlite => Ok(()),
        }
    }

    /// Returns the connections that read.
    pub(in crate::registry) fn read(&self) -> &AnyPool {
        &self.read
    }

    /// Begins to write. In SQLite nobody else writes until the transaction ends.
    pub(in crate::registry) async fn begin(&self) -> sqlx::Result<Transaction<'static, Any>> {
        match self.engine {
            // What follows relies on each statement seeing what was committed before it.
            Engine::Postgres => self.write.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await,
            Engine::Sqlite => self.write.begin_with("BEGIN IMMEDIATE").await,
        }
    }

    /// Makes a transaction the only one that touches a family of tokens until it ends. In SQLite it is that already.
    pub(in crate::registry) async fn hold(
        &self,
        transaction: &mut Transaction<'static, Any>,
        family: &str,
    ) -> sqlx::Result<()> {
        if self.engine == Engine::Postgres {
            sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
                .bind(family)
                .execute(&mut **transaction)
                .await?;
        }
        Ok(())
    }

    /// Closes the connections, after what is under way.
    pub(in crate::registry) async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}

fn pool(connections: u32, greeting: &'static str) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                connection.execute(greeting).await?;
                Ok(())
            })
        })
}

/// Reads `sqlite` or `sqlite:PATH`; a relative path is below `data`.
fn sqlite_path(url: &str, data: &Path) -> sqlx::Result<PathBuf> {
    let path = match url.strip_prefix("sqlite") {
        Some("") => Some("registry.db"),
        Some(rest) => rest.strip_prefix("://").or_else(|| rest.strip_prefix(':')),
        None => None,
    };
    match path {
        Some(path) if !path.is_empty() && !path.contains(":memory:") => Ok(data.join(path)),
        _ => Err(sqlx::Error::Configuration(Box::new(NotAUrl))),
    }
}

/// Writes where a file is as an URL. What sqlx 0.9.0 makes of a path leaves a `%` in it to be read as a code.
fn sqlite_url(path: &Path) -> io::Result<String> {
    // In an URL the first part of a relative path is a host, and `..` takes away what stands before it.
    let path = fs::canonicalize(path)?;
    let path = percent_encode(path.as_os_str().as_bytes(), UNSAFE);
    Ok(format!("sqlite://{path}"))
}

/// Makes the file and its directory for its owner alone; SQLite gives the files beside it the same mode.
fn create(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

/// Everything but letters, digits and slashes.
const UNSAFE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/');

#[derive(Debug, thiserror::Error)]
#[error("the registry is at `sqlite`, `sqlite:PATH` or `postgres://...`")]
struct NotAUrl;

static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");
static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// A connection that stalls while it writes is ended by the server, so that it does not stop the others.
const POSTGRES_GREETING: &str =
    "SET statement_timeout = '60s'; SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '30s'";
const SQLITE_GREETING: &str = "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 10000";

const POSTGRES_READING: &str = "SET statement_timeout = '60s'; SET default_transaction_read_only = on";
const SQLITE_READING: &str = "PRAGMA query_only = ON; PRAGMA busy_timeout = 5000";

const CONNECTIONS: u32 = 8;
const READERS: u32 = 4;
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_file_is_where_its_path_says_however_that_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let here = std::env::current_dir().unwrap();
        let up: PathBuf = here.components().skip(1).map(|_| "..").collect();
        let relative = up.join(directory.path().strip_prefix("/").unwrap());
        for data in ["conf/../data", "a b%20c#d?e"] {
            fs::create_dir_all(relative.join("conf")).unwrap();
            let data = relative.join(data);
            let store = Store::open("sqlite", &data).await.unwrap();
            store.close().await;
            let kept = fs::metadata(data.join("registry.db")).unwrap();
            assert!(kept.len() > 0, "{}", data.display());
        }
    }

    #[test]
    fn a_path_is_below_the_data_directory_or_absolute() {
        let at = |url: &str| sqlite_path(url, Path::new("/data")).map(|path| path.display().to_string());
        assert_eq!(at("sqlite").unwrap(), "/data/registry.db");
        assert_eq!(at("sqlite:other.db").unwrap(), "/data/other.db");
        assert_eq!(at("sqlite:///srv/other.db").unwrap(), "/srv/other.db");
        for bad in ["", "sqlite:", "sqlite::memory:", "mysql://u:secret@h/d", "sqlitee"] {
            let error = at(bad).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        }
    }
}
