//! Any bytes as a request path: refused, or matched and sent as one and the same thing.
//!
//! `make fuzz` runs it. What it finds becomes a test of `src/target.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate::target::{Target, segments};

fuzz_target!(|raw: &[u8]| {
    let Ok(target) = Target::parse(raw) else { return };
    let path = target.as_str();
    // What is sent is what was matched: reading it again changes nothing.
    assert_eq!(Target::parse(path.as_bytes()).as_ref(), Ok(&target));
    // A backend that decodes it once reads what templates were compared with.
    assert_eq!(
        decoded_once(path.as_bytes()),
        segments(path)
            .iter()
            .map(|segment| format!("/{segment}"))
            .collect::<String>()
            .into_bytes()
    );
    // It is a path that a request line can hold, and that no backend can climb with, however often it decodes slashes.
    assert!(path.starts_with('/'));
    assert!(path.bytes().all(|byte| byte.is_ascii_graphic()));
    let slashed = path.replace("%2F", "/").replace("%5C", "/");
    assert!(
        slashed
            .split('/')
            .all(|segment| !matches!(segment.split(';').next(), Some("." | "..")))
    );
});

fn decoded_once(mut path: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some((&byte, rest)) = path.split_first() {
        let encoded = byte == b'%';
        let pair = std::str::from_utf8(&rest[..if encoded { 2 } else { 0 }]).unwrap();
        out.push(if encoded {
            u8::from_str_radix(pair, 16).unwrap()
        } else {
            byte
        });
        path = &rest[pair.len()..];
    }
    out
}
