//! The load test: the real binary, real sockets, figures that a reader can repeat.
//!
//! `cargo bench --bench load -- QUESTION...` with any of `cpu`, `token`, `tokens`, `tiers`, `hits`, `refusal`, `reload`,
//! `peers`, `edit`, `puts`, `writes`, `kills`, `memory`, `start`; all of them when none is named. Traffic stays on loopback and is bounded in count and time. Absolute figures are the machine's;
//! quote ratios of one run.

#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a load test ends at the first surprise, and prints"
)]

mod admin;
mod bare;
mod client;
mod cost;
mod cpu;
mod edit;
mod hits;
mod origin;
mod peers;
mod process;
mod reload;
mod start;
mod tiers;
mod token;

use std::error::Error;

const QUESTIONS: [&str; 14] = [
    "peers", "cpu", "token", "tokens", "tiers", "hits", "refusal", "reload", "edit", "puts", "writes", "kills",
    "memory", "start",
];

/// Those that compare what calls cost a process.
const COSTS: [&str; 6] = ["cpu", "token", "tokens", "hits", "refusal", "tiers"];

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

fn main() -> Outcome {
    // What `cargo bench -- --test` asks of every bench: run once, measure nothing.
    if std::env::args().any(|word| word == "--test") {
        return ask(&["smoke"]);
    }
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        // The roles that the questions start as processes of their own, so that their CPU time can be told apart.
        ["origin", address] => origin::serve(address.parse()?),
        ["bare", address, upstream] => bare::serve(address.parse()?, upstream.parse()?),
        [] => ask(&QUESTIONS),
        questions => ask(questions),
    }
}

fn ask(questions: &[&str]) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for question in questions {
        cost::step_aside(COSTS.contains(question));
        match *question {
            "cpu" => runtime.block_on(cpu::measure())?,
            "edit" => runtime.block_on(edit::measure_latency())?,
            "hits" => runtime.block_on(hits::measure())?,
            "memory" => runtime.block_on(edit::measure_memory())?,
            "kills" => runtime.block_on(admin::measure_kills())?,
            "peers" => runtime.block_on(peers::print())?,
            "puts" => runtime.block_on(admin::measure_puts())?,
            "refusal" => runtime.block_on(token::measure_refusal())?,
            "reload" => runtime.block_on(reload::measure())?,
            "smoke" => {
                runtime.block_on(start::once())?;
                runtime.block_on(token::once())?;
                runtime.block_on(tiers::once())?;
                runtime.block_on(hits::once())?;
                runtime.block_on(peers::print())?;
            }
            "start" => runtime.block_on(start::measure())?,
            "tiers" => runtime.block_on(tiers::measure())?,
            "token" => runtime.block_on(token::measure_one())?,
            "tokens" => runtime.block_on(token::measure_many())?,
            "writes" => runtime.block_on(admin::measure_writes())?,
            other => return Err(format!("no question `{other}`: {}", QUESTIONS.join(", ")).into()),
        }
    }
    Ok(())
}
