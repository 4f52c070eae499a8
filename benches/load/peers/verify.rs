//! Shows that a peer does a kind of work: on a small example, in front of an origin that remembers what it was asked.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::bodies;
use super::http2;
use super::issuer::Issuer;
use super::tls;
use super::websocket;
use super::witness::{LARGE, SMALL, Witness};
use super::{Absent, Fault, Guard, Kind, Peer, Started, Work};
use crate::client::Client;

/// More calls than the thousand after which some close a connection.
const CALLS: usize = 1_500;
const LIMIT: u32 = 5;
const ROUTES: usize = 20;
const CLOSED: &str = "/guarded/1.0/closed";

/// Tries one kind of work with one peer.
pub(crate) async fn verify(peer: &Peer, kind: Kind) -> Result<(), Absent> {
    let witness = Witness::start().await?;
    let issuer = Issuer::new()?;
    let work = example(kind, &issuer)?;
    let started = peer.start(&work, witness.address).await?;
    let trial = Trial { started, witness };
    let done = timeout(PATIENCE, trial.of(&work, &issuer)).await;
    let done = done.unwrap_or_else(|_| Err(format!("no end after {} s", PATIENCE.as_secs()).into()));
    done.map_err(|why| Absent::Wrong(why.to_string()))
}

/// One that never answers may not keep the others from being measured.
const PATIENCE: Duration = Duration::from_secs(30);

fn example(kind: Kind, issuer: &Issuer) -> Result<Work, Fault> {
    Ok(match kind {
        Kind::Open => Work::Open,
        Kind::Bodies => Work::Bodies,
        Kind::Full(window) => Work::Full(Guard {
            window,
            ..issuer.guard(LIMIT)?
        }),
        Kind::Hit => Work::Hit,
        Kind::Tls => Work::Tls(tls::certificate()?),
        Kind::Http2 => Work::Http2,
        Kind::WebSocket => Work::WebSocket,
        Kind::Routes => Work::Routes(ROUTES),
    })
}

struct Trial {
    started: Started,
    witness: Witness,
}

impl Trial {
    async fn of(&self, work: &Work, issuer: &Issuer) -> Result<(), Fault> {
        let address = self.started.process.address;
        match work {
            Work::Open => self.open().await,
            Work::Bodies => bodies::verify(address, &self.witness).await,
            Work::Full(_) => self.full(issuer).await,
            Work::Hit => self.hits().await,
            Work::Tls(certificate) => tls::verify(address, certificate).await,
            Work::Http2 => http2::verify(address, &self.witness).await,
            Work::WebSocket => websocket::verify(address, &self.witness).await,
            Work::Routes(count) => self.routes(*count).await,
        }
    }

    /// One connection of the caller holds, and few to the origin suffice for it.
    async fn open(&self) -> Result<(), Fault> {
        let mut client = Client::connect(self.started.process.address).await?;
        for _ in 0..CALLS {
            expect("a call", client.call("/some/path?and=query").await?, 200)?;
        }
        let seen = self.witness.seen();
        expect("what the origin was asked", seen.paths.len(), CALLS)?;
        let path = seen.paths.last().map(String::as_str);
        expect("the path that came to the origin", path, Some("/some/path?and=query"))?;
        expect("few connections to the origin", seen.connections < 10, true)
    }

    async fn full(&self, issuer: &Issuer) -> Result<(), Fault> {
        let good = issuer.token("jti", "good")?;
        expect("a good token", self.call(CLOSED, &good).await?, (200, SMALL))?;
        let path = self.witness.seen().paths.pop();
        expect(
            "the path that came to the origin",
            path.as_deref(),
            Some("/base/closed"),
        )?;

        let spoilt = format!("{}AAAAAAAAAAAA", &good[..good.len() - 12]);
        let wrong = [
            ("no token", String::new()),
            ("a wrong signature", spoilt),
            ("another algorithm", issuer.forged()?),
            ("another issuer", issuer.token("iss", "https://elsewhere.example")?),
            ("a token that has ended", issuer.token("exp", 1_000_000_000)?),
        ];
        for (what, token) in wrong {
            expect(what, self.call(CLOSED, &token).await?.0, 401)?;
        }
        let narrow = issuer.token("scope", "write readonly")?;
        expect("a token without the scope", self.call(CLOSED, &narrow).await?.0, 403)?;

        // The first call was one of them; those that were refused are none.
        for _ in 1..LIMIT {
            expect("a call within the limit", self.call(CLOSED, &good).await?.0, 200)?;
        }
        let again = issuer.token("jti", "again")?;
        expect("a call beyond the limit", self.call(CLOSED, &again).await?.0, 429)?;
        let other = issuer.token("client_id", "other")?;
        expect("a call of another application", self.call(CLOSED, &other).await?.0, 200)?;
        expect(
            "what the origin was asked",
            self.witness.seen().paths.len(),
            LIMIT as usize + 1,
        )
    }

    async fn hits(&self) -> Result<(), Fault> {
        for (path, length) in [("/items/small", SMALL), ("/items/large", LARGE)] {
            expect("a first call", self.call(path, "").await?, (200, length))?;
            // Some keep an answer only after the caller has it.
            let deadline = Instant::now() + Duration::from_secs(5);
            while self.reaches_origin(path, length).await? {
                if Instant::now() > deadline {
                    return Err(format!("{path} is never answered without the origin").into());
                }
            }
            for _ in 0..5 {
                expect(
                    "whether a hit reaches the origin",
                    self.reaches_origin(path, length).await?,
                    false,
                )?;
            }
        }
        Ok(())
    }

    async fn reaches_origin(&self, path: &str, length: usize) -> Result<bool, Fault> {
        let before = self.witness.seen().paths.len();
        expect("a call of what is kept", self.call(path, "").await?, (200, length))?;
        Ok(self.witness.seen().paths.len() > before)
    }

    async fn routes(&self, count: usize) -> Result<(), Fault> {
        for index in [0, 1, count - 1] {
            let path = format!("/api{index}/1.0/items/{index}");
            expect("a route", self.call(&path, "").await?, (200, SMALL))?;
            let (came, wanted) = (self.witness.seen().paths.pop(), format!("/base/items/{index}"));
            expect(
                "the path that came to the origin",
                came.as_deref(),
                Some(wanted.as_str()),
            )?;
        }
        for path in [&format!("/api{count}/1.0/items/0"), "/api1/2.0/items/0", "/"] {
            expect("a path without a route", self.call(path, "").await?.0, 404)?;
        }
        Ok(())
    }

    /// Calls with a token, if it is not empty, and returns the status and the length of the body.
    async fn call(&self, path: &str, token: &str) -> Result<(u16, usize), Fault> {
        let mut client = Client::connect(self.started.process.address).await?;
        let field = match token {
            "" => String::new(),
            token => format!("Authorization: Bearer {token}\r\n"),
        };
        let request = format!("GET {path} HTTP/1.1\r\nHost: bench.example\r\n{field}\r\n");
        let (status, body) = client.exchange(&request).await?;
        Ok((status, body.len()))
    }
}

pub(super) fn expect<T: Copy + Debug + PartialEq>(what: &str, found: T, wanted: T) -> Result<(), Fault> {
    if found == wanted {
        return Ok(());
    }
    Err(format!("{what}: {found:?}, and not {wanted:?}").into())
}
