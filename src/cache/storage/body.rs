//! The body of a stored response: pieces that are shared, never copied, and read from any place.

use std::mem::size_of;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

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
    /// Makes a body of what arrived: small pieces are joined, so that a hit of a few KiB is one piece.
    pub(super) fn join(arrived: Vec<Bytes>) -> Self {
        let len = arrived.iter().map(Bytes::len).sum();
        let mut joined = Vec::new();
        let mut pending: Vec<Bytes> = Vec::new();
        let mut size = 0;
        for piece in arrived.into_iter().filter(|piece| !piece.is_empty()) {
            if size > 0 && size + piece.len() > PIECE {
                joined.push(one(&mut pending, size));
                size = 0;
            }
            size += piece.len();
            pending.push(piece);
        }
        if size > 0 {
            joined.push(one(&mut pending, size));
        }
        let pieces = match joined.pop() {
            None => Pieces::One(Bytes::new()),
            Some(only) if joined.is_empty() => Pieces::One(only),
            Some(last) => {
                joined.push(last);
                Pieces::Many(joined.into())
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

/// Joins pieces into a block of their own; a lone one is one already.
fn one(pending: &mut Vec<Bytes>, size: usize) -> Bytes {
    match pending.pop() {
        Some(only) if pending.is_empty() => only,
        last => {
            let mut block = BytesMut::with_capacity(size);
            for piece in pending.drain(..).chain(last) {
                block.extend_from_slice(&piece);
            }
            block.freeze()
        }
    }
}

/// Small pieces are joined up to so many bytes, which is what one write to a caller takes.
const PIECE: usize = 64 << 10;

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
    fn a_small_body_is_one_piece_however_it_arrived() {
        let body = Body::join(vec![Bytes::from_static(b"ab"), Bytes::new(), Bytes::from_static(b"c")]);
        assert_eq!(body.pieces(), ["abc"]);
        assert_eq!(Body::join(Vec::new()).len, 0);
        let empty = Body::join(Vec::new());
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
            let body = Body::join(sizes.iter().map(|size| rest.split_to(*size)).collect());
            prop_assert_eq!(read(&body, Place::start(&body)), &whole[..]);
            let expected = end.unwrap_or(usize::MAX).min(whole.len());
            match Place::seek(&body, start, end) {
                Some(place) => prop_assert_eq!(read(&body, place), &whole[start..expected.max(start)]),
                None => prop_assert!(start >= whole.len() || expected < start),
            }
        }
    }
}
