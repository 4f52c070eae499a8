//! The binary: arguments to command, and the allocator.

use std::process::ExitCode;

use tollgate::command;
use tollgate::settings::Environment;

/// Long-lived connections of many sizes fragment the system's allocator; this one returns what they leave.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    command::main(&Environment::from_process())
}
