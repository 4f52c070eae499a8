//! What the router asks of whoever keeps responses.

/// Forgets what is kept of responses.
pub trait Purge: Send + Sync {
    /// Forgets what a JSON object names, at once and for good, and notes who asked for it. It may block.
    ///
    /// # Errors
    ///
    /// Returns why it did not.
    fn purge(&self, named: &[u8], operator: &str) -> Result<(), Refused>;
}

/// Why something was not forgotten.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refused {
    /// It is forgotten until the next start only.
    Failed(String),
    /// What is named makes no sense, and nothing was forgotten.
    Senseless(String),
}
