//! One round: what was spent is told, what is wanted is asked, and how the counts stand is taken in.
//!
//! Everything of a round goes to the store in one piece and is executed there in order: first what was spent, then what
//! is asked. The next round begins when all of it was answered, so what is taken in is never older than what there is.

use std::time::Duration;

use redis::{Pipeline, Value};

use super::Asked;
use super::connection::{Connection, PREFIX, StoreError};
use super::courier::Courier;
use super::script::{Counter, Reply, Request, Verb};
use crate::quota::clock::Moment;
use crate::quota::hold::{Hold, Keys, Taken};
use crate::quota::key::Key;
use crate::quota::sharing::Due;
use crate::quota::standing::{Answer, Refusal, Retry, Standing, Standings, seconds};

/// What goes to the store at once, and what comes of it.
#[derive(Default)]
struct Round {
    commands: Pipeline,
    reports: Vec<(Vec<Due>, Vec<Counter>)>,
    asks: Vec<(Asked, Vec<Key>, Vec<Counter>)>,
}

impl Courier {
    /// Runs a round; returns what is to be asked again.
    pub(super) async fn round(
        &mut self,
        connection: &mut Connection,
        asks: Vec<Asked>,
    ) -> Result<Vec<Asked>, StoreError> {
        self.forget(connection).await?;
        let (due, next) = self.ledger.due(self.next, AT_ONCE);
        self.next = next;
        let now = self.ledger.agreed(self.clock.now());
        let mut round = Round::default();
        self.add_beat(&mut round, connection);
        self.add_reports(&mut round, (connection, now), due);
        for asked in asks {
            self.add_ask(&mut round, (connection, now), asked);
        }
        let answers = connection.run(&round.commands).await;
        let taken = answers.and_then(|answers| self.take_in(&mut round, &answers));
        if taken.is_err() {
            for (due, _) in &round.reports {
                self.ledger.unheard(due);
            }
        }
        taken
    }

    /// Has the store forget what was reset here.
    pub(super) async fn forget(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let forgotten = self.ledger.forgotten();
        if forgotten.is_empty() {
            return Ok(());
        }
        let mut commands = redis::pipe();
        for key in &forgotten {
            commands.cmd("DEL").arg(name(*key));
        }
        let told = connection.run(&commands).await;
        if told.is_err() {
            self.ledger.forget_elsewhere(&forgotten);
        }
        told.map(drop)
    }

    /// Says that this gateway is alive, and forgets those that are not.
    fn add_beat(&self, round: &mut Round, connection: &Connection) {
        let request = self.request(Verb::Beat, Vec::new());
        self.add(round, connection, (&[], &request));
    }

    fn add_reports(&self, round: &mut Round, (connection, now): (&Connection, Moment), due: Vec<Due>) {
        let mut due = due.into_iter().peekable();
        while due.peek().is_some() {
            let part: Vec<_> = due.by_ref().take(TOGETHER).collect();
            let keys: Vec<_> = part.iter().map(Due::key).collect();
            let counter = |due: &Due| match due {
                Due::Spent { quota, amount, .. } => Counter::new(quota, *amount, now),
                Due::UnderWay { held, .. } => Counter::under_way(*held),
            };
            let mut request = self.request(Verb::Report, part.iter().map(counter).collect());
            self.add(round, connection, (&keys, &request));
            round.reports.push((part, std::mem::take(&mut request.counters)));
        }
    }

    fn add_ask(&self, round: &mut Round, (connection, now): (&Connection, Moment), asked: Asked) {
        // Whoever asked has gone: nothing may be spent for nobody.
        if asked.answer.is_closed() {
            return;
        }
        let demands = asked.wanted.iter().map(super::Wanted::demand);
        let keys: Vec<_> = demands.map(|demand| self.ledger.counted_by(&demand, now)).collect();
        let counters = asked
            .wanted
            .iter()
            .map(|wanted| Counter::new(&wanted.quota, wanted.parts.1, now));
        let mut request = self.request(Verb::Ask, counters.collect());
        self.add(round, connection, (&keys, &request));
        round.asks.push((asked, keys, std::mem::take(&mut request.counters)));
    }

    /// Raises what the store knows of a part of the ledger to what this gateway knows; tells whether there are more.
    pub(super) async fn raise(&self, connection: &mut Connection, number: usize) -> Result<bool, StoreError> {
        let Some(known) = self.ledger.known(number, self.clock.now()) else {
            return Ok(false);
        };
        for part in known.chunks(TOGETHER) {
            let mut round = Round::default();
            let keys: Vec<_> = part.iter().map(|(key, _)| *key).collect();
            let counters = part.iter().map(|(_, shape)| Counter::known(shape)).collect();
            let request = self.request(Verb::Raise, counters);
            self.add(&mut round, connection, (&keys, &request));
            connection.run(&round.commands).await?;
        }
        Ok(true)
    }

