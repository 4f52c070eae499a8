//! A report of nobody, which the views are held against.

use super::{Aim, Report, Told};
use crate::figure::Figure;

/// Makes it: two sides, three rounds, one figure.
pub(super) fn report() -> Report {
    let figure = |side: &str, values: [f64; 3]| Figure {
        side: side.to_owned(),
        what: "CPU".to_owned(),
        unit: "us/req".to_owned(),
        values: values.to_vec(),
    };
    let aim = |against: Option<&str>, at_most| Aim {
        what: "CPU".to_owned(),
        against: against.map(str::to_owned),
        at_most,
    };
    let told = Told {
        name: "open".to_owned(),
        question: "How much?".to_owned(),
        aims: vec![aim(Some("bare"), 1.5), aim(None, 5.0), aim(Some("absent"), 1.0)],
        notes: vec!["a note".to_owned()],
        figures: vec![figure("ours", [10.0, 15.0, 24.0]), figure("bare", [5.0, 10.0, 20.0])],
    };
    Report {
        version: "1.0".to_owned(),
        profile: "release".to_owned(),
        date: "2026-01-01".to_owned(),
        machine: "a machine".to_owned(),
        rounds: 3,
        seconds: 1.0,
        scenarios: vec![told],
    }
}
