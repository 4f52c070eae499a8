//! Opens what counts are kept in.

use std::sync::Arc;

use aws_lc_rs::rand;

use super::BootError;
use crate::quota::{Ledger, Secret};

/// Opens an empty ledger, under a secret of its own.
pub(super) fn open() -> Result<Arc<Ledger>, BootError> {
    let mut random = [0; 16];
    rand::fill(&mut random).map_err(|_| BootError::Random)?;
    Ok(Ledger::new(Secret::new(random), ROOM))
}

/// So many counters are kept at most.
const ROOM: usize = 1_000_000;
