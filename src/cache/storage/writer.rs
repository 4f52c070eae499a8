//! Who stores a response: from its head to the entry that stands when it is whole.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use bytes::Bytes;
use pingora_cache::CacheMeta;
use pingora_cache::key::CacheKey;
use pingora_cache::storage::{HandleMiss, MissFinishType};
use pingora_error::{Error, ErrorType, Result};

use super::Store;
use super::address::Address;
use super::entry::{Entry, Sheet};
use super::fill::Pen;
use super::labels::Storing;
use super::meta::Meta;
use super::purge::{Standing, Verdict};

/// Stores one response. Dropped before it has finished, it leaves nothing behind.
pub(super) struct Writer {
    store: Arc<Store>,
    pen: Option<Pen>,
    announced: Option<u64>,
    tag: [u8; 8],
}

/// Whether others may follow a response while it is being stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Followed {
    /// They wait until it is whole.
    No,
    /// They get each piece as it arrives.
    Yes,
}

impl Writer {
    /// Begins to store a response.
    ///
    /// # Errors
    ///
    /// Fails if it is too large, if there is no room for it on its way, or if it is to be followed and does not say how
    /// long it is: one that turned out to be too large could neither be kept nor taken back from those who follow.
    pub(super) fn begin(store: &Arc<Store>, key: &CacheKey, meta: &CacheMeta, followed: Followed) -> Result<Self> {
        let sheet = sheet(store, key, meta)?;
        let announced = sheet.meta.announced();
        store.lengths.note(&sheet.key, announced);
        let most = announced.unwrap_or(store.max_body);
        let is_endless = followed == Followed::Yes && announced.is_none();
        if most > store.max_body || is_endless {
            return store.refuse("the response is too large, or does not say how long it is");
        }
        let Some(room) = store.space.take(sheet.bytes() + announced.unwrap_or(0)) else {
            return store.refuse("there is no room for the response on its way");
        };
        let id = store.numbers.fetch_add(1, Ordering::Relaxed);
        let pen = Pen::new(id, sheet, room, (announced, most));
        if followed == Followed::Yes {
            store.fills.add(pen.fill());
        }
        Ok(Self {
            store: Arc::clone(store),
            pen: Some(pen),
            announced,
            tag: id.to_be_bytes(),
        })
    }

    fn keep(&self, pen: &Pen) -> Result<u64> {
        let mut sheet = pen.fill().sheet().clone();
        sheet.meta.measure(pen.written())?;
        let entry = Entry::new(sheet, pen.body());
        let bytes = entry.bytes();
        let is_purged = entry.sheet().verdict(&self.store.purges) == Verdict::Gone;
        if is_purged || !self.store.keep(&entry) {
            self.store.refused.fetch_add(1, Ordering::Relaxed);
            return Ok(0);
        }
        Ok(bytes)
    }
}

#[async_trait]
impl HandleMiss for Writer {
    async fn write_body(&mut self, data: Bytes, _: bool) -> Result<()> {
        let Some(pen) = &mut self.pen else { return ended() };
        if pen.write(&data) {
            return Ok(());
        }
        if let Some(pen) = self.pen.take() {
            self.store.fills.remove(pen.fill());
        }
        self.store
            .refuse("the response is too large, or there is no more room for it on its way")
    }

    async fn finish(mut self: Box<Self>) -> Result<MissFinishType> {
        let Some(pen) = self
            .pen
            .take_if(|pen| self.announced.is_none_or(|bytes| bytes == pen.written()))
        else {
            return ended();
        };
        let kept = self.keep(&pen);
        self.store.fills.remove(pen.fill());
        pen.finish();
        let bytes = kept?;
        Ok(MissFinishType::Created(usize::try_from(bytes).unwrap_or(usize::MAX)))
    }

    fn streaming_write_tag(&self) -> Option<&[u8]> {
        Some(&self.tag)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(pen) = self.pen.take() {
            self.store.fills.remove(pen.fill());
            self.store.broken.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Copies what is to be kept of a response beside its body.
pub(super) fn sheet(store: &Store, key: &CacheKey, meta: &CacheMeta) -> Result<Sheet> {
    let storing = meta.extensions().get::<Storing>();
    let asked = storing.map_or_else(|| store.stamp(), |storing| storing.asked);
    Ok(Sheet {
        address: Address::of(key),
        key: key.primary_key().into(),
        meta: Meta::of(meta)?,
        labels: storing.map(|storing| storing.labels.clone()).unwrap_or_default(),
        standing: Standing::at(asked),
        shelf: store.shelves.of(key),
    })
}

fn ended<T>() -> Result<T> {
    Error::e_explain(ErrorType::WriteError, "the response ended before it was whole")
}
