//! A PostgreSQL server of the tests' own, in a directory of its own, ended when the tests' process ends however it ends.
//!
//! A shell holds the server by its process id and reads from a pipe that only the tests hold: when that closes, the
//! server is ended and its directory removed. The server does not run as root, so root runs it as `postgres`.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};

/// A server that runs.
struct Server {
    directory: String,
    /// Its input is the pipe: it stays open as long as this process lives.
    _keeper: Child,
}

static SERVER: OnceLock<Server> = OnceLock::new();
static DATABASES: AtomicUsize = AtomicUsize::new(0);

/// Makes an empty database and returns its URL.
pub(crate) async fn database() -> String {
    sqlx::any::install_default_drivers();
    let server = SERVER.get_or_init(start);
    let name = format!("t{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let mut connection = AnyConnection::connect(&url(server, "postgres")).await.unwrap();
    let create = format!("CREATE DATABASE {name}");
    connection.execute(AssertSqlSafe(create)).await.unwrap();
    connection.close().await.unwrap();
    url(server, &name)
}

fn url(server: &Server, name: &str) -> String {
    format!("postgres:///{name}?host={}&user=tollgate", server.directory)
}

fn start() -> Server {
    let bin = installed().expect(
        "no PostgreSQL server below /usr/lib/postgresql: install Debian's `postgresql` package, or run `make test-tools`",
    );
    let mut keeper = shell()
        .args(["-c", KEEP, "keep"])
        .arg(bin)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(keeper.stdout.take().unwrap());
    let mut directory = String::new();
    said.read_line(&mut directory).unwrap();
    if !directory.starts_with('/') {
        said.read_to_string(&mut directory).unwrap();
        panic!("PostgreSQL does not start: {directory}");
    }
    Server {
        directory: directory.trim_end().to_owned(),
        _keeper: keeper,
    }
}

/// Returns a shell that is not root.
fn shell() -> Command {
    if fs::metadata("/proc/self").is_ok_and(|me| me.uid() != 0) {
        return Command::new("sh");
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "sh"]);
    command
}

/// Finds the newest server that Debian has installed.
fn installed() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<_> = versions
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .filter(|bin| bin.join("postgres").exists() && bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop()
}

/// Starts the server, says where it is, and ends it when the input does.
const KEEP: &str = r#"
set -u
bin=$1
umask 077
dir=$(mktemp -d /tmp/tollgate-postgres.XXXXXX) || exit 1
server=
finish() {
    [ -z "$server" ] || { kill -INT "$server"; wait "$server"; } 2>/dev/null
    rm -rf "$dir"
}
trap finish EXIT
trap '' INT
"$bin/initdb" -D "$dir/data" -U tollgate -A trust -E UTF8 --locale=C --no-sync >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
"$bin/postgres" -D "$dir/data" -k "$dir" -c listen_addresses= -c fsync=off -c max_connections=300 \
    >>"$dir/log" 2>&1 </dev/null &
server=$!
until "$bin/pg_isready" -q -h "$dir" -U tollgate; do
    kill -0 "$server" 2>/dev/null || { cat "$dir/log"; exit 1; }
    sleep 0.05
done
echo "$dir"
exec >/dev/null
read -r _
"#;
