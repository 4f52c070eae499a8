//! What the router asks of whoever keeps responses.

/// Forgets what is kept of responses.
pub trait Purge: Send + Sync {
    /// Forgets what a JSON object names, at once.
    ///
    /// # Errors
    ///
    /// Returns why nothing was forgotten.
    fn purge(&self, named: &[u8]) -> Result<(), String>;
}
