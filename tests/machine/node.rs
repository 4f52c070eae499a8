//! What tests of other people's programs against the real binary share: processes that end with their test, and scripts
//! that Node runs, with what their lock files say.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

/// A process that is killed with its test.
pub(crate) struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// Starts a process.
pub(crate) fn start(command: &mut Command) -> Process {
    let program = command.get_program().to_owned();
    let missing = |error| panic!("{program:?} does not start: {error}; `make test-tools` installs what tests need");
    Process(command.spawn().unwrap_or_else(missing))
}

/// A command of the binary that is tested, without settings from the environment.
pub(crate) fn tollgate(arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TOLLGATE_")) {
        command.env_remove(name);
    }
    command
}

/// Runs a script of a folder below `tests`; what it says is said, too.
pub(crate) fn run_script(folder: &str, script: &str, environment: &[(&str, &str)]) {
    let mut command = Command::new("node");
    command
        .args(["--test", "--test-reporter=spec"])
        .arg(script)
        .current_dir(install(folder))
        .envs(environment.iter().copied())
        .env_remove("NODE_TLS_REJECT_UNAUTHORIZED")
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut process = start(&mut command);
    for line in BufReader::new(process.0.stdout.take().unwrap()).lines() {
        println!("{}", line.unwrap());
    }
    let status = process.0.wait().unwrap();
    assert!(status.success(), "{script}: {status}");
}

/// Installs what the lock file of a folder names, once, and says where the folder is.
fn install(folder: &str) -> PathBuf {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock();
    let directory = root().join("tests").join(folder);
    let written = |name: &str| fs::metadata(directory.join(name)).and_then(|file| file.modified());
    let lock = written("package-lock.json").unwrap();
    if written("node_modules/.package-lock.json").is_ok_and(|installed| installed >= lock) {
        return directory;
    }
    let installed = Command::new("npm")
        .args(["ci", "--ignore-scripts"])
        .current_dir(&directory)
        .stdin(Stdio::null())
        .status();
    let missing = "these tests need Node 18 or later and npm: `make test-tools`, or the packages nodejs and npm";
    assert!(
        installed.expect(missing).success(),
        "npm could not install what the tests need"
    );
    directory
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The binary that is tested.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_tollgate");
