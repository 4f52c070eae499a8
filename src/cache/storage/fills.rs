//! The responses that are being stored and may be followed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::address::Address;
use super::fill::Fill;

/// The fills under way that others may follow, by address; there may be several of one address.
#[derive(Default)]
pub(super) struct Fills {
    by_address: Mutex<HashMap<Address, Vec<Arc<Fill>>, ahash::RandomState>>,
    count: AtomicUsize,
}

impl Fills {
    /// Lets a fill be followed.
    pub(super) fn add(&self, fill: &Arc<Fill>) {
        self.count.fetch_add(1, Ordering::AcqRel);
        let address = fill.sheet().address;
        self.by_address
            .lock()
            .entry(address)
            .or_default()
            .push(Arc::clone(fill));
    }

    /// Finds the newest fill of an address that a test holds for.
    pub(super) fn find(&self, address: &Address, test: impl Fn(&Fill) -> bool) -> Option<Arc<Fill>> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let fills = self.by_address.lock();
        fills.get(address)?.iter().rev().find(|fill| test(fill)).cloned()
    }

    /// Lets a fill be followed no longer, except by those who do.
    pub(super) fn remove(&self, fill: &Arc<Fill>) {
        let address = &fill.sheet().address;
        let mut fills = self.by_address.lock();
        if let Some(same) = fills.get_mut(address) {
            let before = same.len();
            same.retain(|known| !Arc::ptr_eq(known, fill));
            self.count.fetch_sub(before - same.len(), Ordering::AcqRel);
            if same.is_empty() {
                fills.remove(address);
            }
        }
    }
}
