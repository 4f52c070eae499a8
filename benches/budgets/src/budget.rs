//! The budgets of `budgets.toml`, and what is said of counts that are held against them.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::fs;

use crate::{Count, Result};

/// What may be spent on what, by name.
pub(crate) struct Budgets(BTreeMap<String, u64>);

/// What is said of some counts.
pub(crate) struct Verdict(Vec<Line>);

struct Line {
    name: &'static str,
    counted: u64,
    budget: Option<u64>,
}

impl Budgets {
    /// Reads the file.
    pub(crate) fn read() -> Result<Self> {
        let text = fs::read_to_string(PATH).map_err(|e| format!("{FILE}: {e}"))?;
        Ok(Self(toml::from_str(&text).map_err(|e| format!("{FILE}: {e}"))?))
    }

    /// Returns the names that there are budgets for.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Holds counts against their budgets.
    pub(crate) fn judge(&self, counts: &[Count]) -> Verdict {
        let line = |&(name, counted)| Line {
            name,
            counted,
            budget: self.0.get(name).copied(),
        };
        Verdict(counts.iter().map(line).collect())
    }

    /// Writes counts into the file as the new budgets, each in its place; new ones come last.
    pub(crate) fn accept(counts: &[Count]) -> Result<()> {
        let text = fs::read_to_string(PATH)?;
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for (name, counted) in counts {
            let line = format!("{name} = {counted}");
            println!("{line}");
            let is_its = |line: &&mut String| line.split('=').next().is_some_and(|key| key.trim() == *name);
            match lines.iter_mut().find(is_its) {
                Some(old) => *old = line,
                None => lines.push(line),
            }
        }
        Ok(fs::write(PATH, lines.join("\n") + "\n")?)
    }
}

impl Verdict {
    /// Tells whether every budget was kept.
    pub(crate) fn is_kept(&self) -> bool {
        !self.0.iter().any(Line::is_broken)
    }
}

impl Display for Verdict {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        let broken: Vec<_> = self
            .0
            .iter()
            .filter(|line| line.is_broken())
            .map(|line| line.name)
            .collect();
        if broken.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\n{} of {} budgets are not kept. Where what was gained is worth it, say so in the commit, and write the new \
             ones into {FILE}:\n  make budgets BUDGETS=\"--accept {}\"",
            broken.len(),
            self.0.len(),
            broken.join(" ")
        )
    }
}

impl Line {
    fn is_broken(&self) -> bool {
        self.budget
            .is_none_or(|budget| self.counted > budget + (budget * MORE / 100).max(LITTLE))
    }

    fn is_generous(&self) -> bool {
        self.budget
            .is_some_and(|budget| self.counted < budget - budget * LESS / 100)
    }
}

impl Display for Line {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { name, counted, budget } = self;
        let Some(budget) = budget else {
            return write!(f, "FAILED {name:24} {counted:>12} instructions, and no budget");
        };
        let word = if self.is_broken() { "FAILED" } else { "ok" };
        let permille = (i128::from(*counted) - i128::from(*budget)) * 1000 / i128::from((*budget).max(1));
        let (sign, tenths) = (if permille < 0 { '-' } else { '+' }, permille.abs());
        let percent = format!("{sign}{}.{} %", tenths / 10, tenths % 10);
        write!(
            f,
            "{word:6} {name:24} {counted:>12} instructions, budget {budget}, {percent}"
        )?;
        if self.is_broken() {
            write!(f, ": {} more, of which {MORE} % are let pass", counted - budget)?;
        }
        if self.is_generous() {
            write!(f, ": lower the budget to {counted}")?;
        }
        Ok(())
    }
}

/// So many per cent above a budget are let pass: processors, compilers, C libraries and seeds of hashers differ by less.
const MORE: u64 = 10;
/// And so many instructions, whatever the budget: a compiler spills a register more or less.
const LITTLE: u64 = 30;
/// So many per cent below it, it has become a budget of nothing.
const LESS: u64 = 10;
/// The file, as it is called.
pub(crate) const FILE: &str = "benches/budgets/budgets.toml";
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/budgets.toml");
