//! The report as text: a line for each figure, a column for each side, and one for each ratio of the first to another.

use super::{Report, Told, shown};
use crate::figure::{Figure, Spread};

/// Writes one scenario.
pub(crate) fn section(told: &Told) -> String {
    let mut rows = vec![heads(told)];
    rows.extend(cells(told));
    let mut text = format!("\n{}: {}\n{}", told.name, told.question, aligned(&rows));
    for aim in &told.aims {
        text += &format!("  aim: {}\n", told.sentence(aim));
    }
    for note in &told.notes {
        text += &format!("  note: {note}\n");
    }
    if told.errors() > 0.0 {
        text += &format!("  ERRORS: {} calls did not get the right answer\n", told.errors());
    }
    text
}

/// Returns what stands above the columns.
pub(super) fn heads(told: &Told) -> Vec<String> {
    let sides = told.sides();
    let mut heads = vec![String::new()];
    heads.extend(sides.iter().map(|&side| side.to_owned()));
    heads.extend(sides.iter().skip(1).map(|side| format!("ratio to {side}")));
    heads
}

/// Returns the rows below: what was measured, each side's spread, and the ratios.
pub(super) fn cells(told: &Told) -> Vec<Vec<String>> {
    let sides = told.sides();
    let cell = |spread: Option<Spread>| spread.map_or_else(|| "-".to_owned(), shown);
    let row = |(what, unit): (&str, &str)| {
        let values = sides.iter().map(|side| told.find(side, what).and_then(Figure::spread));
        let ratios = sides.iter().skip(1).map(|side| told.ratio(side, what));
        let mut row = vec![format!("{what} {unit}").trim_end().to_owned()];
        row.extend(values.chain(ratios).map(cell));
        row
    };
    told.measured().into_iter().map(row).collect()
}

/// Puts cells below each other, two spaces apart.
pub(super) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!("  {cell:<width$}"));
        text += cells.collect::<String>().trim_end();
        text.push('\n');
    }
    text
}

/// Holds this file to what it says.
pub(super) fn check(report: &Report) {
    let expected = "
open: How much?
               ours              bare               ratio to bare
  CPU us/req  15.0 (10.0-24.0)  10.0 (5.00-20.0)  1.50 (1.20-2.00)
";
    let text = section(&report.scenarios[0]);
    let lines = |text: &str| -> Vec<Vec<String>> {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
        text.lines().take(4).map(words).collect()
    };
    assert_eq!(lines(&text), lines(expected));
    assert!(
        text.contains("  aim: CPU at most 5: missed") && text.contains("  note: a note") && !text.contains("ERRORS")
    );
    let rows = [
        ["a".to_owned(), "b".to_owned()].to_vec(),
        ["long".to_owned(), "c".to_owned()].to_vec(),
    ];
    assert_eq!(aligned(&rows), "  a     b\n  long  c\n");
}
