//! The report as one page that needs nothing else: plots as SVG within it, no scripts, nothing from elsewhere.

use askama::Template;

use super::plot::{Curves, Strip, curves, strip};
use super::table::{cells, heads};
use super::{Report, Told, Verdict};
use crate::Result;

/// Writes the page.
pub(crate) fn page(report: &Report) -> Result<String> {
    let sections = report.scenarios.iter().map(section).collect();
    let page = Page {
        setting: report.setting(),
        is_dev: report.profile != "release",
        sections,
    };
    Ok(page.render()?)
}

#[derive(Template)]
#[template(path = "report.html", config = "benches/load/report/askama.toml")]
struct Page {
    setting: String,
    is_dev: bool,
    sections: Vec<Section>,
}

struct Section {
    name: String,
    question: String,
    errors: f64,
    aims: Vec<(&'static str, String)>,
    notes: Vec<String>,
    strips: Vec<Strip>,
    curves: Option<Curves>,
    /// As in the table that is printed.
    heads: Vec<String>,
    cells: Vec<Vec<String>>,
}

fn section(told: &Told) -> Section {
    let curves = curves(told);
    // Percentiles are one plot together, where there are several.
    let is_strip = |what: &str| curves.is_none() || !what.starts_with("latency");
    let strips = told.measured().into_iter().filter(|(what, _)| is_strip(what));
    let aim = |aim| {
        let class = match told.verdict(aim) {
            Verdict::Met(_) => "met",
            Verdict::Missed(_) => "missed",
            Verdict::Open => "unknown",
        };
        (class, told.sentence(aim))
    };
    Section {
        name: told.name.clone(),
        question: told.question.clone(),
        errors: told.errors(),
        aims: told.aims.iter().map(aim).collect(),
        notes: told.notes.clone(),
        strips: strips.map(|measured| strip(told, measured)).collect(),
        heads: heads(told),
        cells: cells(told),
        curves,
    }
}
