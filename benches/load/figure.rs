//! What was measured, as plain values: a figure is one thing of one side, once for each round.
//!
//! No figure is ever a single number: what is shown is its spread, and ratios are of pairs of the same round, so that a
//! machine that slows down meets both sides alike.

use serde::{Deserialize, Serialize};

/// What is measured, and in which unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct What {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
}

impl What {
    /// Names it.
    pub(crate) const fn new(name: &'static str, unit: &'static str) -> Self {
        Self { name, unit }
    }
}

/// One thing of one side, once for each round.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Figure {
    pub(crate) side: String,
    pub(crate) what: String,
    pub(crate) unit: String,
    pub(crate) values: Vec<f64>,
}

/// The least, the middle and the most of some values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// Returns the spread of these values, if there are any.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        };
        Some(Self { min, median, max })
    }

    /// Tells whether some value could be of both.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.min <= other.max && other.min <= self.max
    }
}

impl Figure {
    /// Returns the spread over the rounds.
    pub(crate) fn spread(&self) -> Option<Spread> {
        Spread::of(&self.values)
    }

    /// Returns the spread of the ratios to another side, each of two values of one round.
    pub(crate) fn ratio(&self, other: &Self) -> Option<Spread> {
        // A round that one of them lacks would pair the others wrongly.
        if self.values.len() != other.values.len() || other.values.contains(&0.0) {
            return None;
        }
        let pairs = self.values.iter().zip(&other.values);
        Spread::of(&pairs.map(|(ours, theirs)| ours / theirs).collect::<Vec<_>>())
    }
}

/// What scenarios find out: figures that grow by a value each round, and what has to be said beside them.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) figures: Vec<Figure>,
    pub(crate) notes: Vec<String>,
}

impl Findings {
    /// Adds the value of one more round.
    pub(crate) fn record(&mut self, side: &str, what: What, value: f64) {
        let known = self
            .figures
            .iter_mut()
            .find(|figure| figure.side == side && figure.what == what.name);
        match known {
            Some(figure) => figure.values.push(value),
            None => self.figures.push(Figure {
                side: side.to_owned(),
                what: what.name.to_owned(),
                unit: what.unit.to_owned(),
                values: vec![value],
            }),
        }
    }

    /// Says something beside the figures, once.
    pub(crate) fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

/// Holds this file to what it says.
pub(crate) fn check() {
    let figure = |values: &[f64]| Figure {
        side: String::new(),
        what: String::new(),
        unit: String::new(),
        values: values.to_vec(),
    };
    let spread = |min, median, max| Some(Spread { min, median, max });
    assert_eq!(figure(&[3.0, 1.0, 2.0]).spread(), spread(1.0, 2.0, 3.0));
    assert_eq!(figure(&[4.0, 1.0]).spread(), spread(1.0, 2.5, 4.0));
    assert_eq!(figure(&[]).spread(), None);
    // By rounds: the machine was ten times slower in the second one.
    let (ours, theirs) = (figure(&[2.0, 20.0]), figure(&[1.0, 10.0]));
    assert_eq!(ours.ratio(&theirs), spread(2.0, 2.0, 2.0));
    assert_eq!(ours.ratio(&figure(&[1.0])), None, "a round is missing");
    assert_eq!(ours.ratio(&figure(&[1.0, 0.0])), None, "nothing is no yardstick");
    let (low, high) = (Spread::of(&[1.0, 2.0]), Spread::of(&[3.0]));
    assert!(low.zip(high).is_some_and(|(low, high)| !low.overlaps(&high)));
    let mut findings = Findings::default();
    for value in [1.0, 2.0] {
        findings.record("a side", What::new("CPU", "us"), value);
    }
    assert_eq!(findings.figures.len(), 1);
    assert_eq!(findings.figures[0].values, [1.0, 2.0]);
}
