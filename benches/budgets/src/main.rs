//! Counts the instructions of what every request goes through, and holds them against `budgets.toml`.
//!
//! `make budgets` counts everything, and `make budgets BUDGETS="NAME..."` only this. `--accept` among the names writes
//! what was counted into the file, as the new budgets.
//!
//! Instructions are counted by callgrind, which runs them on a processor of its own: they do not hang on how fast the
//! machine is, on what else it does, or on where things lie in memory. They say nothing of waiting for memory; `make
//! bench` does. That processor has no instructions for SHA: what digests a token takes more of them here than elsewhere.

#![expect(clippy::expect_used, reason = "a bench ends at the first surprise")]
#![expect(clippy::print_stdout, reason = "counts are printed")]

mod budget;
mod callgrind;
mod deciding;
mod questions;
mod routing;
mod scratch;
mod world;

use std::error::Error;
use std::process::ExitCode;

use budget::Budgets;

/// The allocator of the gateway.
#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// What was counted: its name, and how many instructions it takes.
type Count = (&'static str, u64);

fn main() -> Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [first, name] = words.as_slice()
        && first == questions::ASK
    {
        questions::ask(name);
        return Ok(ExitCode::SUCCESS);
    }
    let is_accepting = words.iter().any(|word| word == "--accept");
    let named: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| *word != "--accept")
        .collect();
    if let Some(unknown) = named
        .iter()
        .find(|name| !questions::names().any(|known| known == **name))
    {
        let known: Vec<_> = questions::names().collect();
        return Err(format!("no budget `{unknown}`: there are {}", known.join(", ")).into());
    }
    let is_wanted = |name: &str| named.is_empty() || named.contains(&name);
    let counts = questions::count(is_wanted)?;
    if is_accepting {
        Budgets::accept(&counts)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !cfg!(target_arch = "x86_64") {
        println!("not held against budgets: they are of x86-64");
        return Ok(ExitCode::SUCCESS);
    }
    let budgets = Budgets::read()?;
    let verdict = budgets.judge(&counts);
    print!("{verdict}");
    let strangers: Vec<_> = budgets
        .names()
        .filter(|name| !questions::names().any(|known| known == *name))
        .collect();
    if !strangers.is_empty() {
        println!(
            "{} has budgets of what is not counted: {}",
            budget::FILE,
            strangers.join(", ")
        );
    }
    let is_kept = verdict.is_kept() && strangers.is_empty();
    Ok(if is_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
