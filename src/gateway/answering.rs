//! What is for the gateway itself: its own paths, answered or refused like any other.

use pingora_error::Result;
use pingora_proxy::Session;

use super::seen::head;
use super::{Gateway, refused};
use crate::denial::Denial;
use crate::exchange::{Exchange, Verdict};
use crate::reply;
use crate::routed::Visitor;

impl Gateway {
    /// Answers what is for the gateway itself.
    pub(super) async fn answer(
        &self,
        session: &mut Session,
        exchange: &mut Exchange,
        path: std::result::Result<String, Denial>,
    ) -> Result<()> {
        let visitor = Visitor {
            client: exchange.origin.client,
            scheme: exchange.origin.scheme,
            certificate: head(session, exchange, &[])
                .certificate
                .map(|shown| shown.der().to_vec()),
        };
        let answer = match path {
            Ok(path) => self.own.answer(session.as_downstream_mut(), &path, visitor).await,
            Err(denial) => Err(denial),
        };
        match answer {
            Ok(answer) => {
                exchange.verdict = Verdict::Own;
                reply::send(session, &exchange.id, answer).await
            }
            Err(denial) => {
                exchange.verdict = Verdict::Refused(denial.into());
                refused::remember(&self.refusals, session, exchange, denial);
                reply::refuse(session, exchange, denial).await
            }
        }
    }
}