    fn request(&self, verb: Verb, counters: Vec<Counter>) -> Request {
        Request {
            verb,
            gateway: self.gateway.clone(),
            patience: u64::try_from(ALIVE.as_micros()).unwrap_or(u64::MAX),
            counters,
        }
    }

    fn add(&self, round: &mut Round, connection: &Connection, (keys, request): (&[Key], &Request)) {
        let command = round
            .commands
            .cmd("EVALSHA")
            .arg(&connection.script)
            .arg(keys.len() + 1);
        for key in keys {
            command.arg(name(*key));
        }
        // Plain values of ours can always be written.
        let request = serde_json::to_string(request).unwrap_or_default();
        command.arg(format!("{PREFIX}gateways")).arg(request);
    }

    /// Takes in what was answered, in the order of the commands.
    fn take_in(&self, round: &mut Round, answers: &[Value]) -> Result<Vec<Asked>, StoreError> {
        let mut answers = answers.iter();
        let mut read = || Reply::read(answers.next().ok_or(StoreError::Strange)?);
        let beat = read()?;
        let now = self.clock.now();
        self.ledger.set_ahead(beat.now.saturating_sub(now.wall));
        let now = self.ledger.agreed(now);
        while !round.reports.is_empty() {
            let reply = read()?;
            let (due, counters) = round.reports.remove(0);
            self.hear(due, &counters, &reply, now);
        }
        let mut again = Vec::new();
        for (asked, keys, counters) in round.asks.drain(..) {
            let reply = read()?;
            if reply.verdict >= 0 {
                self.answer(asked, (&keys, &counters), &reply, now);
            } else if !asked.was_late {
                let was_late = true;
                again.push(Asked { was_late, ..asked });
            }
        }
        Ok(again)
    }

    fn hear(&self, due: Vec<Due>, counters: &[Counter], reply: &Reply, now: Moment) {
        let mut late = Vec::new();
        for ((due, counter), told) in due.into_iter().zip(counters).zip(&reply.told) {
            match (&due, told) {
                (Due::UnderWay { key, held }, Some(told)) => {
                    self.ledger.heard_elsewhere((*key, *held), told.elsewhere());
                }
                (Due::Spent { .. }, Some(told)) => self.ledger.heard(&due, &counter.shape(told), now),
                // Its window is past by the clock of the store, which is known by now.
                (Due::Spent { .. } | Due::UnderWay { .. }, None) => late.push(due),
            }
        }
        self.ledger.unheard(&late);
    }

    /// Answers who asked, and takes in how the counts stand.
    fn answer(&self, asked: Asked, (keys, counters): (&[Key], &[Counter]), reply: &Reply, now: Moment) {
        let mut standings = Standings::new();
        let mut held = Keys::new();
        let is_granted = reply.verdict == 0;
        for (((wanted, key), counter), told) in asked.wanted.iter().zip(keys).zip(counters).zip(&reply.told) {
            let Some(told) = told else { continue };
            let (quota, limit) = (&wanted.quota, wanted.quota.limit());
            standings.push(Standing {
                quota: limit.quota(),
                remaining: limit.quota().saturating_sub(told.used),
                reset: if limit.is_concurrent() { 0 } else { seconds(told.life) },
                is_over: told.used > limit.quota(),
                is_shared: *key == quota.overflow(),
            });
            if !limit.is_concurrent() {
                self.ledger.granted((*key, quota), &counter.shape(told), now);
            } else if is_granted && wanted.parts.1 > 0 {
                self.ledger.hold_granted(*key);
                held.push(*key);
            }
        }
        let taken = Taken {
            keys: held,
            ..Taken::default()
        };
        let result = match usize::try_from(reply.verdict).unwrap_or_default().checked_sub(1) {
            None => Ok(Hold::new(&self.ledger, taken)),
            Some(demand) => Err(Refusal {
                demand,
                retry: retry(reply.wait),
            }),
        };
        // Where nobody waits any more, what is under way ends here; what is spent stays spent.
        drop(asked.answer.send(Answer { standings, result }));
    }
}

fn retry(wait: i64) -> Retry {
    match u64::try_from(wait) {
        Ok(micros) => Retry::after(micros),
        Err(_) if wait == -2 => Retry::Release,
        Err(_) => Retry::Never,
    }
}

fn name(key: Key) -> String {
    format!("{PREFIX}{key}")
}

/// A gateway that was not heard of for so long has no requests under way.
pub(super) const ALIVE: Duration = Duration::from_secs(5);

/// So many counts are told in a round; the others in the next.
const AT_ONCE: usize = 2_000;

/// So many counts are told by one command: the store answers nobody else meanwhile.
const TOGETHER: usize = 50;
