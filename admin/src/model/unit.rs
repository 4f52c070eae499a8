//! Times and sizes, written with their unit.

/// A number of bytes, written `"512KiB"` or `"8MiB"`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Size(pub u64);
