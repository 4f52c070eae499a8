//! Names of assertions that were taken, so that none is taken twice (RFC 7523, 3).
//!
//! A name is kept until its assertion ends. When there is no room the assertion is refused: forgetting a name would
//! let it be taken again. Each issuer has room of its own, so that none can take another's. Only assertions whose
//! signature was proven get here. It is this process's memory: several gateways behind one name each have one.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::model::instant::UnixTime;
use crate::registry::token::Digest;

/// Names of assertions that were taken.
#[derive(Debug)]
pub struct Replay {
    room: usize,
    taken: Mutex<HashMap<Digest, HashMap<Digest, UnixTime>>>,
}

impl Replay {
    /// Begins with room for so many names of each issuer.
    pub fn with_room(room: usize) -> Self {
        Self {
            room,
            taken: Mutex::default(),
        }
    }

    /// Takes a name, and tells whether it may be: it was not taken before, and there is room to remember it.
    pub fn take(&self, issuer: &str, jti: &str, expires: UnixTime, now: UnixTime) -> bool {
        let mut taken = self.taken.lock();
        if taken.len() >= self.room {
            // Issuers who have nothing left here take no room.
            taken.retain(|_, names| names.values().any(|until| now <= *until));
        }
        let names = taken.entry(Digest::of(issuer)).or_default();
        let name = Digest::of(jti);
        if names.get(&name).is_some_and(|until| now <= *until) {
            return false;
        }
        if names.len() >= self.room {
            names.retain(|_, until| now <= *until);
        }
        if names.len() >= self.room {
            return false;
        }
        names.insert(name, expires);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_once_until_it_ends() {
        let replay = Replay::with_room(2);
        let at = UnixTime;
        assert!(replay.take("a", "1", at(100), at(0)));
        assert!(!replay.take("a", "1", at(200), at(100)), "at its very end, too");
        assert!(replay.take("b", "1", at(100), at(0)), "another issuer's");
        assert!(replay.take("a", "2", at(300), at(0)));
        assert!(
            !replay.take("a", "3", at(300), at(100)),
            "no room: refused, not forgotten"
        );
        assert!(replay.take("a", "3", at(300), at(101)), "what ended made room");
        assert!(!replay.take("a", "2", at(400), at(150)));
    }

    #[test]
    fn who_has_nothing_left_takes_no_room_and_who_floods_takes_nobody_elses() {
        let replay = Replay::with_room(3);
        for number in 0..100 {
            assert!(replay.take(&format!("issuer {number}"), "1", UnixTime(number), UnixTime(number)));
        }
        assert!(replay.taken.lock().len() <= 4);
        assert!(replay.take("victim", "1", UnixTime(300), UnixTime(200)));
        for number in 0..100 {
            replay.take("flood", &number.to_string(), UnixTime(300), UnixTime(200));
        }
        assert!(!replay.take("victim", "1", UnixTime(300), UnixTime(200)));
        assert!(replay.take("victim", "2", UnixTime(300), UnixTime(200)));
    }
}
