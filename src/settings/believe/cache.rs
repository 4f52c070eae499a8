//! The section about the response cache, within its bounds.

use super::{Believer, MANY};
use crate::cache::storage::{Bounds, DiskBounds};
use crate::model::unit::Size;
use crate::settings::raw;

impl Believer {
    /// Checks how much is stored; one body is small beside the whole, or a few would be all that there is.
    pub(super) fn cache(&mut self, raw: &raw::Cache) -> Bounds {
        let memory = self.size_from("cache.memory", raw.memory, LEAST, 1 << 40);
        let most = memory.max(LEAST) / PART;
        if raw.max_body.0 > most {
            let message = format!(
                "`max_body` is more than a sixteenth of `memory`, which is {}",
                Size(most)
            );
            self.blame("cache.max_body", message, "write less, or give the cache more memory");
        }
        Bounds {
            memory,
            entries: self.count("cache.entries", raw.entries, MANY * 100),
            max_body: self.size_from("cache.max_body", raw.max_body, 1, u64::MAX),
            disk: self.disk(raw),
        }
    }

    fn disk(&mut self, raw: &raw::Cache) -> Option<DiskBounds> {
        let bytes = self.size_from("cache.disk_bytes", raw.disk_bytes, 16 << 20, 1 << 50);
        (!raw.disk.is_empty()).then(|| DiskBounds {
            directory: self.path("cache.disk", &raw.disk),
            bytes,
        })
    }

    fn size_from(&mut self, path: &str, size: Size, least: u64, most: u64) -> u64 {
        if !(least..=most).contains(&size.0) {
            self.out_of_bounds(path, &Size(least).to_string(), &Size(most).to_string());
        }
        size.0
    }
}

/// The least memory that is worth a cache, and the part of it that one body may take.
const LEAST: u64 = 1 << 20;
const PART: u64 = 16;
