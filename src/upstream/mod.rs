//! Endpoints: choosing, trying, judging.

/// Where one version's traffic goes, as served.
#[derive(Debug)]
pub struct Backend;
