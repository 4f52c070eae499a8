//! Why requests are let through or refused, told over the control socket and to the admin listener's router.

use std::sync::Arc;

use admin::http::admin::ports::{self as port, Explain};
use serde_json::Value;
use tokio::runtime::Handle;

use super::socket::Answer;
use crate::explain::Explainer;
use crate::explain::question::Question;

/// Answers the router of the admin listener.
#[derive(Debug)]
pub struct Explaining(Arc<Explainer>);

impl Explaining {
    /// Answers by this.
    pub fn new(explainer: Arc<Explainer>) -> Self {
        Self(explainer)
    }
}

impl Explain for Explaining {
    fn explain(&self, question: port::Question) -> port::Explaining {
        let explainer = Arc::clone(&self.0);
        Box::pin(async move {
            let question = believed(question)?;
            let explained = explainer.explain(&question).await;
            let explained = explained.map_err(|unclear| unclear.to_string())?;
            serde_json::to_value(explained).map_err(|reason| reason.to_string())
        })
    }

    fn recall(&self, request: &str) -> Vec<Value> {
        let found = self.0.recall(request).into_iter();
        found.filter_map(|refused| serde_json::to_value(refused).ok()).collect()
    }
}

fn believed(question: port::Question) -> Result<Question, String> {
    let fields = question.headers.iter().zip(1..).map(|(field, number)| {
        let (name, value) = field
            .split_once(':')
            .ok_or_else(|| format!("header field {number} is malformed: write `Name: value`"))?;
        Ok((name.to_owned(), value.to_owned()))
    });
    Ok(Question {
        headers: fields.collect::<Result<_, String>>()?,
        method: question.method,
        url: question.url,
        token: question.token,
        client_ip: question.client_ip,
    })
}

impl Explainer {
    /// Answers what would come of a request. It blocks.
    pub fn explain_answer(&self, question: &Question, runtime: &Handle) -> Answer {
        match runtime.block_on(self.explain(question)) {
            Ok(explained) => Answer::Explained {
                explained: Box::new(explained),
            },
            Err(unclear) => Answer::Misunderstood {
                error: unclear.to_string(),
            },
        }
    }

    /// Answers what was refused with a request id.
    pub fn recall_answer(&self, request: &str) -> Answer {
        Answer::Recalled {
            recalled: self.recall(request),
        }
    }
}
