//! What the script is asked, and what it answers: limits and counts as it knows them.
//!
//! The script counts in the numbers of Lua, which are exact up to 2^53. Figures beyond it are taken for that, and a
//! bucket's time is counted in ticks that are long enough.

use redis::Value;
use serde::Serialize;

use super::connection::StoreError;
use crate::quota::clock::Moment;
use crate::quota::demand::Quota;
use crate::quota::limit::Kind;
use crate::quota::shape::Shape;

/// What the script is to do.
#[derive(Debug, Serialize)]
pub(super) struct Request {
    pub(super) verb: Verb,
    pub(super) gateway: String,
    /// How long a gateway is taken for alive that is not heard of, in microseconds.
    pub(super) patience: u64,
    pub(super) counters: Vec<Counter>,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verb {
    Ask,
    Beat,
    Raise,
    Report,
}

/// A counter with the figures that it is held against.
#[derive(Debug, Default, Serialize)]
pub(super) struct Counter {
    kind: &'static str,
    quota: u64,
    amount: u64,
    soft: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finish: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tick: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    known: Vec<i64>,
}

/// How a counter stands in the store.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) used: u64,
    /// In how many microseconds nothing is in force any more.
    pub(super) life: u64,
    rest: Vec<i64>,
}

/// What the script answers.
#[derive(Debug)]
pub(super) struct Reply {
    /// Microseconds since 1970 by the clock of the store.
    pub(super) now: i64,
    /// 0 where all was spent, or the place of the first demand that could not be met, from 1.
    pub(super) verdict: i64,
    /// How long until it can be: microseconds; -1: never, -2: when something is given back.
    pub(super) wait: i64,
    /// Each counter; none where a calendar window was past.
    pub(super) told: Vec<Option<Told>>,
}

impl Counter {
    /// A counter of a quota, which is to be spent so much of; the moment chooses a calendar's window.
    pub(super) fn new(quota: &Quota, amount: u64, now: Moment) -> Self {
        let most = quota.limit().quota().min(EXACT);
        let counter = Self {
            quota: most,
            amount: amount.min(EXACT),
            soft: quota.is_soft(),
            ..Self::default()
        };
        match quota.limit().kind() {
            Kind::Calendar { calendar, .. } => {
                let bounds = calendar.window(now.wall_seconds());
                counter.in_window(bounds.start, bounds.end)
            }
            Kind::Concurrent { .. } => Self { kind: "u", ..counter },
            Kind::Sliding { window, .. } => Self {
                kind: "w",
                window: Some(*window),
                ..counter
            },
            Kind::Tokens { rate, per, .. } => {
                let tick = tick(most, *per);
                Self {
                    kind: "b",
                    rate: Some((*rate).min(EXACT)),
                    parts: Some(per.div_ceil(tick)),
                    tick: Some(tick),
                    ..counter
                }
            }
        }
    }

    /// So many are under way in this gateway.
    pub(super) fn under_way(held: u64) -> Self {
        Self {
            kind: "u",
            held: Some(held),
            ..Self::default()
        }
    }

    /// What this gateway knows to be in force.
    pub(super) fn known(shape: &Shape) -> Self {
        match shape {
            Shape::Bucket {
                missing,
                per,
                age,
                full,
            } => {
                let all = u64::try_from(missing.div_ceil(u128::from(*per))).unwrap_or(EXACT);
                let tick = tick(all, *per);
                let missing = i64::try_from(missing.div_ceil(u128::from(tick))).unwrap_or(i64::MAX >> 10);
                Self {
                    kind: "b",
                    parts: Some(per.div_ceil(tick)),
                    known: vec![missing, *age, full.saturating_neg().min(LONGEST)],
                    ..Self::default()
                }
            }
            Shape::Tally {
                window: (start, end),
                amount,
            } => Self {
                kind: "c",
                known: vec![signed(*amount)],
                ..Self::default()
            }
            .in_window(*start, *end),
            Shape::Window { window, spent, .. } => Self {
                kind: "w",
                window: Some(*window),
                known: spent.iter().flat_map(|(age, amount)| [*age, signed(*amount)]).collect(),
                ..Self::default()
            },
        }
    }

    fn in_window(self, start: i64, end: i64) -> Self {
        let micros = |second: i64| second.saturating_mul(1_000_000).clamp(0, signed(EXACT));
        Self {
            kind: "c",
            start: Some(micros(start)),
            finish: Some(micros(end)),
            ..self
        }
    }

    /// Returns what the store says is in force of a quota, as it was asked by this counter.
    pub(super) fn shape(&self, told: &Told) -> Shape {
        let at = |place: usize| told.rest.get(place).copied().unwrap_or_default();
        if let Some(window) = self.window {
            let pairs = told.rest.chunks_exact(2).filter_map(|pair| match pair {
                [age, amount] => Some((*age, amount.unsigned_abs())),
                _ => None,
            });
            return Shape::Window {
                window,
                is_exact: false,
                spent: pairs.collect(),
            };
        }
        if let (Some(start), Some(finish)) = (self.start, self.finish) {
            return Shape::Tally {
                window: (start / 1_000_000, finish / 1_000_000),
                amount: told.used,
            };
        }
        Shape::Bucket {
            missing: u128::from(at(0).unsigned_abs()),
            per: self.parts.unwrap_or(1),
            age: at(1),
            full: at(2).saturating_neg(),
        }
    }
}

impl Told {
    /// Returns how many are under way in other gateways.
    pub(super) fn elsewhere(&self) -> u64 {
        self.rest.first().map_or(0, |others| others.unsigned_abs())
    }
}

impl Reply {
    /// Reads an answer.
    pub(super) fn read(value: &Value) -> Result<Self, StoreError> {
        let Value::Array(items) = value else {
            return Err(StoreError::Strange);
        };
        let number = |place: usize| items.get(place).map_or(Err(StoreError::Strange), read_number);
        let told = items.get(3..).unwrap_or_default().iter().map(read_told);
        Ok(Self {
            now: number(0)?,
            verdict: number(1)?,
            wait: number(2)?,
            told: told.collect::<Result<_, _>>()?,
        })
    }
}

fn read_told(value: &Value) -> Result<Option<Told>, StoreError> {
    let Value::Array(items) = value else {
        return Err(StoreError::Strange);
    };
    let numbers = items.iter().map(read_number).collect::<Result<Vec<_>, _>>()?;
    Ok(match numbers.as_slice() {
        [used, life, rest @ ..] => Some(Told {
            used: used.unsigned_abs(),
            life: life.unsigned_abs(),
            rest: rest.to_vec(),
        }),
        _ => None,
    })
}

fn read_number(value: &Value) -> Result<i64, StoreError> {
    let Value::Int(number) = value else {
        return Err(StoreError::Strange);
    };
    Ok(*number)
}

/// Returns how many microseconds a bucket's tick lasts, so that all its parts are counted exactly.
fn tick(capacity: u64, per: u64) -> u64 {
    let fits = |tick: &&u64| u128::from(capacity) * u128::from(per.div_ceil(**tick)) <= u128::from(EXACT);
    *TICKS.iter().find(fits).unwrap_or(&1_000_000)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number.min(EXACT)).unwrap_or(i64::MAX)
}

const TICKS: [u64; 2] = [1, 1_000];

/// Whole numbers are exact up to here in Lua.
const EXACT: u64 = (1 << 53) - 1;

/// Ten years, in microseconds.
const LONGEST: i64 = 3_660 * 86_400 * 1_000_000;
