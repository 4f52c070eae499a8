//! What the caller gets of an answer's head, whichever way it came.

use std::time::Instant;

use http::{Method, StatusCode};
use pingora_error::Result;
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use super::{Gateway, charging};
use crate::cache::filters;
use crate::exchange::Exchange;
use crate::quota::Hold;
use crate::{rewrite, upstream};

impl Gateway {
    /// Takes note of an answer and makes of its head what the caller gets.
    pub(super) fn respond(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        exchange: &mut Exchange,
    ) -> Result<()> {
        if !filters::is_from_cache(session, exchange) {
            upstream::check_answer(response)?;
            exchange.attempts.answered(response);
            exchange.answered = Some(Instant::now());
            self.invalidate(session, response, exchange);
        }
        charging::foresee(&self.counts, exchange, response)?;
        rewrite::response(response, exchange)?;
        filters::tell(session, response, exchange)?;
        rewrite::suit(response, session);
        if has_no_body(session, response) {
            exchange.spent.hold = Hold::default();
        }
        Ok(())
    }
}

/// Tells whether a response ends with its head.
pub(super) fn has_no_body(session: &Session, response: &ResponseHeader) -> bool {
    session.req_header().method == Method::HEAD
        || matches!(response.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}
