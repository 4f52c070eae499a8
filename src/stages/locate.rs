//! Finds the tenant and the Api that a request names.

use crate::denial::Denial;
use crate::head::Head;
use crate::snapshot::{Mount, Snapshot};
use crate::target::Target;

/// What a request names, and the part of its path below that.
#[derive(Debug)]
pub(super) struct Located<'a> {
    pub(super) target: Target<'a>,
    pub(super) mount: Mount,
    /// The offset in the target of what follows the context.
    pub(super) rest: usize,
}

impl Located<'_> {
    /// Returns the part of the path that led there.
    pub(super) fn context(&self) -> &str {
        self.target.as_str().get(..self.rest).unwrap_or_default()
    }
}

/// Finds what is mounted at the longest context that covers the path.
pub(super) fn locate<'a>(head: &Head<'_>, target: Target<'a>, snapshot: &Snapshot) -> Result<Located<'a>, Denial> {
    let host = head.host.ok_or(Denial::InvalidHost)?;
    let lower = host
        .bytes()
        .any(|byte| byte.is_ascii_uppercase())
        .then(|| host.to_ascii_lowercase());
    let place = snapshot
        .find_place(lower.as_deref().unwrap_or(host), target.as_str())
        .ok_or_else(|| {
            // Where there is no version that could allow an unusual form, it is refused for what it is.
            target
                .check(Default::default())
                .map_or_else(Denial::BadTarget, |()| Denial::UnknownApi)
        })?;
    Ok(Located {
        target,
        mount: place.mount,
        rest: place.rest,
    })
}
