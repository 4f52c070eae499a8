//! Where WebSocket frames begin and end: counted and followed, never looked into.
//!
//! Only lengths and the close opcode are read, so extensions and fragments pass as they are.

/// Follows the frames of one direction.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    head: [u8; LONGEST_HEAD],
    /// How much of the present frame's head is there.
    have: usize,
    /// How much of its payload is still to come.
    left: u64,
    frames: u64,
    closed: bool,
}

impl Scanner {
    /// Takes note of bytes up to the end of the present frame; returns how many those are.
    pub(super) fn step(&mut self, bytes: &[u8]) -> usize {
        if self.left == 0 {
            for (index, &byte) in bytes.iter().enumerate() {
                if let Some(place) = self.head.get_mut(self.have) {
                    *place = byte;
                    self.have += 1;
                }
                if let Some(payload) = self.payload() {
                    self.begin(payload);
                    let rest = bytes.get(index + 1..).unwrap_or_default();
                    return index + 1 + self.skip(rest);
                }
            }
            return bytes.len();
        }
        self.skip(bytes)
    }

    /// Takes note of all bytes.
    pub(super) fn scan(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = self.step(bytes);
            bytes = bytes.get(taken..).unwrap_or_default();
        }
    }

    /// Tells whether a frame of our own may be put in here.
    pub(super) fn at_boundary(&self) -> bool {
        self.have == 0 && self.left == 0
    }

    /// Tells whether a close frame has passed.
    pub(super) fn closed(&self) -> bool {
        self.closed
    }

    /// Returns how many frames have passed.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// Returns the payload's length once the head is there.
    fn payload(&self) -> Option<u64> {
        let [_, second, rest @ ..] = &self.head;
        let long = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        if self.have < 2 || self.have < 2 + long + mask {
            return None;
        }
        let length = rest
            .iter()
            .take(long)
            .fold(0, |length, &byte| (length << 8) | u64::from(byte));
        Some(if long == 0 { u64::from(second & 0x7f) } else { length })
    }

    fn begin(&mut self, payload: u64) {
        let [first, ..] = self.head;
        self.closed |= first & 0x0f == CLOSE;
        self.have = 0;
        self.left = payload;
        if payload == 0 {
            self.frames += 1;
        }
    }

    fn skip(&mut self, bytes: &[u8]) -> usize {
        let taken = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        if taken > 0 {
            self.left -= taken as u64;
            if self.left == 0 {
                self.frames += 1;
            }
        }
        taken
    }
}

/// Returns a close frame with a code (RFC 6455, 7.4); what goes to a backend is masked, as from any client.
pub(super) fn goodbye(code: u16, masked: bool) -> Vec<u8> {
    let [high, low] = code.to_be_bytes();
    if masked {
        // The payload is no secret and nobody else's; any key does.
        let key = [0x54, 0x6f, 0x6c, 0x6c];
        let [first, second, ..] = key;
        [&[0x80 | CLOSE, 0x82][..], &key, &[high ^ first, low ^ second]].concat()
    } else {
        vec![0x80 | CLOSE, 2, high, low]
    }
}

const CLOSE: u8 = 0x8;
const LONGEST_HEAD: usize = 14;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(opcode: u8, masked: bool, payload: usize) -> Vec<u8> {
        let mut frame = vec![0x80 | opcode];
        let mask = if masked { 0x80 } else { 0 };
        match payload {
            0..=125 => frame.push(mask | payload as u8),
            126..=0xffff => {
                frame.push(mask | 126);
                frame.extend((payload as u16).to_be_bytes());
            }
            _ => {
                frame.push(mask | 127);
                frame.extend((payload as u64).to_be_bytes());
            }
        }
        frame.extend(if masked { &[1, 2, 3, 4][..] } else { &[] });
        frame.extend(std::iter::repeat_n(0xff, payload));
        frame
    }

    proptest! {
        #[test]
        fn frames_are_counted_however_they_are_cut(
            frames in prop::collection::vec((any::<bool>(), prop::sample::select(vec![0usize, 1, 125, 126, 127, 4000, 65535, 65536])), 0..6),
            pieces in prop::collection::vec(1usize..5000, 1..40),
        ) {
            let bytes: Vec<u8> = frames.iter().flat_map(|&(masked, payload)| frame(2, masked, payload)).collect();
            let mut scanner = Scanner::default();
            let (mut rest, mut pieces) = (&bytes[..], pieces.into_iter().cycle());
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(pieces.next().unwrap().min(rest.len()));
                scanner.scan(piece);
                rest = after;
            }
            prop_assert!(scanner.at_boundary());
            prop_assert!(!scanner.closed());
            prop_assert_eq!(scanner.frames(), frames.len() as u64);
        }

        #[test]
        fn any_bytes_at_all_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
            Scanner::default().scan(&bytes);
        }
    }

    #[test]
    fn a_step_ends_with_the_frame() {
        let (first, second) = (frame(1, true, 5), frame(1, true, 3));
        let mut scanner = Scanner::default();
        assert_eq!(scanner.step(&[&first[..], &second].concat()), first.len());
        assert!(scanner.at_boundary());
        assert_eq!(scanner.step(&second[..4]), 4);
        assert!(!scanner.at_boundary());
    }

    #[test]
    fn our_close_frames_are_frames() {
        for masked in [false, true] {
            let mut scanner = Scanner::default();
            scanner.scan(&goodbye(1001, masked));
            assert!(scanner.at_boundary() && scanner.closed());
            assert_eq!(scanner.frames(), 1);
        }
        let masked = goodbye(1008, true);
        assert_eq!([masked[6] ^ masked[2], masked[7] ^ masked[3]], 1008u16.to_be_bytes());
    }
}
