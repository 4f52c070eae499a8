//! The vocabulary of the gateway tests: origins, gateways and callers over real sockets on ephemeral ports.
//!
//! It reads like the sentence being tested: start an [`origin`], describe an [`api`], start a [`gateway`], call it.
//! What it owns is mechanism only; promises live in the modules beside it. Nothing here sleeps to let something
//! happen: everything asynchronous is polled until [`PATIENCE`] runs out.

mod caller;
mod caller_h2;
mod catalog;
mod consumers;
mod gateway;
mod identity;
mod issuer;
mod origin;
mod origin_h2;
mod script;
mod shell;
mod websocket;
mod wire;

use std::time::Duration;

pub(crate) use caller::{Call, Caller, Reply, call, get, post};
pub(crate) use caller_h2::CallerH2;
pub(crate) use catalog::{Api, Version, api, version};
pub(crate) use consumers::{App, PASSWORD, basic, now};
pub(crate) use gateway::{Gateway, GatewayBuilder, gateway};
pub(crate) use identity::{Authority, Identity, trusting, trusting_and_counting, trusting_as};
pub(crate) use issuer::{Issuer, IssuerKey};
pub(crate) use origin::{Origin, crowded, origin, refusing};
pub(crate) use origin_h2::grpc_origin;
pub(crate) use script::{Answer, Gate, Request, answer};
pub(crate) use websocket::{WebSocketOrigin, early_websocket_origin, upgrade, websocket_origin};
pub(crate) use wire::Socket;

/// The longest that anything may take before its test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Awaits a future that must be ready soon.
pub(crate) async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("waited too long for {what}"),
    }
}

/// Asks again and again until the answer is yes.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    soon(what, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}
