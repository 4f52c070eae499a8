//! A response while it is being stored: one writes, others may follow.
//!
//! Whoever follows gets each piece as it arrives. A writer that is dropped before it has finished releases them with an
//! error, never with an end: what they have sent on is not the whole body.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use pingora_error::{Error, ErrorType, Result};
use tokio::sync::watch;

use super::body::Body;
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
    pieces: Vec<Bytes>,
    room: Room,
}

/// How far the writer is.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    pieces: usize,
    is_whole: bool,
}

/// The writer's end of a fill.
pub(super) struct Pen {
    fill: Arc<Fill>,
    progress: watch::Sender<Progress>,
    base: u64,
    written: u64,
    most: u64,
}

impl Pen {
    /// Begins a fill of at most so many bytes, with a number of its own.
    pub(super) fn new(id: u64, sheet: Sheet, room: Room, most: u64) -> Self {
        let (progress, receiver) = watch::channel(Progress::default());
        let base = sheet.bytes();
        let arrived = Arrived {
            pieces: Vec::new(),
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
            base,
            written: 0,
            most,
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
        if !arrived.room.reach(self.base + written) {
            return false;
        }
        self.written = written;
        arrived.pieces.push(Bytes::copy_from_slice(data));
        let pieces = arrived.pieces.len();
        drop(arrived);
        self.progress.send_modify(|progress| progress.pieces = pieces);
        true
    }

    /// Returns what has been written as a body; followers still read the pieces.
    pub(super) fn body(&self) -> Body {
        Body::join(self.fill.arrived.lock().pieces.clone())
    }

    /// Tells followers that there is no more.
    pub(super) fn finish(self) {
        self.progress.send_modify(|progress| progress.is_whole = true);
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
    read: usize,
}

impl Follower {
    /// Begins at the beginning.
    pub(super) fn new(fill: Arc<Fill>) -> Self {
        let progress = fill.progress.clone();
        Self {
            fill,
            progress,
            read: 0,
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
            if self.read < progress.pieces {
                let piece = self.fill.arrived.lock().pieces.get(self.read).cloned();
                self.read += 1;
                return Ok(piece);
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

    fn has_more(&self) -> bool {
        let progress = *self.progress.borrow();
        self.read < progress.pieces || progress.is_whole
    }
}
