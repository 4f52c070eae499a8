//! One stored response, and what it weighs.

use std::mem::size_of;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use http::StatusCode;

use super::address::Address;
use super::body::Body;
use super::cost;
use super::labels::Labels;
use super::meta::Meta;
use super::purge::{Purges, Standing, Verdict};
use super::room::{Room, Space};
use super::shelf::Shelf;

/// Everything about a response but its body.
#[derive(Clone)]
pub(super) struct Sheet {
    /// Where it is.
    pub(super) address: Address,
    /// The whole key that its address is the hash of.
    pub(super) key: Box<[u8]>,
    /// Its head.
    pub(super) meta: Meta,
    /// What it is known by.
    pub(super) labels: Labels,
    /// How it stands with the purges.
    pub(super) standing: Standing,
    /// The shelf that it is on, if that has a bound of its own.
    pub(super) shelf: Option<Arc<Shelf>>,
}

/// A stored response.
pub(super) struct Entry {
    sheet: Sheet,
    body: Body,
    bytes: u64,
    /// Whether the disk has been offered it, or it comes from there.
    is_offered: AtomicBool,
    /// Whether it was asked for since its shelf was last gone round.
    is_used: AtomicBool,
    /// The room that it takes after it has left the table while it is still being read.
    leaving: OnceLock<Room>,
}

impl Sheet {
    /// Holds it against the purges.
    pub(super) fn verdict(&self, purges: &Purges) -> Verdict {
        purges.verdict(self.address.mark(), &self.labels, &self.standing)
    }

    /// Returns its bytes, itself included.
    pub(super) fn bytes(&self) -> u64 {
        (size_of::<Self>() + self.heap()) as u64
    }

    /// Returns the bytes that it has outside of itself.
    fn heap(&self) -> usize {
        let (target, tags) = self.labels.heap();
        cost::block(self.key.len()) + cost::block(target) + cost::block(tags) + self.meta.heap()
    }
}

impl Entry {
    /// Makes a response of its parts.
    pub(super) fn new(sheet: Sheet, body: Body) -> Arc<Self> {
        Self::make(sheet, body, false)
    }

    /// Makes a response of what the disk had.
    pub(super) fn recalled(sheet: Sheet, body: Body) -> Arc<Self> {
        Self::make(sheet, body, true)
    }

    fn make(sheet: Sheet, body: Body, is_offered: bool) -> Arc<Self> {
        let heap = sheet.heap() + body.heap();
        Arc::new(Self {
            sheet,
            body,
            bytes: (heap + SIZE) as u64,
            is_offered: AtomicBool::new(is_offered),
            is_used: AtomicBool::new(false),
            leaving: OnceLock::new(),
        })
    }

    /// Returns everything about it but its body.
    pub(super) fn sheet(&self) -> &Sheet {
        &self.sheet
    }

    /// Returns its body.
    pub(super) fn body(&self) -> &Body {
        &self.body
    }

    /// Tells whether it is a part of a response alone.
    pub(super) fn is_part(&self) -> bool {
        self.sheet.meta.header().status == StatusCode::PARTIAL_CONTENT
    }

    /// Returns what it takes of the bound: key, head, labels, body and its place in the table.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Notes that it was asked for again; true if the disk is to be offered it now.
    pub(super) fn reuse(&self) -> bool {
        !self.is_offered.load(Ordering::Relaxed) && !self.is_offered.swap(true, Ordering::Relaxed)
    }

    /// Notes, for its shelf, that it was asked for.
    pub(super) fn touch(&self) {
        if self.sheet.shelf.is_some() && !self.is_used.load(Ordering::Relaxed) {
            self.is_used.store(true, Ordering::Relaxed);
        }
    }

    /// Tells its shelf, once, whether it was asked for.
    pub(super) fn take_use(&self) -> bool {
        self.is_used.swap(false, Ordering::Relaxed)
    }

    /// Takes room for as long as somebody still reads it, after it has left the table.
    pub(super) fn leave(self: Arc<Self>, space: &Arc<Space>) {
        if Arc::strong_count(&self) > 1 {
            self.leaving.get_or_init(|| space.hold(self.bytes));
        }
    }
}

/// What an entry has beside its heap: itself, its counts, its place in the table.
const SIZE: usize = (size_of::<Entry>() + 2 * size_of::<usize>()).next_multiple_of(64) + cost::PLACE;
