//! The connection to Redis or Valkey: opened in time or not at all, with the script loaded and the secret agreed.

use std::fmt;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Pipeline, RedisError, Value};
use thiserror::Error;
use tokio::time::timeout;

use crate::quota::key::Secret;

/// Where a store is; kept out of `Debug`, since it may hold a password.
#[derive(Clone)]
pub struct Address(pub(super) Client);

/// Why the store cannot be counted with.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It does not answer as a store does, or refuses.
    #[error("{}", told(.0))]
    Failed(#[source] RedisError),
    /// It does not answer in time.
    #[error("no answer within {0:?}")]
    Late(Duration),
    /// The counts in it have keys that this gateway cannot make.
    #[error("its counts are kept under another secret: restart this gateway while the store answers")]
    OtherSecret,
    /// It answers, and the answer makes no sense.
    #[error("its answer is none of the script's")]
    Strange,
}

impl Address {
    /// Reads an address such as `redis://:password@host:6379/0`, or `rediss://` for TLS.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with it; the address is not repeated.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        Client::open(url).map(Self).map_err(StoreError::Failed)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Address").finish_non_exhaustive()
    }
}

/// A connection that answers in time or is given up.
pub(super) struct Connection {
    connection: MultiplexedConnection,
    /// What the script is called by.
    pub(super) script: String,
}

impl Connection {
    /// Connects, and loads the script.
    pub(super) async fn open(address: &Address) -> Result<Self, StoreError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(RESPONSE));
        let opened = address.0.get_multiplexed_async_connection_with_config(&config);
        let mut connection = Self {
            connection: within(CONNECT, opened).await?,
            script: String::new(),
        };
        let mut load = redis::pipe();
        load.cmd("SCRIPT").arg("LOAD").arg(SCRIPT);
        let loaded = connection.run(&load).await?;
        match loaded.as_slice() {
            [Value::BulkString(name)] => connection.script = String::from_utf8_lossy(name).into_owned(),
            _ => return Err(StoreError::Strange),
        }
        Ok(connection)
    }

    /// Runs commands in order, and returns what each answers.
    pub(super) async fn run(&mut self, commands: &Pipeline) -> Result<Vec<Value>, StoreError> {
        within(RESPONSE, commands.query_async(&mut self.connection)).await
    }

    /// Returns the secret that all gateways of the store use: this one, where it has none.
    pub(super) async fn agree(&mut self, secret: Secret) -> Result<Secret, StoreError> {
        let mut agree = redis::pipe();
        agree.cmd("SET").arg(SECRET).arg(secret.to_text()).arg("NX").ignore();
        agree.cmd("GET").arg(SECRET);
        let agreed = self.run(&agree).await?;
        match agreed.as_slice() {
            [Value::BulkString(text)] => {
                Secret::from_text(&String::from_utf8_lossy(text)).ok_or(StoreError::OtherSecret)
            }
            _ => Err(StoreError::Strange),
        }
    }
}

/// Returns the secret that the counts in a store are kept under, which becomes this one where there is none yet.
///
/// # Errors
///
/// Returns why the store cannot be asked.
pub async fn learn_secret(address: &Address, secret: Secret) -> Result<Secret, StoreError> {
    Connection::open(address).await?.agree(secret).await
}

async fn within<T>(patience: Duration, answer: impl Future<Output = Result<T, RedisError>>) -> Result<T, StoreError> {
    match timeout(patience, answer).await {
        Ok(answer) => answer.map_err(StoreError::Failed),
        Err(_) => Err(StoreError::Late(patience)),
    }
}

/// Says what went wrong, without the address.
fn told(error: &RedisError) -> String {
    match error.detail() {
        Some(detail) => format!("{} ({detail})", error.category()),
        None => error.to_string(),
    }
}

const SCRIPT: &str = include_str!("counts.lua");

/// Before the names of all keys.
pub(super) const PREFIX: &str = "tollgate:quota:";

const SECRET: &str = "tollgate:quota:secret";

/// How long a connection may take, to the end of its handshakes.
const CONNECT: Duration = Duration::from_millis(400);

/// How long a round may take.
const RESPONSE: Duration = Duration::from_millis(300);
