//! Bytes, as they pass: what is counted of a body before any more of it goes on.

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use pingora_error::{Error, ErrorType, Result};
use pingora_http::ResponseHeader;
use smallvec::SmallVec;

use crate::counting::Counts;
use crate::denial::Denial;
use crate::exchange::Exchange;
use crate::quota::{Answer, Demand, Hold};

/// Charges bytes that are about to pass; where a quota is reached, they must not.
pub(super) fn charge(counts: &Counts, exchange: &mut Exchange, bytes: usize) -> Result<()> {
    if exchange.spent.bytes.is_empty() {
        return Ok(());
    }
    let refused = refusing(exchange, bytes as u64, |demands| counts.charge(demands));
    refused.map_or(Ok(()), |denial| Err(fail(exchange, denial)))
}

/// Charges a piece of a response that is about to pass.
pub(super) fn pass(counts: &Counts, exchange: &mut Exchange, piece: &Option<Bytes>, is_last: bool) -> Result<()> {
    charge(counts, exchange, piece.as_ref().map_or(0, Bytes::len))?;
    if is_last {
        // Before the caller has it all: whoever asks again then must not meet its own last request.
        exchange.spent.hold = Hold::default();
    }
    Ok(())
}

/// Looks whether all of a response may pass that says how long it is: one that would be cut off need not begin.
pub(super) fn foresee(counts: &Counts, exchange: &mut Exchange, response: &ResponseHeader) -> Result<()> {
    if exchange.spent.bytes.is_empty() {
        return Ok(());
    }
    let stated = response.headers.get(CONTENT_LENGTH);
    let length = stated.and_then(|length| length.to_str().ok()?.parse().ok());
    let refused = refusing(exchange, length.unwrap_or_default(), |demands| counts.look(demands));
    refused.map_or(Ok(()), |denial| Err(fail(exchange, denial)))
}

/// Tells whether bytes that are about to pass through a tunnel may.
pub(super) fn may_pass(counts: &Counts, exchange: &Exchange, bytes: u64) -> bool {
    exchange.spent.bytes.is_empty() || refusing(exchange, bytes, |demands| counts.charge(demands)).is_none()
}

fn refusing(exchange: &Exchange, bytes: u64, ask: impl FnOnce(&[Demand<'_>]) -> Answer<()>) -> Option<Denial> {
    let charges = &exchange.spent.bytes;
    let tiers = exchange.served.snapshot.tiers();
    let demands: SmallVec<[Demand<'_>; 2]> = charges
        .iter()
        .map(|charge| tiers.policy(charge.policy).quota.of_key(charge.key).amounting(bytes))
        .collect();
    let refusal = ask(&demands).result.err()?;
    let (Some(charge), Some(version)) = (charges.get(refusal.demand), exchange.version()) else {
        return Some(Denial::Internal);
    };
    let reach = version.counted.reach(tiers.policy(charge.policy));
    let wait = refusal.retry.seconds();
    Some(Denial::Throttled(
        reach,
        wait.map(|wait| u32::try_from(wait).unwrap_or(u32::MAX)),
    ))
}

fn fail(exchange: &mut Exchange, denial: Denial) -> Box<Error> {
    exchange.failure = Some(denial);
    let status = denial.fault().status.as_u16();
    Error::explain(ErrorType::HTTPStatus(status), "a quota of bytes is reached").into_down()
}
