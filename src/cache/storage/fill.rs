//! A response while it is being stored: one writes, others may follow.
//!
//! What arrives is gathered into blocks, however small its pieces are, so that what a body takes is known: its blocks, as
//! the allocator rounds, and what counts their readers.
//!
//! Whoever follows gets each piece as it arrives. A writer that is dropped before it has finished releases them with an
//! error, never with an end: what they have sent on is not the whole body.

use std::mem::size_of;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use pingora_error::{Error, ErrorType, Result};
use tokio::sync::watch;

use super::body::Body;
use super::cost;
use super::entry::Sheet;
use super::room::Room;

/// What the writer of a response and its followers share.
pub(super) struct Fill {
    id: u64,
    sheet: Sheet,
    arrived: Mutex<Arrived>,
    progress: watch::Receiver<Progress>,
}

struct Arrived {
    blocks: Vec<Bytes>,
    /// The block that is being filled, of its full capacity.
    tail: Vec<u8>,
    /// What the sheet, the blocks and the tail take.
    cost: u64,
    room: Room,
}

/// How far the writer is.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    bytes: u64,
    is_whole: bool,
}

/// The writer's end of a fill.
pub(super) struct Pen {
    fill: Arc<Fill>,
    progress: watch::Sender<Progress>,
    written: u64,
    most: u64,
    /// Whether most is what there is going to be.
    is_announced: bool,
}

impl Pen {
    /// Begins a fill of so many bytes, or of at most so many, with a number of its own.
    pub(super) fn new(id: u64, sheet: Sheet, room: Room, (announced, most): (Option<u64>, u64)) -> Self {
        let (progress, receiver) = watch::channel(Progress::default());
        let arrived = Arrived {
            blocks: Vec::new(),
            tail: Vec::new(),
            cost: sheet.bytes(),
            room,
        };
        let fill = Arc::new(Fill {
            id,
            sheet,
            arrived: Mutex::new(arrived),
            progress: receiver,
        });
        Self {
            fill,
            progress,
            written: 0,
            most: announced.unwrap_or(most),
            is_announced: announced.is_some(),
        }
    }

    /// Returns what followers are given.
    pub(super) fn fill(&self) -> &Arc<Fill> {
        &self.fill
    }

    /// Returns the bytes written so far.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Adds what has arrived; false if it is more than may be stored.
    ///
    /// It is copied, since a piece may be a small part of a large buffer that it would keep.
    pub(super) fn write(&mut self, data: &Bytes) -> bool {
        let bytes = data.len() as u64;
        let written = self.written.saturating_add(bytes);
        if data.is_empty() || written > self.most {
            return data.is_empty();
        }
        let mut arrived = self.fill.arrived.lock();
        let mut rest = &**data;
        while !rest.is_empty() {
            if arrived.is_full() {
                let ahead = self.most - (written - rest.len() as u64);
                let known = if self.is_announced { ahead } else { 0 };
                if !arrived.grow(rest.len().max(usize::try_from(known).unwrap_or(BLOCK))) {
                    return false;
                }
            }
            rest = arrived.fill(rest);
        }
        drop(arrived);
        self.written = written;
        self.progress.send_modify(|progress| progress.bytes = written);
        true
    }

    /// Returns what has been written as a body; followers still read the blocks.
    pub(super) fn body(&self) -> Body {
        let mut arrived = self.fill.arrived.lock();
        if arrived.is_full() {
            arrived.seal(Vec::new());
        }
        if self.written > BLOCK as u64 {
            let last = (!arrived.tail.is_empty()).then(|| arrived.rest(0));
            return Body::new(arrived.blocks.iter().cloned().chain(last).collect());
        }
        let is_block = arrived.blocks.len() == 1 && arrived.tail.is_empty();
        let whole = match arrived.blocks.first() {
            Some(only) if is_block => only.clone(),
            Some(_) | None => [&arrived.blocks.concat(), &*arrived.tail].concat().into(),
        };
        Body::new(if whole.is_empty() { Vec::new() } else { vec![whole] })
    }

