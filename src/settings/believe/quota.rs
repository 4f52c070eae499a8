//! The section about quotas, within its bounds.

use reqwest::Url;

use super::{Believer, MANY};
use crate::quota::store::Address;
use crate::settings::{Quota, StoreUrl, raw};

impl Believer {
    /// Checks how quotas are counted; an address is not repeated, since it may hold a password.
    pub(super) fn quota(&mut self, raw: raw::Quota) -> Quota {
        Quota {
            counters: self.count("quota.counters", raw.counters, MANY * 100),
            store: self.store(raw.store),
            mode: raw.mode,
        }
    }

    fn store(&mut self, store: String) -> Option<StoreUrl> {
        let path = "quota.store";
        if store == "local" {
            return None;
        }
        let before = self.violations.len();
        self.address(path, &store, &["local"], &["redis://", "rediss://"]);
        if self.violations.len() == before
            && let Some(fault) = fault(&store)
        {
            self.blame(path, format!("`store` is no address: {fault}"), FIX);
        }
        Some(StoreUrl(store))
    }
}

fn fault(store: &str) -> Option<&'static str> {
    let Ok(url) = Url::parse(store) else {
        return Some("it cannot be read as one");
    };
    let database = url.path().strip_prefix('/').unwrap_or_default();
    let is_number = database.is_empty() || database.parse::<u16>().is_ok();
    match url.host_str() {
        None | Some("") => Some("it names no host"),
        Some(_) if !is_number => Some("what follows the host is the number of a database"),
        Some(_) if Address::parse(store).is_err() => Some("the client of the store cannot read it"),
        Some(_) if url.query().is_some() || url.fragment().is_some() => Some("nothing may follow the database"),
        Some(_) => None,
    }
}

const FIX: &str =
    "write `redis://USER:PASSWORD@HOST:PORT/DATABASE`, or `rediss://` for TLS; only the host must be there";
