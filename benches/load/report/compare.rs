//! Two runs beside each other: what changed, and what may have.
//!
//! Absolute figures of two runs differ by whatever else the machine did. So a change is only told where the spreads do
//! not touch, and ratios to yardsticks, of one run each, are compared as well.

use super::table::aligned;
use super::{Report, Told, number, shown};
use crate::figure::Spread;

/// Writes what became of the figures of an earlier run.
pub(crate) fn table(earlier: &Report, now: &Report) -> String {
    let mut text = format!("\nearlier: {}\nnow:     {}\n", earlier.setting(), now.setting());
    if earlier.machine != now.machine || earlier.profile != now.profile {
        text += "  note: another machine or another build: only the ratios to others can be compared\n";
    }
    for told in &now.scenarios {
        match earlier.scenarios.iter().find(|before| before.name == told.name) {
            Some(before) => text += &section(before, told),
            None => text += &format!("\n{}: not in the earlier run\n", told.name),
        }
    }
    text
}

fn section(before: &Told, told: &Told) -> String {
    let mut rows = vec![["", "side", "earlier", "now", "ratio", ""].map(str::to_owned).to_vec()];
    for (what, unit) in told.measured() {
        for side in told.sides() {
            let spread = |told: &Told| told.find(side, what)?.spread();
            rows.extend(row(&format!("{what} {unit}"), side, (spread(before), spread(told))));
        }
        for side in told.sides().into_iter().skip(1) {
            let ratios = (before.ratio(side, what), told.ratio(side, what));
            rows.extend(row(&format!("{what} as ratio"), &format!("to {side}"), ratios));
        }
    }
    format!("\n{}\n{}", told.name, aligned(&rows))
}

fn row(what: &str, side: &str, (before, now): (Option<Spread>, Option<Spread>)) -> Option<Vec<String>> {
    let (before, now) = (before?, now?);
    let ratio = if before.median == 0.0 {
        "-".to_owned()
    } else {
        number(now.median / before.median)
    };
    let word = if before.overlaps(&now) {
        "spreads touch"
    } else {
        "changed"
    };
    let cells = [what.trim_end(), side, &shown(before), &shown(now), &ratio, word];
    Some(cells.map(str::to_owned).to_vec())
}

/// Holds this file to what it says.
pub(super) fn check(report: &Report) {
    let same = table(report, report);
    assert!(same.contains("spreads touch") && !same.contains("changed") && !same.contains("another machine"));
    let mut other = super::sample::report();
    "another".clone_into(&mut other.machine);
    for value in &mut other.scenarios[0].figures[0].values {
        *value *= 10.0;
    }
    let text = table(report, &other);
    assert!(
        text.contains("15.0 (10.0-24.0)  150 (100-240)     10.0   changed"),
        "{text}"
    );
    assert!(text.contains("another machine"));
    other.scenarios[0].name.push('x');
    assert!(table(report, &other).contains("openx: not in the earlier run"));
}
