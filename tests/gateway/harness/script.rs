//! What an origin is told to do: the request that it saw, the answer that it gives, and the gates it waits at.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::wire::{Fields, Wire};

/// A request as an origin saw it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Which of the origin's connections it came on, from 0.
    pub(crate) connection: usize,
    /// Its head, byte for byte.
    pub(crate) head: Vec<u8>,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) fields: Fields,
    /// Its body so far, decoded.
    pub(crate) body: Vec<u8>,
    /// Whether its body was read to the end.
    pub(crate) is_whole: bool,
}

impl Request {
    pub(crate) fn parse(connection: usize, head: Vec<u8>) -> Self {
        let (line, fields) = Fields::parse(&head);
        let mut words = line.split(' ').map(str::to_owned);
        let method = words.next().unwrap_or_default();
        let target = words.next().unwrap_or_default();
        Self {
            connection,
            head,
            method,
            target,
            fields,
            body: Vec::new(),
            is_whole: false,
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.fields.find(name)
    }
}

/// Something that an origin waits at until the test opens it, once for each wait.
#[derive(Clone, Debug)]
pub(crate) struct Gate(Arc<Semaphore>);

impl Gate {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets one waiting origin go on, now or when it comes.
    pub(crate) fn open(&self) {
        self.0.add_permits(1);
    }

    /// Lets everyone go on from now on.
    pub(crate) fn open_for_all(&self) {
        self.0.add_permits(10_000);
    }

    pub(crate) async fn pass(&self) {
        self.0.acquire().await.unwrap().forget();
    }
}

/// What an origin does with one request.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    steps: Vec<Step>,
    closes: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Head { status: u16, fields: String },
    Body(Vec<u8>),
    Raw(Vec<u8>),
    Pass(Gate),
    Hang,
}

/// Begins an answer with a status.
pub(crate) fn answer(status: u16) -> Answer {
    Answer {
        steps: vec![Step::Head {
            status,
            fields: String::new(),
        }],
        closes: false,
    }
}

impl Answer {
    fn of(step: Step) -> Self {
        Self {
            steps: vec![step],
            closes: true,
        }
    }

    /// These very bytes, and then the end of the connection.
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::of(Step::Raw(bytes.into()))
    }

    /// Leaves the connection open afterwards.
    pub(crate) fn stays(mut self) -> Self {
        self.closes = false;
        self
    }

    /// The end of the connection without a byte.
    pub(crate) fn none() -> Self {
        Self::of(Step::Raw(Vec::new()))
    }

    /// Neither a byte nor an end, until the other side ends.
    pub(crate) fn never() -> Self {
        Self::of(Step::Hang)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        if let Some(Step::Head { fields, .. }) = self.steps.last_mut() {
            fields.push_str(&format!("{name}: {value}\r\n"));
        }
        self
    }

    pub(crate) fn headers(self, fields: &[(&str, &str)]) -> Self {
        fields
            .iter()
            .fold(self, |answer, (name, value)| answer.header(name, value))
    }

    /// A body of known length.
    pub(crate) fn body(self, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref().to_vec();
        self.header("Content-Length", &body.len().to_string())
            .then(Step::Body(body))
    }

    /// A body in chunks, each of them after the gate was opened once.
    pub(crate) fn chunks(self, gate: &Gate, chunks: &[&str]) -> Self {
        let mut answer = self.header("Transfer-Encoding", "chunked");
        for chunk in chunks {
            let framed = format!("{:x}\r\n{chunk}\r\n", chunk.len());
            answer = answer
                .then(Step::Pass(gate.clone()))
                .then(Step::Body(framed.into_bytes()));
        }
        answer.then(Step::Body(b"0\r\n\r\n".to_vec()))
    }

    /// The same, but only once the gate was opened.
    pub(crate) fn behind(mut self, gate: &Gate) -> Self {
        self.steps.insert(0, Step::Pass(gate.clone()));
        self
    }

    /// Ends the connection afterwards.
    pub(crate) fn close(mut self) -> Self {
        self.closes = true;
        self
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Plays it; tells whether the connection goes on.
    pub(crate) async fn play(self, wire: &mut Wire, method: &str) -> bool {
        let mut has_body = method != "HEAD";
        for step in self.steps {
            let sent = match step {
                Step::Head { status, mut fields } => {
                    has_body &= status >= 200 && status != 204 && status != 304;
                    if has_body && !fields.contains("Content-Length") && !fields.contains("Transfer-Encoding") {
                        fields.push_str("Content-Length: 0\r\n");
                    }
                    wire.write(format!("HTTP/1.1 {status} Scripted\r\n{fields}\r\n").as_bytes())
                        .await
                }
                Step::Body(bytes) if has_body => wire.write(&bytes).await,
                Step::Body(_) => Ok(()),
                Step::Raw(bytes) => wire.write(&bytes).await,
                Step::Pass(gate) => {
                    gate.pass().await;
                    Ok(())
                }
                Step::Hang => {
                    wire.rest().await;
                    return false;
                }
            };
            if sent.is_err() {
                return false;
            }
        }
        !self.closes
    }
}
