//! Handing out what is kept, where that answers a request as it is.

use bytes::Bytes;
use pingora_error::Result;
use pingora_proxy::Session;

use super::responding::has_no_body;
use super::{Gateway, caching, charging};
use crate::cache::hit;
use crate::cache::storage::Whole;
use crate::exchange::Exchange;

impl Gateway {
    /// Finds what answers a request as it is. What renews the cache is for the endpoint.
    pub(super) fn kept(&self, session: &mut Session, exchange: &mut Exchange) -> Option<Whole> {
        let is_own = caching::is_own_request(session);
        (!is_own).then(|| hit::find(&self.cache, session, exchange)).flatten()
    }

    /// Answers with what is kept.
    ///
    /// # Errors
    ///
    /// Whatever the caller is to be told, if it has seen nothing yet, by `fail_to_proxy`.
    pub(super) async fn hand_out(&self, session: &mut Session, exchange: &mut Exchange, kept: Whole) -> Result<()> {
        let mut head = Box::new(hit::head(&kept));
        self.respond(session, &mut head, exchange)?;
        let is_whole = has_no_body(session, &head);
        let written = session.write_response_header(head, is_whole).await;
        written.map_err(|e| e.into_down())?;
        let pieces = if is_whole { &[] } else { kept.body() };
        let Some((last, pieces)) = pieces.split_last() else {
            let finished = session.as_downstream_mut().finish_body().await;
            return finished.map_err(|e| e.into_down());
        };
        for piece in pieces {
            self.hand_piece(session, exchange, (piece, false)).await?;
        }
        self.hand_piece(session, exchange, (last, true)).await
    }

    async fn hand_piece(
        &self,
        session: &mut Session,
        exchange: &mut Exchange,
        (piece, is_last): (&Bytes, bool),
    ) -> Result<()> {
        let piece = Some(piece.clone());
        charging::pass(&self.counts, exchange, &piece, is_last)?;
        let written = session.write_response_body(piece, is_last).await;
        written.map_err(|e| e.into_down())
    }
}
