//! The terms on which credentials are judged and remembered, as the process was told at start.

/// The terms on which credentials are judged and remembered.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The `iss` of the gateway's own tokens.
    pub issuer: String,
    /// How many verified tokens are remembered.
    pub tokens: usize,
    /// Seconds that other clocks may be off. The end of our own tokens is kept to the second.
    pub leeway: u64,
    /// Seconds for which the answer of an introspection endpoint is taken for true.
    pub introspection: u64,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            issuer: "https://localhost:8243".to_owned(),
            tokens: 100_000,
            leeway: 30,
            introspection: 60,
        }
    }
}
