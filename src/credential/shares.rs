//! Shares of what is scarce: from one network, never more than some different things at once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::registry::token::Digest;

/// What each network has under way. It holds no more than the requests that wait.
#[derive(Clone, Debug)]
pub(super) struct Shares {
    most: usize,
    held: Arc<Mutex<HashMap<IpAddr, HashMap<Digest, usize>>>>,
}

/// One thing under way for a network; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    of: Shares,
    network: IpAddr,
    key: Digest,
}

impl Shares {
    /// Lets each network have so many different things under way.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            held: Arc::default(),
        }
    }

    /// Takes a share; the same thing again is part of the first one.
    pub(super) fn take(&self, network: IpAddr, key: Digest) -> Option<Share> {
        let mut held = self.held.lock();
        let things = held.entry(network).or_default();
        if things.len() >= self.most && !things.contains_key(&key) {
            return None;
        }
        *things.entry(key).or_default() += 1;
        Some(Share {
            of: self.clone(),
            network,
            key,
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.of.held.lock();
        let Some(things) = held.get_mut(&self.network) else {
            return;
        };
        if let Some(count) = things.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                things.remove(&self.key);
            }
        }
        if things.is_empty() {
            held.remove(&self.network);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_its_share_and_leaves_nothing_behind() {
        let shares = Shares::new(2);
        let (one, other) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let held: Vec<_> = [1, 2, 2].map(|n| shares.take(one, Digest([n; 32])).unwrap()).into();
        assert!(shares.take(one, Digest([3; 32])).is_none());
        let others = shares.take(other, Digest([3; 32])).unwrap();
        drop(held);
        let again = shares.take(one, Digest([3; 32])).unwrap();
        drop((others, again));
        assert!(shares.held.lock().is_empty());
    }
}
