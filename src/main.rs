//! The binary: arguments to command, and the allocator.

use std::process::ExitCode;

use tollgate::command;
use tollgate::settings::Environment;

#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

fn main() -> ExitCode {
    command::main(&Environment::from_process())
}