    /// Tells followers that there is no more.
    pub(super) fn finish(self) {
        self.progress.send_modify(|progress| progress.is_whole = true);
    }
}

impl Arrived {
    fn is_full(&self) -> bool {
        self.tail.len() == self.tail.capacity()
    }

    /// Begins a new block, for at least so many bytes or of full size; false if there is no room for it. Blocks double,
    /// so that short bodies take little and long ones have few.
    fn grow(&mut self, wanted: usize) -> bool {
        let size = wanted.max(2 * self.tail.capacity()).min(BLOCK);
        let list = if self.blocks.len().is_power_of_two() {
            2 * self.blocks.len()
        } else {
            0
        };
        let cost = self.cost + (cost::shared(size) + list * size_of::<Bytes>()) as u64;
        if !self.room.reach(cost) {
            return false;
        }
        self.cost = cost;
        self.seal(Vec::with_capacity(size));
        true
    }

    /// Makes the tail a block, and goes on with another one.
    fn seal(&mut self, next: Vec<u8>) {
        let full = std::mem::replace(&mut self.tail, next);
        if !full.is_empty() {
            self.blocks.push(full.into());
        }
    }

    /// Fills the tail, and returns what is left.
    fn fill<'d>(&mut self, data: &'d [u8]) -> &'d [u8] {
        let (taken, left) = data.split_at(data.len().min(self.tail.capacity() - self.tail.len()));
        self.tail.extend_from_slice(taken);
        left
    }

    /// Returns what of the tail is behind a place.
    fn rest(&self, place: usize) -> Bytes {
        Bytes::copy_from_slice(self.tail.get(place..).unwrap_or_default())
    }
}

impl Fill {
    /// Returns its number.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Returns everything about the response but its body.
    pub(super) fn sheet(&self) -> &Sheet {
        &self.sheet
    }
}

/// A reader of a response that is being stored.
pub(super) struct Follower {
    fill: Arc<Fill>,
    progress: watch::Receiver<Progress>,
    read: u64,
    /// The block that is read, and how much of it is behind.
    block: usize,
    offset: usize,
}

impl Follower {
    /// Begins at the beginning.
    pub(super) fn new(fill: Arc<Fill>) -> Self {
        let progress = fill.progress.clone();
        Self {
            fill,
            progress,
            read: 0,
            block: 0,
            offset: 0,
        }
    }

    /// Waits for the next piece; `None` at the end of the whole body. It may be dropped while it waits.
    ///
    /// # Errors
    ///
    /// Fails when the writer is gone before the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let progress = *self.progress.borrow_and_update();
            if self.read < progress.bytes {
                let piece = self.piece();
                self.read += piece.len() as u64;
                return Ok(Some(piece));
            }
            if progress.is_whole {
                return Ok(None);
            }
            if self.progress.changed().await.is_err() && !self.has_more() {
                return Error::e_explain(
                    ErrorType::ReadError,
                    "what filled the cache ended before the response did",
                );
            }
        }
    }

    /// Reads what there is of the next block, which is never nothing where more has arrived than was read.
    fn piece(&mut self) -> Bytes {
        let arrived = self.fill.arrived.lock();
        while let Some(block) = arrived.blocks.get(self.block) {
            let piece = block.slice(self.offset.min(block.len())..);
            (self.block, self.offset) = (self.block + 1, 0);
            if !piece.is_empty() {
                return piece;
            }
        }
        let piece = arrived.rest(self.offset);
        self.offset += piece.len();
        piece
    }

    fn has_more(&self) -> bool {
        let progress = *self.progress.borrow();
        self.read < progress.bytes || progress.is_whole
    }
}

/// The bytes of a full block, which is one write to a caller.
const BLOCK: usize = 64 << 10;
