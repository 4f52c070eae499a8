//! Counts of one version.

/// What counts a version's requests.
#[derive(Clone, Debug)]
pub struct Meter;
