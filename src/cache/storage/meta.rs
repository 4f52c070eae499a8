//! The head of a stored response, and when it is fresh: parsed once, when it is stored.
//!
//! `CacheMeta` is not `Clone` and says neither what it was revalidated nor where it came from when it is built anew, so
//! a hit builds one from these parts. `created` is the time of the first of a chain of refreshed responses, which is
//! what variants are compared with; the age is counted from the last.

use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderName};
use http::{HeaderValue, StatusCode, Version};
use pingora_cache::CacheMeta;
use pingora_cache::key::HashBinary;
use pingora_error::Result;
use pingora_http::ResponseHeader;

use super::cost;

/// The head of a stored response.
#[derive(Clone)]
pub(super) struct Meta {
    fresh_until: SystemTime,
    created: SystemTime,
    epoch: SystemTime,
    stale_while_revalidate: u32,
    stale_if_error: u32,
    variance: Option<HashBinary>,
    header: ResponseHeader,
}

impl Meta {
    /// Copies a head: what it came with may hold on to more memory than it shows.
    pub(super) fn of(meta: &CacheMeta) -> Result<Self> {
        Ok(Self {
            fresh_until: meta.fresh_until(),
            created: meta.provenance(),
            epoch: meta.epoch(),
            stale_while_revalidate: meta.stale_while_revalidate_sec(),
            stale_if_error: meta.stale_if_error_sec(),
            variance: meta.variance(),
            header: copy(meta.response_header())?,
        })
    }

    /// Returns the head as it is kept.
    pub(super) fn header(&self) -> &ResponseHeader {
        &self.header
    }

    /// Returns when the response was made, or found good, and until when it is fresh.
    pub(super) fn times(&self) -> (SystemTime, SystemTime) {
        (self.epoch, self.fresh_until)
    }

    /// Returns when the first of its chain was made.
    pub(super) fn created(&self) -> SystemTime {
        self.created
    }

    /// Returns which variant it is, where there are some.
    pub(super) fn variance(&self) -> Option<HashBinary> {
        self.variance
    }

    /// Builds what Pingora works with; the entry may be stale since a time.
    pub(super) fn revive(&self, stale: Option<SystemTime>) -> CacheMeta {
        let mut meta = CacheMeta::new(
            self.fresh_until,
            self.created,
            self.stale_while_revalidate,
            self.stale_if_error,
            self.header.clone(),
        );
        if self.epoch != self.created {
            meta.set_epoch_override(self.epoch);
        }
        if let Some(variance) = self.variance {
            meta.set_variance(variance);
        }
        if let Some(since) = stale {
            meta.expire_at(since);
        }
        meta
    }

    /// Tells whether it is fresh at a time.
    pub(super) fn is_fresh(&self, now: SystemTime) -> bool {
        self.fresh_until >= now
    }

    /// Returns the bytes of its body, where its head announces them.
    pub(super) fn announced(&self) -> Option<u64> {
        let length = self.header.headers.get(CONTENT_LENGTH)?;
        length.to_str().ok()?.trim().parse().ok()
    }

    /// States the length of the body where the origin did not, so that ranges of it can be asked for.
    ///
    /// # Errors
    ///
    /// Fails where a length is no field, which none should be.
    pub(super) fn measure(&mut self, bytes: u64) -> Result<()> {
        let has_body = self.header.status != StatusCode::NO_CONTENT;
        if has_body && !self.header.headers.contains_key(CONTENT_LENGTH) {
            self.header.insert_header(CONTENT_LENGTH, bytes)?;
            self.header = copy(&self.header)?;
        }
        Ok(())
    }

    /// Returns the bytes that it has outside of itself.
    pub(super) fn heap(&self) -> usize {
        cost::headers(&self.header.headers)
    }
}

/// Copies a head, its values into one block, without the spelling of its names and a phrase of the origin's own.
fn copy(header: &ResponseHeader) -> Result<ResponseHeader> {
    let mut copy = ResponseHeader::build_no_case(header.status, Some(header.headers.len()))?;
    copy.set_version(Version::HTTP_11);
    let mut values = BytesMut::with_capacity(header.headers.values().map(HeaderValue::len).sum());
    for value in header.headers.values() {
        values.extend_from_slice(value.as_bytes());
    }
    let mut values = values.freeze();
    for (name, value) in &header.headers {
        let mut copied = share(&mut values, value)?;
        copied.set_sensitive(value.is_sensitive());
        copy.append_header(own(name), copied)?;
    }
    Ok(copy)
}

fn share(values: &mut Bytes, value: &HeaderValue) -> Result<HeaderValue> {
    use pingora_error::{ErrorType::InvalidHTTPHeader, OrErr};
    HeaderValue::from_maybe_shared(values.split_to(value.len())).or_err(InvalidHTTPHeader, "a value that was one")
}

/// Copies a name, unless it is a standard one.
fn own(name: &HeaderName) -> HeaderName {
    HeaderName::from_bytes(name.as_str().as_bytes()).unwrap_or_else(|_| name.clone())
}
