//! Names of endpoints become addresses, in the background.
//!
//! A name that cannot be resolved keeps the addresses it had. Nothing here runs while a request waits.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::{info, warn};

use super::target::Target;

/// Looks up the names of these targets, each name once, a few at a time.
pub(super) async fn resolve(targets: impl Iterator<Item = Arc<Target>>) {
    let mut names: HashMap<(String, u16), Vec<Arc<Target>>> = HashMap::new();
    for target in targets {
        if let Some((host, port)) = target.lookup() {
            names
                .entry((host.to_owned(), port))
                .or_default()
                .push(Arc::clone(&target));
        }
    }
    let few = Arc::new(Semaphore::new(AT_ONCE));
    let mut lookups = JoinSet::new();
    for ((host, port), targets) in names {
        let few = Arc::clone(&few);
        lookups.spawn(async move {
            let _turn = few.acquire().await;
            let found = lookup(&host, port).await;
            let mut news = false;
            for target in &targets {
                news |= target.looked_up(found.is_ok());
                target.learn(found.as_deref().unwrap_or_default());
            }
            match found.err().filter(|_| news) {
                Some(error) => warn!(host, port, %error, "endpoint name not resolved"),
                None if news => info!(host, port, "endpoint name resolved again"),
                None => {}
            }
        });
    }
    while lookups.join_next().await.is_some() {}
}

async fn lookup(host: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
    let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((host, port))).await;
    let found = distinct(found.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))?);
    if found.is_empty() {
        Err(ErrorKind::NotFound.into())
    } else {
        Ok(found)
    }
}

fn distinct(found: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut addresses = Vec::new();
    for address in found {
        if !addresses.contains(&address) && addresses.len() < MOST_ADDRESSES {
            addresses.push(address);
        }
    }
    addresses
}

const AT_ONCE: usize = 16;
const PATIENCE: Duration = Duration::from_secs(5);
const MOST_ADDRESSES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_few_and_each_only_once() {
        let found = (0..200u8).map(|n| SocketAddr::from(([192, 0, 2, n / 2], 80)));
        let addresses = distinct(found);
        assert_eq!(addresses.len(), MOST_ADDRESSES);
        assert_eq!(addresses[1], SocketAddr::from(([192, 0, 2, 1], 80)));
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_yields_nothing() {
        assert!(lookup("nowhere.invalid", 80).await.is_err());
    }
}
