//! The body of a stored response: pieces that are shared, never copied, and read from any place.

use std::mem::size_of;
use std::sync::Arc;

use bytes::Bytes;

use super::cost;

/// A whole body.
#[derive(Clone)]
pub(super) struct Body {
    pieces: Pieces,
    len: usize,
}

#[derive(Clone)]
enum Pieces {
    Many(Arc<[Bytes]>),
    One(Bytes),
}

impl Body {
    /// Makes a body of blocks, none of which is empty.
    pub(super) fn new(mut blocks: Vec<Bytes>) -> Self {
        let len = blocks.iter().map(Bytes::len).sum();
        let pieces = match blocks.pop() {
            None => Pieces::One(Bytes::new()),
            Some(only) if blocks.is_empty() => Pieces::One(only),
            Some(last) => {
                blocks.push(last);
                Pieces::Many(blocks.into())
            }
        };
        Self { pieces, len }
    }

    /// Returns its bytes.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Returns its pieces.
    pub(super) fn pieces(&self) -> &[Bytes] {
        match &self.pieces {
            Pieces::Many(pieces) => pieces,
            Pieces::One(piece) => std::slice::from_ref(piece),
        }
    }

    /// Returns the bytes that it has outside of itself.
    pub(super) fn heap(&self) -> usize {
        let list = match &self.pieces {
            Pieces::Many(pieces) => cost::block(size_of_val(&**pieces) + 2 * size_of::<usize>()),
            Pieces::One(_) => 0,
        };
        list + self
            .pieces()
            .iter()
            .map(|piece| cost::shared(piece.len()))
            .sum::<usize>()
    }
}

/// A place in a body, and where reading ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    piece: usize,
    /// Bytes of that piece that are behind, and bytes of the body that are ahead.
    offset: usize,
    left: usize,
}

impl Place {
    /// Begins at the beginning.
    pub(super) fn start(body: &Body) -> Self {
        Self {
            piece: 0,
            offset: 0,
            left: body.len,
        }
    }

    /// Goes to a range, whose end is cut to that of the body; `None` if it begins behind it.
    pub(super) fn seek(body: &Body, start: usize, end: Option<usize>) -> Option<Self> {
        let end = end.unwrap_or(body.len).min(body.len);
        let left = end.checked_sub(start).filter(|_| start < body.len)?;
        let mut offset = start;
        for (piece, bytes) in body.pieces().iter().enumerate() {
            if offset < bytes.len() {
                return Some(Self { piece, offset, left });
            }
            offset -= bytes.len();
        }
        None
    }

    /// Returns the next piece, or what of it is in the range; `None` at its end.
    pub(super) fn next(&mut self, body: &Body) -> Option<Bytes> {
        let piece = body.pieces().get(self.piece).filter(|_| self.left > 0)?;
        let end = piece.len().min(self.offset.saturating_add(self.left));
        let read = piece.slice(self.offset..end);
        self.left -= read.len();
        self.piece += 1;
        self.offset = 0;
        Some(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &Body, mut place: Place) -> Vec<u8> {
        let mut read = Vec::new();
        while let Some(piece) = place.next(body) {
            assert!(!piece.is_empty());
            read.extend_from_slice(&piece);
        }
        read
    }

    #[test]
    fn an_empty_body_has_an_end() {
        let empty = Body::new(Vec::new());
        assert_eq!(empty.len, 0);
        assert_eq!(read(&empty, Place::start(&empty)), b"");
    }

    proptest! {
        #[test]
        fn any_range_of_any_pieces_is_the_range_of_the_whole(
            sizes in proptest::collection::vec(0_usize..100_000, 0..8),
            start in 0_usize..500_000,
            end in proptest::option::of(0_usize..900_000),
        ) {
            let whole: Vec<u8> = (0..sizes.iter().sum::<usize>()).map(|byte| (byte % 251) as u8).collect();
            let mut rest = Bytes::from(whole.clone());
            let blocks = sizes.iter().filter(|size| **size > 0).map(|size| rest.split_to(*size));
            let body = Body::new(blocks.collect());
            prop_assert_eq!(read(&body, Place::start(&body)), &whole[..]);
            let expected = end.unwrap_or(usize::MAX).min(whole.len());
            match Place::seek(&body, start, end) {
                Some(place) => prop_assert_eq!(read(&body, place), &whole[start..expected.max(start)]),
                None => prop_assert!(start >= whole.len() || expected < start),
            }
        }
    }
}
