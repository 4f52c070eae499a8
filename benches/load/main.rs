//! The load test: the real binary, real sockets, figures that a reader can repeat.
//!
//! `cargo bench --bench load -- [SCENARIO]...`; `--list` names the scenarios, `--help` the rest. A scenario starts what it
//! needs, the gateway and what it is measured against, and calls it over loopback, bounded in count and time; nothing has
//! to be installed, and what is (`make bench-peers`) is measured beside. A table is printed; `target/load/` gets the same as JSON and as an HTML page. Absolute figures are the
//! machine's: quote ratios of one run.
//!
//! | what | where |
//! |---|---|
//! | questions | `scenarios/`, each with its aim; on common ground: `world` |
//! | who is measured | `process`, `conf`, `certificate`; `bare`, the yardstick; `peers/`; `origin`, behind all of them |
//! | load | `drive/`, `client` |
//! | measurement | `compare`, `cost`, `effort` |
//! | results | `figure`; `report/` shows them |

#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a load test ends at the first surprise, and prints"
)]

mod arguments;
mod bare;
mod certificate;
mod client;
mod compare;
mod conf;
mod cost;
mod drive;
mod effort;
mod figure;
mod origin;
mod peers;
mod process;
mod report;
mod run;
mod scenarios;
mod world;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::Arguments;

/// That of the gateway, so that the yardstick is not measured by another one.
#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

type Error = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Error>;
type Outcome = Result<()>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match obey(&words.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("load: {e}");
            ExitCode::FAILURE
        }
    }
}

fn obey(words: &[&str]) -> Outcome {
    match words {
        // The roles that scenarios start as processes of their own, so that their CPU time can be told apart.
        ["origin", address] => origin::serve(address.parse()?),
        ["bare", address, upstream] => bare::serve(address.parse()?, upstream.parse()?, None),
        ["bare", address, upstream, certificate, key] => {
            bare::serve(address.parse()?, upstream.parse()?, Some((certificate, key)))
        }
        _ => run::run(&Arguments::parse()),
    }
}
