//! Any bytes as a request path: refused, or matched and sent as one and the same thing.
//!
//! `make fuzz` runs it. What it finds becomes a test of `src/target.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate::target::Target;

fuzz_target!(|raw: &[u8]| {
    let Ok(target) = Target::parse(raw) else { return };
    let path = target.as_str();
    // What is sent is what was matched: reading it again changes nothing.
    assert_eq!(Target::parse(path.as_bytes()).as_ref(), Ok(&target));
    // It is a path that a request line can hold, and that no backend can climb with, however often it decodes slashes.
    assert!(path.starts_with('/'));
    assert!(path.bytes().all(|byte| byte.is_ascii_graphic()));
    let slashed = path.replace("%2F", "/").replace("%5C", "/");
    assert!(slashed.split('/').all(|segment| !matches!(segment.split(';').next(), Some("." | ".."))));
});
