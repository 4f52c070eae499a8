//! Programs under callgrind, and how many instructions they took.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::Result;

/// A program under callgrind.
pub(crate) struct Counted {
    child: Child,
    out: PathBuf,
}

impl Drop for Counted {
    fn drop(&mut self) {
        // It has ended by itself unless something went wrong; either way nothing is left of it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Counted {
    /// Starts a program, of which the instructions are counted that it takes while [`pose_to_callgrind`] runs. It has an
    /// environment of its own: that of who counts would be counted. And its allocator gives nothing back to the system,
    /// which it would by the clock: now before the count, and now in it.
    pub(crate) fn start(program: &Path, arguments: &[&str], directory: &Path) -> Result<Self> {
        let out = directory.join("callgrind.out");
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", "-q"]);
        command.arg(format!("--callgrind-out-file={}", out.display()));
        command.args(["--collect-atstart=no", "--toggle-collect=*pose_to_callgrind*"]);
        command.arg(program).args(arguments).env_clear();
        command.envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "TMPDIR"));
        command.env("_RJEM_MALLOC_CONF", "dirty_decay_ms:-1,muzzy_decay_ms:-1");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let child = child.map_err(|e| format!("valgrind cannot be started: {e}; `make budgets` installs it"))?;
        Ok(Self { child, out })
    }

    /// Waits for its end, and returns how many instructions were counted.
    pub(crate) fn total(mut self) -> Result<u64> {
        let status = self.child.wait()?;
        if !status.success() {
            return Err(format!("the program under callgrind has failed: {status}").into());
        }
        let said = fs::read_to_string(&self.out)?;
        let total = said.lines().find_map(|line| line.strip_prefix("totals: "));
        Ok(total.ok_or("callgrind said no total")?.trim().parse()?)
    }
}

/// Poses a question so many times. Callgrind finds it by its name, so it stays a function.
#[inline(never)]
pub(crate) fn pose_to_callgrind(question: &mut dyn FnMut(), times: u64) {
    for _ in 0..times {
        question();
    }
}
