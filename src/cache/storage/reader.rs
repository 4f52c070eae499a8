//! Who reads a stored response: the whole one, or one that is being stored.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use pingora_cache::key::CacheKey;
use pingora_cache::storage::{HandleHit, Storage};
use pingora_cache::trace::SpanHandle;
use pingora_error::{Error, ErrorType, Result};

use super::body::Place;
use super::entry::Entry;
use super::fill::Follower;

/// Reads a whole response, or a range of it.
pub(super) struct Reader {
    entry: Arc<Entry>,
    place: Place,
}

impl Reader {
    /// Begins at the beginning.
    pub(super) fn new(entry: Arc<Entry>) -> Self {
        let place = Place::start(entry.body());
        Self { entry, place }
    }
}

#[async_trait]
impl HandleHit for Reader {
    async fn read_body(&mut self) -> Result<Option<Bytes>> {
        Ok(self.place.next(self.entry.body()))
    }

    async fn finish(self: Box<Self>, _: &'static (dyn Storage + Sync), _: &CacheKey, _: &SpanHandle) -> Result<()> {
        Ok(())
    }

    fn can_seek(&self) -> bool {
        true
    }

    fn seek(&mut self, start: usize, end: Option<usize>) -> Result<()> {
        let Some(place) = Place::seek(self.entry.body(), start, end) else {
            return Error::e_explain(ErrorType::InternalError, "the range is not within the stored body");
        };
        self.place = place;
        Ok(())
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }

    fn as_any_mut(&mut self) -> &mut (dyn Any + Send + Sync) {
        self
    }
}

#[async_trait]
impl HandleHit for Follower {
    async fn read_body(&mut self) -> Result<Option<Bytes>> {
        self.next().await
    }

    async fn finish(self: Box<Self>, _: &'static (dyn Storage + Sync), _: &CacheKey, _: &SpanHandle) -> Result<()> {
        Ok(())
    }

    fn should_count_access(&self) -> bool {
        false
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }

    fn as_any_mut(&mut self) -> &mut (dyn Any + Send + Sync) {
        self
    }
}
