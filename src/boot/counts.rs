//! Opens what counts are kept in, and tells how they are shared where status is read.

use std::sync::Arc;

use aws_lc_rs::rand;
use tokio::runtime::Handle;

use super::BootError;
use crate::bridge::counts::{Keeper, Observe};
use crate::quota::Secret;
use crate::quota::store::State;
use crate::settings::{QuotaMode, Settings};
use crate::telemetry::Telemetry;
use crate::telemetry::readiness::Readiness;

/// Opens the ledger, with the counts of before and with the store, as the settings say. It blocks.
pub(super) fn open(
    settings: &Settings,
    runtime: &Handle,
    (telemetry, readiness): (&Arc<Telemetry>, &Arc<Readiness>),
) -> Result<Arc<Keeper>, BootError> {
    let mut random = [0; 16];
    rand::fill(&mut random).map_err(|_| BootError::Random)?;
    let observe = observer(settings.quota.mode, Arc::clone(telemetry), Arc::clone(readiness));
    let keeper = Keeper::open(
        &settings.data,
        (&settings.quota, Secret::new(random)),
        (runtime, observe),
    )?;
    Ok(Arc::new(keeper))
}

/// Tells readiness and metrics whether counts are shared.
fn observer(mode: QuotaMode, telemetry: Arc<Telemetry>, readiness: Arc<Readiness>) -> Box<Observe> {
    let mode = match mode {
        QuotaMode::Exact => "exact",
        QuotaMode::Shared => "shared",
    };
    Box::new(move |state| {
        telemetry.quota_store(mode, *state == State::Together);
        readiness.set_quota_store(match state {
            State::Apart(reason) => Some(reason.clone()),
            State::Together => None,
        });
    })
}
