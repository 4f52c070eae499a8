//! Where the marks of a plot go. Two kinds: all values of a figure, a row for each side; and percentiles as curves.
//!
//! Rows begin at zero, so that lengths can be compared. Curves are on a logarithmic scale: a tail is several times the
//! median.

use super::{Told, number, shown};
use crate::figure::Spread;

/// Where rows begin, and how long the largest value is.
pub(super) const LEFT: f64 = 170.0;
const LENGTH: f64 = 360.0;
const ROW: f64 = 22.0;

/// A figure: each value a dot, the medians marked.
#[derive(Debug)]
pub(super) struct Strip {
    pub(super) title: String,
    pub(super) height: f64,
    pub(super) rows: Vec<Row>,
}

/// A side's part of a figure.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) side: String,
    /// Which colour the side has.
    pub(super) colour: usize,
    pub(super) y: f64,
    pub(super) dots: Vec<f64>,
    pub(super) median: f64,
    pub(super) text: String,
}

/// Draws a figure.
pub(super) fn strip(told: &Told, (what, unit): (&str, &str)) -> Strip {
    let figures: Vec<_> = (told.sides().into_iter().enumerate())
        .filter_map(|(colour, side)| told.find(side, what).map(|figure| (colour, figure)))
        .collect();
    let all = figures.iter().flat_map(|(_, figure)| figure.values.iter().copied());
    let most = all.fold(f64::MIN_POSITIVE, f64::max);
    let x = |value: f64| LEFT + value / most * LENGTH;
    let rows: Vec<_> = figures
        .into_iter()
        .filter_map(|(colour, figure)| Some((colour, figure, figure.spread()?)))
        .enumerate()
        .map(|(place, (colour, figure, spread))| Row {
            side: figure.side.clone(),
            colour,
            y: ROW * (place as f64 + 0.5),
            dots: figure.values.iter().map(|&value| x(value)).collect(),
            median: x(spread.median),
            text: shown(spread),
        })
        .collect();
    Strip {
        title: format!("{what} {unit}").trim_end().to_owned(),
        height: ROW * rows.len() as f64,
        rows,
    }
}

/// Percentiles of latency, a curve for each side within the band of its rounds.
#[derive(Debug)]
pub(super) struct Curves {
    pub(super) unit: String,
    /// What stands below the plot, and where.
    pub(super) columns: Vec<(f64, String)>,
    /// What stands beside it.
    pub(super) lines: Vec<(f64, String)>,
    pub(super) sides: Vec<Curve>,
}

/// One side's percentiles.
#[derive(Debug)]
pub(super) struct Curve {
    pub(super) side: String,
    pub(super) colour: usize,
    pub(super) middle: String,
    pub(super) band: String,
    pub(super) key: f64,
}

const TOP: f64 = 14.0;
const BOTTOM: f64 = 204.0;
const COLUMN: f64 = 120.0;
const EDGE: f64 = 70.0;

/// Draws the percentiles, where several were measured.
pub(super) fn curves(told: &Told) -> Option<Curves> {
    let measured = told.measured().into_iter();
    let latencies: Vec<_> = measured.filter(|(what, _)| what.starts_with("latency ")).collect();
    let unit = latencies.get(1)?.1.to_owned();
    let spreads = |side: &str| -> Option<Vec<Spread>> {
        let each = latencies.iter().map(|(what, _)| told.find(side, what)?.spread());
        each.collect()
    };
    let sides: Vec<_> = (told.sides().into_iter().enumerate())
        .filter_map(|(colour, side)| Some((colour, side, spreads(side)?)))
        .collect();
    let all = || sides.iter().flat_map(|(_, _, spreads)| spreads);
    let least = all().map(|spread| spread.min).fold(f64::MAX, f64::min).max(0.1);
    let most = all().map(|spread| spread.max).fold(least * 2.0, f64::max);
    let (from, to) = (least.log10(), most.log10());
    let y = |value: f64| BOTTOM - (value.max(least).log10() - from) / (to - from) * (BOTTOM - TOP);
    let x = |column: usize| EDGE + COLUMN * column as f64;
    let points = |values: Vec<f64>| -> Vec<String> {
        let places = values.into_iter().enumerate();
        places
            .map(|(column, value)| format!("{:.1},{:.1}", x(column), y(value)))
            .collect()
    };
    let curve = |(place, (colour, side, spreads)): (usize, &(usize, &str, Vec<Spread>))| {
        let of = |value: fn(&Spread) -> f64| points(spreads.iter().map(value).collect());
        let mut band = of(|spread| spread.max);
        band.extend(of(|spread| spread.min).into_iter().rev());
        Curve {
            side: (*side).to_owned(),
            colour: *colour,
            middle: of(|spread| spread.median).join(" "),
            band: band.join(" "),
            key: TOP + 18.0 * place as f64,
        }
    };
    let columns = latencies.iter().enumerate();
    Some(Curves {
        unit,
        columns: columns
            .map(|(column, (what, _))| (x(column), what.replace("latency ", "")))
            .collect(),
        lines: marks(least, most)
            .into_iter()
            .map(|mark| (y(mark), number(mark)))
            .collect(),
        sides: sides.iter().enumerate().map(curve).collect(),
    })
}

/// Returns round numbers between two, and both when there would be few.
fn marks(least: f64, most: f64) -> Vec<f64> {
    let powers = (least.log10().floor() as i32)..=(most.log10().ceil() as i32);
    let round = powers.flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)));
    let mut within: Vec<_> = round.filter(|mark| (least..=most).contains(mark)).collect();
    if within.len() < 2 {
        within = vec![least, most];
    } else if within.len() > 8 {
        within.retain(|mark| (mark.log10() - mark.log10().round()).abs() < 1e-9);
    }
    within
}

/// Holds this file to what it says.
pub(super) fn check() {
    assert_eq!(marks(8.0, 120.0), [10.0, 20.0, 50.0, 100.0]);
    assert_eq!(marks(3.0, 4.0), [3.0, 4.0]);
    assert_eq!(marks(1.0, 20_000.0), [1.0, 10.0, 100.0, 1_000.0, 10_000.0]);
    let report = super::sample::report();
    let drawn = strip(&report.scenarios[0], ("CPU", "us/req"));
    assert_eq!(
        drawn.rows[0].dots[2],
        LEFT + LENGTH,
        "the largest value is as long as can be"
    );
    assert_eq!(
        drawn.rows[1].dots[1],
        LEFT + LENGTH * 10.0 / 24.0,
        "lengths begin at zero"
    );
    assert!(curves(&report.scenarios[0]).is_none(), "no latencies, no curves");
}
