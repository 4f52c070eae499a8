//! What things cost in memory: what the allocator sets aside, rather than what was asked of it.
//!
//! Sums of what was asked for would be a tenth below what the process has in memory, and a bound that is passed.

use std::mem::size_of;

use http::HeaderMap;

/// Returns the bytes that the allocator sets aside for so many: from 128 on, its classes are four to each doubling.
pub(super) fn block(bytes: usize) -> usize {
    match bytes {
        0 => 0,
        1..=128 => bytes.next_multiple_of(16),
        _ => {
            let step = (1 << bytes.ilog2()) / 4;
            bytes.next_multiple_of(step)
        }
    }
}

/// Returns the bytes of a `Bytes` with so many in it, and of what counts its clones.
pub(super) fn shared(bytes: usize) -> usize {
    block(bytes) + if bytes == 0 { 0 } else { COUNT }
}

/// Returns the bytes that header fields have outside of their map, when their values share one block.
pub(super) fn headers(headers: &HeaderMap) -> usize {
    let values = headers.values().map(http::HeaderValue::len).sum();
    let names: usize = headers.keys().map(|name| shared(name.as_str().len())).sum();
    let repeated = headers.len() - headers.keys_len();
    let slots = headers.capacity() * 4 / 3;
    block(slots.next_power_of_two() * SLOT)
        + block(headers.capacity() * FIELD)
        + block(repeated.next_power_of_two() * FIELD)
        + shared(values)
        + names
}

/// What the table has for each entry, and for what it remembers of entries that have left: half as many, in a table
/// that has grown by doubling.
pub(super) const PLACE: usize = 64 * 3 / 2 * 3 / 2 + 8;

/// What counts the clones of a `Bytes`.
const COUNT: usize = 32;

/// A slot of a header map's index, and a field of it.
const SLOT: usize = 4;
const FIELD: usize = size_of::<http::HeaderName>() + size_of::<http::HeaderValue>() + 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_those_of_the_allocator() {
        let classes = [
            (0, 0),
            (1, 16),
            (128, 128),
            (129, 160),
            (1024, 1024),
            (1025, 1280),
            (65_537, 81_920),
        ];
        for (bytes, class) in classes {
            assert_eq!(block(bytes), class);
        }
    }
}
