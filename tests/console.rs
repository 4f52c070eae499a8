//! The console in a real browser, against the real binary: `tests/console/*.mjs`, run by Node with headless Chromium.
//!
//! Each file has a gateway, a backend and a browser of its own. What Node needs is installed as the lock file says when it
//! is not there; without Node and Chromium the tests fail.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that meets the unexpected has failed"
)]

mod machine;
#[path = "machine/node.rs"]
mod node;

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;

use crate::machine::{eventually, free_port};
use crate::node::{BINARY, Process, root, run_script, start, tollgate};

#[test]
fn somebody_signs_in_and_is_refused_and_signs_out() {
    Site::new().test("signing-in.test.mjs");
}

#[test]
fn an_api_is_imported_published_protected_and_rolled_back() {
    Site::new().test("publishing.test.mjs");
}

#[test]
fn forms_show_what_is_wrong_and_lose_nothing() {
    Site::new().test("forms.test.mjs");
}

#[test]
fn consumers_are_given_keys_and_are_blocked() {
    Site::new().test("consumers.test.mjs");
}

#[test]
fn who_may_not_is_not_offered_it() {
    Site::new().test("roles.test.mjs");
}

#[test]
fn every_page_is_readable_narrow_and_quiet() {
    Site::new().test("pages.test.mjs");
}

#[test]
fn commands_are_read_and_changes_are_merged() {
    run_script("console", "modules.test.mjs", &[]);
}

/// The sample configuration, with ports and users of its own, and served.
struct Site {
    directory: TempDir,
    gateway: u16,
    admin: u16,
    backends: [u16; 2],
}

impl Site {
    fn new() -> Self {
        let site = Self {
            directory: tempfile::tempdir().unwrap(),
            gateway: free_port(),
            admin: free_port(),
            backends: [free_port(), free_port()],
        };
        let settings = format!(
            "[gateway]\nhttp = [\"127.0.0.1:{}\"]\nhttps = []\n[admin]\nhttp = [\"127.0.0.1:{}\"]\n[status]\nhttp = []\n\
             [data]\ndir = \"data\"\n[log]\nfilter = \"warn\"\n[access_log]\nformat = \"off\"\n",
            site.gateway, site.admin
        );
        site.write("tollgate.toml", &settings);
        let bootstrap = fs::read_to_string(root().join("conf/bootstrap.toml")).unwrap();
        site.write("bootstrap.toml", &bootstrap);
        site.copy(&root().join("conf/catalog"), "catalog");
        for (user, role) in [
            ("admin", "admin"),
            ("vera", "viewer"),
            ("paula@acme.example", "publisher"),
        ] {
            site.add_user(user, role);
        }
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Copies the sample catalog, with these backends in the place of the demonstration's.
    fn copy(&self, from: &Path, to: &str) {
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{to}/{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                self.copy(&entry.path(), &name);
            } else {
                let mut text = fs::read_to_string(entry.path()).unwrap();
                for (port, ours) in ["9001", "9002"].iter().zip(self.backends) {
                    text = text.replace(&format!("127.0.0.1:{port}"), &format!("127.0.0.1:{ours}"));
                }
                self.write(&name, &text);
            }
        }
    }

    fn add_user(&self, user: &str, role: &str) {
        let mut command = tollgate(&["user", "add", user, "--role", role, "--password-stdin", "--conf"]);
        command.arg(self.path("")).stdin(Stdio::piped());
        let mut process = command.spawn().unwrap();
        writeln!(process.stdin.take().unwrap(), "{PASSWORD}").unwrap();
        assert!(process.wait().unwrap().success());
    }

    /// Serves it, and waits until the gateway answers.
    fn run(&self) -> [Process; 2] {
        let backends = self.backends.map(|port| format!("127.0.0.1:{port}"));
        let [one, other] = &backends;
        let mut origin = tollgate(&["origin", "--listen", one, "--listen", other]);
        let origin = start(origin.stderr(Stdio::null()));
        let gateway = start(tollgate(&["run", "--conf"]).arg(self.path("")));
        for port in self.backends.into_iter().chain([self.gateway, self.admin]) {
            eventually("a listener", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        }
        [origin, gateway]
    }

    /// Runs a script against it.
    fn test(&self, script: &str) {
        let _running = self.run();
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let conf = self.path("");
        run_script(
            "console",
            script,
            &[
                ("CONSOLE_URL", &url(self.admin)),
                ("GATEWAY_URL", &url(self.gateway)),
                ("BACKEND_URL", &url(self.backends[0])),
                ("GATEWAY_BINARY", BINARY),
                ("GATEWAY_CONF", conf.to_str().unwrap()),
                ("PASSWORD", PASSWORD),
            ],
        );
    }
}

const PASSWORD: &str = "of-those-who-try-the-console";
