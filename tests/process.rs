//! The real binary: exit codes, commands, signals, hand-over, and the first thing that a reader of the README does.
//!
//! Each test runs processes of its own on ports of its own, in a directory of its own; what is left of them ends with
//! the test. Waiting polls with a deadline.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets the unexpected has failed"
)]

#[path = "process/counts_are_kept_and_shared.rs"]
mod counts_are_kept_and_shared;
#[path = "process/edits_survive_kills.rs"]
mod edits_survive_kills;
mod machine;
#[path = "process/policy_tests_decide.rs"]
mod policy_tests_decide;
#[path = "process/the_first_start_says_how_to_sign_in.rs"]
mod the_first_start_says_how_to_sign_in;
#[path = "process/what_is_imported_is_written.rs"]
mod what_is_imported_is_written;
#[path = "process/what_is_kept_survives.rs"]
mod what_is_kept_survives;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::machine::{PATIENCE, eventually, free_port};

/// Requests that are begun before a process hands over.
const BEGUN: u64 = 20;

/// How often the moment between two processes is looked for.
const MOMENTS: usize = 8;

#[test]
fn the_allocator_is_told_our_options() {
    let run = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .arg("version")
        .env("_RJEM_MALLOC_CONF", "confirm_conf:true")
        .output()
        .unwrap();
    assert!(stderr(&run).contains("Set conf value: tcache_max:131072"), "{run:?}");
}

#[test]
fn a_bad_catalog_at_start_is_exit_code_2_with_its_place() {
    let site = Site::new();
    site.write(
        "catalog/apis/demo.toml",
        "name = \"Demo\"\ncontext = \"/demo\"\ncontxt = \"/x\"\n",
    );
    let output = site.tollgate(&["run"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(stderr(&output).contains("demo.toml:3:1"), "{}", stderr(&output));
    assert!(stderr(&output).contains("contxt"), "{}", stderr(&output));
}

#[test]
fn bad_settings_and_a_bad_catalog_are_told_in_one_round() {
    let site = Site::new();
    site.write("tollgate.toml", "[gateway]\nhtpp = []\n");
    site.write("catalog/apis/demo.toml", &site.demo().replace("context", "contxt"));
    for command in ["run", "check"] {
        let output = site.tollgate(&[command]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = stderr(&output) + &stdout(&output);
        assert!(
            said.contains("tollgate.toml:2:1") && said.contains("demo.toml:2:1"),
            "{command}: {said}"
        );
    }
}

#[test]
fn bad_settings_and_bad_arguments_are_exit_code_2() {
    let site = Site::new();
    for arguments in [
        &["run", "--no-such-flag"][..],
        &["no-such-command"],
        &[],
        &["check", "--format", "yaml"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
    }
    site.write("tollgate.toml", "[gateway]\nhtpp = []\n");
    for command in ["run", "check"] {
        let output = site.tollgate(&[command]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = stderr(&output) + &stdout(&output);
        assert!(said.contains("tollgate.toml:2:1"), "{command}: {said}");
    }
    fs::remove_dir_all(site.path("")).unwrap();
    assert_eq!(site.tollgate(&["check"]).status.code(), Some(2));
}

#[test]
fn a_port_that_is_taken_ends_the_process_promptly() {
    let site = Site::new();
    let taken = TcpListener::bind(("127.0.0.1", site.http)).unwrap();
    let begun = Instant::now();
    let output = site.tollgate(&["run"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(stderr(&output).contains(&site.http.to_string()), "{}", stderr(&output));
    assert!(begun.elapsed() < Duration::from_secs(10));
    drop(taken);
}

#[test]
fn a_data_directory_belongs_to_one_gateway() {
    let site = Site::new();
    let _gateway = site.run(&[]);
    let mut second = site.command(&["run"]);
    second
        .env("TOLLGATE_GATEWAY_HTTP", "127.0.0.1:0")
        .env("TOLLGATE_ADMIN_HTTP", "127.0.0.1:0")
        .env("TOLLGATE_STATUS_HTTP", "127.0.0.1:0");
    let output = finish(second.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(stderr(&output).contains("data directory"), "{}", stderr(&output));
    let reload = site.tollgate(&["reload"]);
    assert!(reload.status.success(), "the first one is still reached: {reload:?}");
}

#[test]
fn an_access_log_that_cannot_be_written_is_named() {
    let site = Site::new();
    let mut command = site.command(&["run"]);
    command.env("TOLLGATE_ACCESS_LOG_PATH", site.path("missing/access.log"));
    let output = finish(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(stderr(&output).contains("missing/access.log"), "{}", stderr(&output));
}

#[test]
fn a_check_says_what_is_wrong_as_text_and_as_json() {
    let site = Site::new();
    assert_eq!(site.tollgate(&["check"]).status.code(), Some(0));
    let broken = site.demo().replace("state = \"published\"", "state = \"publishd\"");
    site.write("catalog/apis/demo.toml", &broken);
    let output = site.tollgate(&["check"]);
    let said = stderr(&output) + &stdout(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    let line = 1 + broken.lines().position(|line| line.contains("publishd")).unwrap();
    assert!(
        said.contains(&format!("demo.toml:{line}:")) && said.contains("published"),
        "{said}"
    );
    let output = site.tollgate(&["check", "--format", "json"]);
    assert_eq!(output.status.code(), Some(2));
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(
        said.to_string().contains("publishd") && said.to_string().contains(&format!("\"line\":{line}")),
        "{said}"
    );
}

#[test]
fn a_reload_waits_for_the_outcome_and_says_it() {
    let site = Site::new();
    assert_eq!(
        site.tollgate(&["reload"]).status.code(),
        Some(1),
        "there is no gateway yet"
    );
    let _origin = site.origin();
    let _gateway = site.run(&[]);
    assert_eq!(get(site.http, "/demo/1.0/a").status, 200);
    site.write("catalog/apis/demo.toml", &site.demo().replace("/demo", "/moved"));
    let output = site.tollgate(&["reload"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(
        (
            get(site.http, "/moved/1.0/a").status,
            get(site.http, "/demo/1.0/a").status
        ),
        (200, 404)
    );
    site.write("catalog/apis/demo.toml", &site.demo().replace("context", "contxt"));
    let output = site.tollgate(&["reload"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = stderr(&output) + &stdout(&output);
    assert!(said.contains("demo.toml:2:1"), "{said}");
    assert_eq!(get(site.http, "/moved/1.0/a").status, 200);
}

#[test]
fn sighup_reads_the_files() {
    let site = Site::new();
    let _origin = site.origin();
    let gateway = site.run(&[]);
    site.write("catalog/apis/demo.toml", &site.demo().replace("/demo", "/moved"));
    gateway.signal("HUP");
    eventually("the change to be served", || {
        get(site.http, "/moved/1.0/a").status == 200
    });
}

#[test]
fn sigterm_lets_a_request_finish_and_ends_with_0() {
    let site = Site::new();
    let _origin = site.origin();
    let mut gateway = site.run(&[]);
    let port = site.http;
    let slow = thread::spawn(move || get(port, "/demo/1.0/delay/1500"));
    eventually("the request to be under way", || site.under_way() > 0);
    gateway.signal("TERM");
    eventually("the listener to be closed", || {
        TcpStream::connect(("127.0.0.1", port)).is_err()
    });
    assert_eq!(slow.join().unwrap().status, 200);
    assert_eq!(gateway.wait().code(), Some(0));
}

#[test]
fn a_request_that_outlives_the_drain_is_cut() {
    let site = Site::new();
    let _origin = site.origin();
    let mut gateway = site.spawn_with(&["run"], &[("TOLLGATE_SHUTDOWN_DRAIN", "500ms")]);
    site.ready();
    let port = site.http;
    let slow = thread::spawn(move || Connection::to(port).find("/demo/1.0/delay/15000"));
    eventually("the request to be under way", || site.under_way() > 0);
    let begun = Instant::now();
    gateway.signal("TERM");
    assert_eq!(gateway.wait().code(), Some(0));
    let took = begun.elapsed();
    assert!(
        (Duration::from_millis(500)..Duration::from_secs(4)).contains(&took),
        "{took:?}"
    );
    assert!(slow.join().unwrap().is_none());
}

#[test]
fn sigterm_ends_an_idle_gateway_at_once() {
    let site = Site::new();
    let _origin = site.origin();
    let mut gateway = site.run(&[]);
    let mut idle = Connection::to(site.http);
    assert_eq!(idle.get("/demo/1.0/a").status, 200);
    let begun = Instant::now();
    gateway.signal("TERM");
    assert_eq!(gateway.wait().code(), Some(0));
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "an idle connection held it for {:?}",
        begun.elapsed()
    );
}

#[test]
fn sigint_ends_it_now() {
    let site = Site::new();
    let _origin = site.origin();
    let mut gateway = site.run(&[]);
    let port = site.http;
    let slow = thread::spawn(move || Connection::to(port).find("/demo/1.0/delay/15000"));
    eventually("the request to be under way", || site.under_way() > 0);
    let begun = Instant::now();
    gateway.signal("INT");
    assert_eq!(gateway.wait().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert!(slow.join().unwrap().is_none());
}

#[test]
fn sigquit_hands_the_sockets_over_and_no_request_fails() {
    let site = Site::new();
    let _origin = site.origin();
    let mut old = site.run(&[]);
    let (is_over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let callers: Vec<_> = (0..2)
        .map(|_| {
            let (port, is_over, answered) = (site.http, Arc::clone(&is_over), Arc::clone(&answered));
            thread::spawn(move || {
                while !is_over.load(Ordering::SeqCst) {
                    assert_eq!(get(port, "/demo/1.0/a").status, 200);
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let mut new = site.spawn(&["run", "--upgrade"]);
    old.signal("QUIT");
    assert_eq!(old.wait().code(), Some(0));
    let so_far = answered.load(Ordering::SeqCst);
    eventually("the new process to answer", || {
        answered.load(Ordering::SeqCst) > so_far + 20
    });
    is_over.store(true, Ordering::SeqCst);
    for caller in callers {
        caller.join().expect("a request failed");
    }
    assert_eq!(
        site.tollgate(&["reload"]).status.code(),
        Some(0),
        "the control socket is the new one's"
    );
    new.signal("TERM");
    assert_eq!(new.wait().code(), Some(0));
}

#[test]
fn sigquit_without_a_successor_changes_nothing() {
    let site = Site::new();
    let _origin = site.origin();
    let gateway = site.run(&[]);
    gateway.signal("QUIT");
    for _ in 0..10 {
        assert_eq!(get(site.http, "/demo/1.0/a").status, 200);
    }
}

#[test]
fn signals_are_obeyed_while_a_successor_is_looked_for() {
    let site = Site::new();
    let _origin = site.origin();
    for signal in ["TERM", "INT"] {
        let mut gateway = site.run(&[]);
        gateway.signal("QUIT");
        eventually("the gateway to look for a successor", || {
            site.path("data/handover").exists()
        });
        let begun = Instant::now();
        gateway.signal(signal);
        assert_eq!(gateway.wait().code(), Some(0));
        // It looks for five seconds.
        assert!(
            begun.elapsed() < Duration::from_secs(2),
            "{signal} waited: {:?}",
            begun.elapsed()
        );
        fs::remove_dir_all(site.path("data/handover")).unwrap();
    }
}

#[test]
fn a_successor_that_does_not_come_up_leaves_the_old_process_serving() {
    let site = Site::new();
    let _origin = site.origin();
    let mut old = site.run(&[]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut new = site.spawn_with(&["run", "--upgrade"], &[("TOLLGATE_STATUS_HTTP", &address)]);
    old.signal("QUIT");
    assert_eq!(new.wait().code(), Some(1), "an address of its own is taken");
    // For longer than the old process waits for the new one.
    let until = Instant::now() + Duration::from_secs(6);
    while Instant::now() < until {
        assert_eq!(get(site.http, "/demo/1.0/a").status, 200);
    }
    old.signal("TERM");
    assert_eq!(old.wait().code(), Some(0));
}

#[test]
fn a_gateway_may_listen_for_https_alone() {
    let site = Site::new();
    let only = [("TOLLGATE_GATEWAY_HTTP", ""), ("TOLLGATE_GATEWAY_HTTPS", "127.0.0.1:0")];
    let mut gateway = site.spawn_with(&["run"], &only);
    site.ready();
    assert_eq!(site.tollgate(&["reload"]).status.code(), Some(0));
    gateway.signal("TERM");
    assert_eq!(gateway.wait().code(), Some(0), "it went on until it was told to stop");
}

#[test]
fn a_reload_refuses_certificates_that_cannot_be_served() {
    let site = Site::new();
    let _gateway = site.spawn_with(&["run"], &[("TOLLGATE_GATEWAY_HTTPS", "127.0.0.1:0")]);
    site.ready();
    let certificate = site.path("data/tls/self-signed.pem");
    let good = fs::read(&certificate).unwrap();
    fs::write(&certificate, "nonsense").unwrap();
    let refused = site.tollgate(&["reload"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("self-signed.pem"),
        "{refused:?}"
    );
    fs::write(&certificate, good).unwrap();
    assert_eq!(site.tollgate(&["reload"]).status.code(), Some(0));
}

#[test]
fn systemd_is_told_when_it_is_ready() {
    let site = Site::new();
    let path = site.path("notify.sock");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut gateway = site.spawn_with(&["run"], &[("NOTIFY_SOCKET", path.to_str().unwrap())]);
    let told = |what: &str| {
        let mut text = [0; 512];
        loop {
            let length = socket
                .recv(&mut text)
                .unwrap_or_else(|e| panic!("{what} was not told: {e}"));
            if String::from_utf8_lossy(text.get(..length).unwrap()).contains(what) {
                return;
            }
        }
    };
    told("READY=1");
    assert_eq!(get(site.http, "/nowhere").status, 404, "it serves when it says so");
    gateway.signal("TERM");
    told("STOPPING=1");
    assert_eq!(gateway.wait().code(), Some(0));
}

#[test]
fn commands_that_only_print_do() {
    let site = Site::new();
    let schema: serde_json::Value = serde_json::from_slice(&site.plain(&["schema"]).stdout).unwrap();
    assert!(schema["properties"]["versions"].is_object(), "{schema}");
    assert!(stdout(&site.plain(&["version"])).contains(env!("CARGO_PKG_VERSION")));
    let help = stdout(&site.plain(&["--help"]));
    for command in [
        "run", "check", "explain", "reload", "schema", "origin", "version", "user", "app", "key", "token", "cache",
    ] {
        assert!(help.contains(command), "{help}");
        let help = stdout(&site.plain(&[command, "--help"]));
        assert!(help.contains(&format!("tollgate {command}")), "{help}");
    }
}

#[test]
fn a_request_is_explained_by_the_gateway_and_without_it() {
    let site = Site::new();
    let asking = site.demo().replace("auth = \"none\"", "auth = \"any\"");
    site.write("catalog/apis/demo.toml", &asking);
    let explain = |arguments: &[&str]| site.tollgate(&[&["explain"], arguments].concat());
    let offline = explain(&["GET", "/demo/1.0/a"]);
    assert_eq!(offline.status.code(), Some(0), "{offline:?}");
    let said = stdout(&offline);
    assert!(
        said.contains("no gateway runs") && said.contains("there is no registry"),
        "{said}"
    );
    assert!(
        said.contains("refused with 401 900902") && said.contains("demo.toml:11"),
        "{said}"
    );
    assert!(!site.path("data").exists(), "nothing is made");
    assert_eq!(explain(&["--request", "x"]).status.code(), Some(1));

    let _gateway = site.run(&[]);
    let told = explain(&[
        "GET",
        "/demo/1.0/a",
        "-H",
        "Authorization: Bearer secret.secret.secret",
        "--format",
        "json",
    ]);
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(
        (&told["code"], &told["notes"]),
        (&"900901".into(), &serde_json::json!([])),
        "{told}"
    );
    assert!(!told.to_string().contains("secret"), "{told}");
    assert_eq!(get(site.http, "/demo/1.0/a").status, 401);
    let mut caller = Connection::to(site.http);
    let request =
        "GET /demo/1.0/b HTTP/1.1\r\nHost: gateway.test\r\nX-Request-Id: asked-for\r\nConnection: close\r\n\r\n";
    caller.0.get_mut().write_all(request.as_bytes()).unwrap();
    let mut reply = String::new();
    caller.0.read_to_string(&mut reply).unwrap();
    let said = stdout(&explain(&["--request", "asked-for"]));
    assert!(
        said.contains("/demo/1.0/b") && said.contains("401 900902 missing_credentials"),
        "{said}"
    );
    let unknown = explain(&["--request", "nobody-asked"]);
    assert_eq!(unknown.status.code(), Some(1), "{unknown:?}");
    for nonsense in [
        &["GET"][..],
        &["GET", "ftp://x/"],
        &["GET", "/x", "-H", "nothing"],
        &[],
        &["GET", "/x", "--request", "y"],
    ] {
        assert_eq!(explain(nonsense).status.code(), Some(2), "{nonsense:?}");
    }
}

#[test]
fn who_runs_the_gateway_gets_a_token_for_it() {
    let site = Site::new();
    site.write(
        "bootstrap.toml",
        "users = [{ name = \"boss\", password = \"boss-of-the-test\", roles = [\"admin\"] }]\n\
         [[applications]]\nname = \"Desk\"\nowner = \"boss\"\n\
         keys = [{ type = \"production\", consumer_key = \"desk-consumer-key\", consumer_secret = \"a-secret-of-the-test\" }]\n",
    );
    let _gateway = site.run(&[]);
    let made = site.tollgate(&["user", "add", "tom", "--role", "employee"]);
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    let output = site.tollgate(&["token", "--user", "boss", "--scope", "tollgate:admin"]);
    assert!(stderr(&output).contains("scope: tollgate:admin"), "{output:?}");
    let ask = |path: &str| {
        let mut admin = Connection::to(site.admin);
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\r\n",
            stdout(&output).trim()
        );
        admin.0.get_mut().write_all(request.as_bytes()).unwrap();
        let mut reply = String::new();
        admin.0.read_to_string(&mut reply).unwrap();
        assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
        reply
    };
    let reply = ask("/explain?url=/demo/1.0/a");
    assert!(reply.contains("\"decision\":\"permitted\""), "{reply}");
    let audit = ask("/admin/v1/audit?actor=shell");
    assert!(audit.contains("\"action\":\"make\",\"object\":\"user tom\""), "{audit}");
}

#[test]
fn the_first_curl_of_the_readme_answers_through_the_proxy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let url = readme
        .split_whitespace()
        .find(|word| word.starts_with("http://127.0.0.1:8280/"))
        .unwrap();
    let path = url.strip_prefix("http://127.0.0.1:8280").unwrap();
    let site = Site::new();
    let other = free_port();
    // The sample configuration as it is, but for the ports of the backend: those may be in use here.
    copy(&root.join("conf"), &site.path(""), &|text| {
        text.replace("127.0.0.1:9001", &site.origin_name())
            .replace("127.0.0.1:9002", &format!("127.0.0.1:{other}"))
    });
    let _origin = site.origin_also_at(&[other]);
    let gateway = site.spawn_with(
        &["run"],
        &[
            ("TOLLGATE_GATEWAY_HTTP", &format!("127.0.0.1:{}", site.http)),
            ("TOLLGATE_GATEWAY_HTTPS", "127.0.0.1:0"),
            ("TOLLGATE_STATUS_HTTP", &format!("127.0.0.1:{}", site.status)),
            ("TOLLGATE_ADMIN_HTTP", &format!("127.0.0.1:{}", site.admin)),
            ("TOLLGATE_DATA_DIR", site.path("data").to_str().unwrap()),
        ],
    );
    site.ready();
    let reply = get(site.http, path);
    assert_eq!(reply.status, 200, "{}", reply.body);
    let told: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!((&told["method"], &told["path"]), (&"GET".into(), &"/v2/hello".into()));
    assert_eq!(get(site.http, "/t/acme.example/demo/1.0/hello").status, 200);
    // The edit that the README suggests.
    let sample = site.path("catalog/apis/demo.toml");
    let text = fs::read_to_string(&sample).unwrap();
    let edited = text.replace("[\"2.0\", \"1.0\"]", "[\"1.0\", \"2.0\"]");
    assert_ne!(edited, text);
    fs::write(&sample, edited).unwrap();
    eventually("the other version answers", || {
        get(site.http, "/demo/hello").body.contains("\"/v1/hello\"")
    });
    drop(gateway);
}

#[test]
fn each_request_is_a_line_of_json_on_standard_output() {
    let site = Site::new();
    let _origin = site.origin();
    let mut gateway = site.run(&[]);
    assert_eq!(get(site.http, "/demo/1.0/a").status, 200);
    assert_eq!(get(site.http, "/nowhere").status, 404);
    let lines = BufReader::new(gateway.child.stdout.take().unwrap());
    let records = lines
        .lines()
        .take(2)
        .map(|line| serde_json::from_str::<serde_json::Value>(&line.unwrap()).unwrap());
    let mut statuses: Vec<_> = records.map(|record| record["status"].as_u64().unwrap()).collect();
    // A line is written after its answer, so two threads may write in either order.
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 404]);
}

/// Writes the demonstration's users, application and API beside the sample's own, with the ports of the site.
fn with_identity(site: &Site) {
    with_identity_at(site, &site.origin_name());
}

/// Has the news API's backend somewhere else.
fn with_identity_at(site: &Site, backend: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let news = fs::read_to_string(root.join("conf/catalog/apis/news.toml")).unwrap();
    site.write("catalog/apis/news.toml", &news.replace("127.0.0.1:9001", backend));
    for (file, written) in [
        ("catalog/tiers.toml", "conf/catalog/tiers.toml"),
        ("bootstrap.toml", "conf/bootstrap.toml"),
    ] {
        site.write(file, &fs::read_to_string(root.join(written)).unwrap());
    }
}

/// Asks the token endpoint with the demonstration's key pair.
fn token(port: u16, form: &str) -> Reply {
    let length = form.len();
    Connection::to(port).send(&format!(
        "POST /oauth2/token HTTP/1.1\r\nHost: a\r\nAuthorization: Basic {NEWSAPP}\r\nContent-Length: {length}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}"
    ))
}

fn access_token(reply: &Reply) -> String {
    let told: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
    told.get("access_token")
        .and_then(serde_json::Value::as_str)
        .unwrap_or_else(|| panic!("{}", reply.body))
        .to_owned()
}

fn call(port: u16, method: &str, token: &str) -> u16 {
    Connection::to(port).send(&news_request(method, token)).status
}

fn news_request(method: &str, token: &str) -> String {
    format!(
        "{method} /orgnews/1.0.0/news HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n"
    )
}

/// Asks until there is a reply, as callers do: an old process that begins to drain hangs up on what it has accepted and
/// not read.
fn insist(port: u16, request: &str) -> u16 {
    let mut status = None;
    eventually("a reply of either process", || {
        status = Connection::to(port).exchange(request).map(|reply| reply.status);
        status.is_some()
    });
    status.unwrap()
}

/// The demonstration's key pair, as `Basic` has it.
const NEWSAPP: &str = "bmV3c2FwcC1kZW1vbnN0cmF0aW9uOmRlbW9uc3RyYXRpb24tc2VjcmV0LW5ldmVyLWluLXByb2R1Y3Rpb24=";
const TOM: &str = "grant_type=password&username=tom&password=tom-demonstration&scope=news_read+news_write";
const JOHN: &str = "grant_type=password&username=john&password=john-demonstration&scope=news_read+news_write";

#[test]
fn tom_reads_the_news_and_john_writes_them() {
    let site = Site::new();
    with_identity(&site);
    let _origin = site.origin();
    let _gateway = site.run(&[]);
    assert_eq!(get(site.http, "/orgnews/1.0.0/news").status, 401);
    let (tom, john) = (token(site.http, TOM), token(site.http, JOHN));
    assert!(
        tom.body.contains("\"news_read\"") && john.body.contains("news_read news_write"),
        "{}",
        tom.body
    );
    let (tom, john) = (access_token(&tom), access_token(&john));
    let statuses = [
        call(site.http, "GET", &tom),
        call(site.http, "POST", &tom),
        call(site.http, "POST", &john),
    ];
    assert_eq!(statuses, [200, 403, 200]);
    let by_admin = token(site.admin, "grant_type=client_credentials");
    assert_eq!(by_admin.status, 200, "{}", by_admin.body);
}

#[test]
fn a_change_from_the_shell_is_known_to_the_next_request() {
    let site = Site::new();
    with_identity(&site);
    let _origin = site.origin();
    let _gateway = site.run(&[]);
    let john = access_token(&token(site.http, JOHN));
    assert_eq!(call(site.http, "POST", &john), 200);
    let done = |arguments: &[&str]| {
        let output = site.tollgate(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        stdout(&output)
    };
    done(&["app", "block", "NewsApp", "OrgNews", "1.0.0"]);
    assert_eq!(call(site.http, "POST", &john), 401);
    done(&["app", "unblock", "NewsApp", "OrgNews", "1.0.0"]);
    assert_eq!(call(site.http, "POST", &john), 200);
    done(&["user", "roles", "john", "--remove", "manager"]);
    assert_eq!(call(site.http, "POST", &john), 403);
    let minted = done(&["token", "--app", "NewsApp", "--user", "tom", "--scope", "news_read"]);
    assert_eq!(call(site.http, "GET", minted.trim()), 200);
    done(&["user", "delete", "tom"]);
    assert_eq!(call(site.http, "GET", minted.trim()), 401);

    let key: serde_json::Value =
        serde_json::from_str(&done(&["app", "api-key", "create", "NewsApp", "--format", "json"])).unwrap();
    let (id, key) = (key["id"].to_string(), key["api_key"].as_str().unwrap());
    let request = format!("GET /orgnews/1.0.0/news HTTP/1.1\r\nHost: a\r\napikey: {key}\r\n\r\n");
    let status = || Connection::to(site.http).send(&request).status;
    let before = status();
    done(&["app", "api-key", "revoke", "NewsApp", &id]);
    assert_eq!((before, status()), (200, 401));

    let kid = done(&["key", "rotate", "--format", "json"]);
    let kid: serde_json::Value = serde_json::from_str(&kid).unwrap();
    let published = get(site.http, "/oauth2/jwks").body;
    assert!(published.contains(kid["kid"].as_str().unwrap()), "{published}");
    assert_eq!(
        call(site.http, "POST", &access_token(&token(site.http, JOHN))),
        403,
        "the old key still proves"
    );

    done(&["app", "delete", "NewsApp"]);
    assert_eq!(call(site.http, "POST", &john), 401);
    assert_eq!(token(site.http, JOHN).status, 401);
}

#[test]
fn what_makes_no_sense_is_exit_code_2_and_says_what_would() {
    let site = Site::new();
    with_identity(&site);
    for (arguments, said) in [
        (&["app", "show", "NewsAp"][..], "did you mean `NewsApp`?"),
        (&["app", "subscribe", "NewsApp", "OrgNews", "2.0"], "there is `1.0.0`"),
        (
            &["app", "subscribe", "NewsApp", "OrgNew", "1.0.0"],
            "did you mean `OrgNews`?",
        ),
        (
            &["app", "subscribe", "NewsApp", "OrgNews", "1.0.0", "--tier", "Glod"],
            "did you mean `Gold`?",
        ),
        (&["user", "password", "tomm"], "did you mean `tom@carbon.super`?"),
        (&["user", "add", "tom"], "exists already"),
        (
            &["user", "roles", "tom", "--remove", "employe"],
            "did you mean `employee`?",
        ),
        (
            &["token", "--app", "NewsApp", "--sandbox"],
            "tollgate app keys NewsApp --sandbox",
        ),
        (&["app", "create", "Other"], "--owner USER"),
        (
            &["app", "create", "Other", "--owner", "tom", "--tier", "50PerMn"],
            "did you mean `50PerMin`?",
        ),
    ] {
        let output = site.tollgate(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(stderr(&output).contains(said), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn a_registry_outlives_the_gateway_and_is_filled_once() {
    let site = Site::new();
    with_identity(&site);
    let admin = site.tollgate(&["user", "add", "admin", "--role", "admin"]);
    assert!(stdout(&admin).contains("password: "), "{admin:?}");
    let mut first = site.run(&[]);
    let refresh = token(site.http, TOM);
    let tom = access_token(&refresh);
    assert_eq!(site.tollgate(&["user", "delete", "john"]).status.code(), Some(0));
    first.signal("TERM");
    assert_eq!(first.wait().code(), Some(0));
    let _origin = site.origin();
    let _second = site.run(&[]);
    assert_eq!(
        call(site.http, "GET", &tom),
        200,
        "registry and signing keys are those of before"
    );
    assert_eq!(token(site.http, JOHN).status, 400, "john was not made again");
    let users = stdout(&site.tollgate(&["user", "list"]));
    assert!(
        users.contains("admin@carbon.super") && !users.contains("john"),
        "{users}"
    );
}

#[test]
fn two_processes_share_a_registry_while_one_hands_over() {
    let site = Site::new();
    with_identity(&site);
    let _origin = site.origin();
    let mut old = site.run(&[]);
    let john = access_token(&token(site.http, JOHN));
    let mut kept = Connection::to(site.http);
    assert_eq!(kept.get("/demo/1.0/a").status, 200);
    let mut new = site.spawn(&["run", "--upgrade"]);
    old.signal("QUIT");
    assert_eq!(old.wait().code(), Some(0));
    assert_eq!(
        call(site.http, "POST", &john),
        200,
        "the new process takes the old one's token"
    );
    assert_eq!(site.tollgate(&["user", "delete", "john"]).status.code(), Some(0));
    assert_eq!(call(site.http, "POST", &john), 401);
    new.signal("TERM");
    assert_eq!(new.wait().code(), Some(0));
}

#[test]
fn nobody_is_let_in_by_either_process_who_was_taken_back_from_a_shell() {
    in_the_moment(taken_back_from_a_shell);
}

fn taken_back_from_a_shell() -> Vec<u16> {
    let site = HandedOver::new();
    let john = site.john();
    let begun = site.begin(BEGUN, &calling(&john));
    let (port, new) = (site.http, site.hand_over());
    assert_eq!(insist(port, &news_request("POST", &john)), 200);
    let seen = site.news.seen();
    assert_eq!(site.tollgate(&["user", "delete", "john"]).status.code(), Some(0));
    assert_eq!(insist(port, &news_request("POST", &john)), 401);
    let statuses = site.finish(begun);
    assert_eq!(site.news.seen(), seen, "the backend sees nothing of what is refused");
    site.end(new);
    statuses
}

#[test]
fn nobody_is_let_in_by_either_process_whose_token_the_other_one_revoked() {
    in_the_moment(revoked_by_the_other_one);
}

fn revoked_by_the_other_one() -> Vec<u16> {
    let site = HandedOver::new();
    let (first, second) = (site.john(), site.john());
    let begun = site.begin(BEGUN, &calling(&first));
    let (head, body) = revocation(&second);
    let mut revoking = Connection::to(site.http);
    revoking.begin(&head);
    eventually("the old process to read it", || site.under_way() > 0);
    let (port, new) = (site.http, site.hand_over());
    for token in [&first, &second] {
        assert_eq!(insist(port, &news_request("POST", token)), 200);
    }
    let seen = site.news.seen();
    let (head, rest) = revocation(&first);
    assert_eq!(insist(port, &(head + &rest)), 200);
    assert_eq!(insist(port, &news_request("POST", &first)), 401);
    let statuses = site.finish(begun);
    assert_eq!(revoking.send(&body).status, 200);
    assert_eq!(insist(port, &news_request("POST", &second)), 401);
    assert_eq!(site.news.seen(), seen, "the backend sees nothing of what is refused");
    site.end(new);
    statuses
}

/// Does something in the moment in which two processes accept, and looks at what the old one answers. That one hangs up
/// on what it has not read to the end when it begins to drain: where it did so before it was held, nothing was seen,
/// and it is done again.
fn in_the_moment(act: fn() -> Vec<u16>) {
    let answered = (0..MOMENTS).map(|_| act()).find(|statuses| !statuses.is_empty());
    let statuses = answered.expect("an answer of the old process");
    assert!(statuses.iter().all(|&status| status == 401), "{statuses:?}");
}

/// Writes a call of the news API but for its end.
fn calling(token: &str) -> String {
    format!("POST /orgnews/1.0.0/news HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n")
}

/// Writes a request that revokes a token, its head and its body.
fn revocation(token: &str) -> (String, String) {
    let body = format!("token={token}");
    let length = body.len();
    let head = format!(
        "POST /oauth2/revoke HTTP/1.1\r\nHost: a\r\nAuthorization: Basic {NEWSAPP}\r\nContent-Length: {length}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    );
    (head, body)
}

/// A site whose gateway hands its sockets over.
struct HandedOver {
    site: Site,
    news: Backend,
    old: Process,
}

impl std::ops::Deref for HandedOver {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl HandedOver {
    fn new() -> Self {
        let site = Site::new();
        let news = Backend::new();
        with_identity_at(&site, &format!("127.0.0.1:{}", news.port));
        let old = site.run(&[]);
        Self { site, news, old }
    }

    fn john(&self) -> String {
        access_token(&token(self.http, JOHN))
    }

    /// Sends a part of a request over so many connections, each of which the old process takes.
    fn begin(&self, count: u64, part: &str) -> Vec<Connection> {
        let begin = |_| {
            let mut connection = Connection::to(self.http);
            connection.begin(part);
            connection
        };
        let begun = (0..count).map(begin).collect();
        eventually("the old process to have them", || {
            self.metric("tollgate_connections_open") >= count
        });
        begun
    }

    /// Has another process take over, and holds the old one in the moment in which both accept.
    fn hand_over(&self) -> Process {
        let path = self.path("data/tollgate.sock");
        let control = || fs::metadata(&path).map(|socket| socket.ino()).ok();
        let before = control();
        let new = self.spawn(&["run", "--upgrade"]);
        self.old.signal("QUIT");
        eventually("the new process to come up", || control() != before);
        self.old.hold();
        self.ready();
        new
    }

    /// Lets the old process go on, with the rest of what was begun; returns the statuses that it answers with.
    fn finish(&self, mut begun: Vec<Connection>) -> Vec<u16> {
        for connection in &mut begun {
            connection.begin("Content-Length: 0\r\n\r\n");
        }
        self.old.signal("CONT");
        let replies = begun.iter_mut().filter_map(|connection| connection.exchange(""));
        replies.map(|reply| reply.status).collect()
    }

    fn end(mut self, mut new: Process) {
        assert_eq!(self.old.wait().code(), Some(0));
        new.signal("TERM");
        assert_eq!(new.wait().code(), Some(0));
    }
}

/// A backend that counts what it sees, and says nothing but that all is well.
struct Backend {
    port: u16,
    seen: Arc<AtomicU64>,
}

impl Backend {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::<AtomicU64>::default();
        let counter = Arc::clone(&seen);
        // It ends with the tests.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let mut line = String::new();
                while stream.read_line(&mut line).is_ok_and(|read| read > 0) && !line.ends_with("\r\n\r\n") {}
                if line.is_empty() {
                    continue;
                }
                counter.fetch_add(1, Ordering::SeqCst);
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                // Who asked may be gone.
                let _ = stream.get_mut().write_all(answer);
            }
        });
        Self { port, seen }
    }

    fn seen(&self) -> u64 {
        self.seen.load(Ordering::SeqCst)
    }
}

#[test]
fn a_registry_that_cannot_be_opened_is_exit_code_1_and_one_that_makes_no_sense_2() {
    let site = Site::new();
    let output = |url: &str, command: &[&str]| {
        let mut command = site.command(command);
        command
            .env("TOLLGATE_REGISTRY_URL", url)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        finish(command.spawn().unwrap())
    };
    for command in [&["run"][..], &["user", "list"]] {
        let malformed = output("mysql://me:hidden@db", command);
        assert_eq!(malformed.status.code(), Some(2), "{malformed:?}");
        let closed = output("postgres://me:hidden@127.0.0.1:1/tollgate", command);
        assert_eq!(closed.status.code(), Some(1), "{closed:?}");
        assert!(stderr(&closed).contains("registry.url"), "{}", stderr(&closed));
        let missing = output("sqlite:/proc/nowhere/registry.db", command);
        assert_eq!(missing.status.code(), Some(1), "{missing:?}");
        for output in [malformed, closed, missing] {
            assert!(!stderr(&output).contains("hidden"), "{}", stderr(&output));
        }
    }
    site.write("bootstrap.toml", "[[users]]\nname = 'tom'\npasword = 'x'\n");
    for command in ["run", "check"] {
        let refused = site.tollgate(&[command]);
        let said = stderr(&refused) + &stdout(&refused);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains("bootstrap.toml:3:1"), "{said}");
    }
}

#[test]
fn the_token_endpoint_is_on_every_host_and_nothing_that_looks_like_it_reaches_an_api() {
    let site = Site::new();
    with_identity(&site);
    // An API of everything: whatever is not the gateway's own would reach it.
    site.write("catalog/apis/demo.toml", &site.demo().replace("\"/demo\"", "\"/o\""));
    let _origin = site.origin();
    let gateway = site.run(&[]);
    for path in [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/oauth2/jwks",
    ] {
        for host in ["a.test", "localhost:8243", "[::1]"] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            assert_eq!(Connection::to(site.http).send(&request).status, 200, "{host}{path}");
        }
    }
    assert_eq!(
        get(site.http, "/%6fauth2/jwks").status,
        200,
        "what is matched is what is served"
    );
    for path in [
        "//oauth2/jwks",
        "/oauth2%2fjwks",
        "/oauth2;x/jwks",
        "/oauth2/jwks;x",
        "/oauth2/../oauth2/jwks",
    ] {
        assert_eq!(get(site.http, path).status, 400, "{path}");
    }
    assert_eq!(get(site.http, "/oauth2/nothing").status, 404);
    assert_eq!(get(site.http, "/token").status, 405);
    drop(gateway);
}

/// A configuration directory, and the ports that belong to it.
struct Site {
    directory: TempDir,
    http: u16,
    status: u16,
    admin: u16,
    backend: u16,
}

impl Site {
    fn new() -> Self {
        let site = Self {
            directory: tempfile::tempdir().unwrap(),
            http: free_port(),
            status: free_port(),
            admin: free_port(),
            backend: free_port(),
        };
        site.write(
            "tollgate.toml",
            &format!(
                "[gateway]\nhttp = [\"127.0.0.1:{}\"]\nhttps = []\n[status]\nhttp = [\"127.0.0.1:{}\"]\n\
                 [admin]\nhttp = [\"127.0.0.1:{}\"]\n\
                 [data]\ndir = \"data\"\n[log]\nfilter = \"error\"\n[shutdown]\ndrain = \"10s\"\n",
                site.http, site.status, site.admin
            ),
        );
        site.write("catalog/apis/demo.toml", &site.demo());
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("conf").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn origin_name(&self) -> String {
        format!("127.0.0.1:{}", self.backend)
    }

    fn demo(&self) -> String {
        format!(
            "name = \"Demo\"\ncontext = \"/demo\"\n\n[[versions]]\nversion = \"1.0\"\nstate = \"published\"\n\n\
             [versions.endpoints]\nproduction = \"http://{}\"\n\n\
             [[versions.resources]]\npath = \"/*\"\nmethods = [\"GET\"]\nauth = \"none\"\n",
            self.origin_name()
        )
    }

    /// Prepares a command; `--conf` follows the verb.
    fn command(&self, arguments: &[&str]) -> Command {
        let (verb, rest) = arguments.split_first().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        command
            .arg(verb)
            .arg("--conf")
            .arg(self.path(""))
            .args(rest)
            .stdin(Stdio::null());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TOLLGATE_")) {
            command.env_remove(name);
        }
        command
    }

    /// Runs a command that ends by itself.
    fn tollgate(&self, arguments: &[&str]) -> Output {
        finish(
            self.command(arguments)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap(),
        )
    }

    /// Runs a command that takes no configuration.
    fn plain(&self, arguments: &[&str]) -> Output {
        let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        output
    }

    fn spawn(&self, arguments: &[&str]) -> Process {
        self.spawn_with(arguments, &[])
    }

    fn spawn_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Process {
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied()).stdout(Stdio::piped());
        Process {
            child: command.spawn().unwrap(),
        }
    }

    /// Starts a gateway and waits until it is ready.
    fn run(&self, arguments: &[&str]) -> Process {
        let process = self.spawn(&[&["run"], arguments].concat());
        self.ready();
        process
    }

    fn ready(&self) {
        eventually("the gateway to be ready", || {
            Connection::find_to(self.status)
                .and_then(|mut c| c.find("/readyz"))
                .is_some_and(|reply| reply.status == 200)
        });
    }

    /// Starts the demonstration backend and waits until it answers.
    fn origin(&self) -> Process {
        self.origin_also_at(&[])
    }

    fn origin_also_at(&self, ports: &[u16]) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        command.args(["origin", "--listen", &self.origin_name()]);
        for port in ports {
            command.args(["--listen", &format!("127.0.0.1:{port}")]);
        }
        let child = command.stderr(Stdio::null()).spawn().unwrap();
        let process = Process { child };
        let mut all = [&[self.backend], ports].concat();
        eventually("the backend to answer", || {
            all.retain(|port| Connection::find_to(*port).is_none());
            all.is_empty()
        });
        process
    }

    /// Returns the number of requests that the gateway has begun and not ended.
    fn under_way(&self) -> u64 {
        self.metric("tollgate_requests_in_flight")
    }

    fn metric(&self, name: &str) -> u64 {
        self.find_metric(name).expect("the status page")
    }

    /// Adds up what a metric says; `None` where nobody answers.
    fn find_metric(&self, name: &str) -> Option<u64> {
        let metrics = Connection::find_to(self.status)?.find("/metrics")?.body;
        let lines = metrics.lines().filter(|line| line.starts_with(name));
        let sum: f64 = lines
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum();
        Some(sum as u64)
    }
}

/// A process that is killed with its test.
struct Process {
    child: Child,
}

impl Process {
    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("sh")
                .args(["-c", "kill -s \"$0\" \"$1\"", name, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Stops it until it is told to go on: once one of its threads has heard, the others go on for a moment.
    fn hold(&self) {
        self.signal("STOP");
        let threads = format!("/proc/{}/task", self.child.id());
        let is_held = |thread: &Path| {
            let stat = fs::read_to_string(thread.join("stat")).unwrap_or_default();
            stat.rsplit(") ").next().is_some_and(|state| state.starts_with('T'))
        };
        eventually("a process to be held", || {
            let mut threads = fs::read_dir(&threads).unwrap();
            threads.all(|thread| is_held(&thread.unwrap().path()))
        });
    }

    fn wait(&mut self) -> ExitStatus {
        wait(&mut self.child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn wait(child: &mut Child) -> ExitStatus {
    let mut status = None;
    eventually("a process to end", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    status.unwrap()
}

/// Collects what a process says until it ends; kills it when it does not.
fn finish(mut child: Child) -> Output {
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("a process did not end: {:?}", child.wait_with_output());
        }
        thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap()
}

/// A connection that is kept alive.
struct Connection(BufReader<TcpStream>);

struct Reply {
    status: u16,
    body: String,
}

impl Connection {
    fn to(port: u16) -> Self {
        Self::find_to(port).expect("a connection")
    }

    fn find_to(port: u16) -> Option<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        Some(Self(BufReader::new(stream)))
    }

    fn get(&mut self, path: &str) -> Reply {
        self.find(path).expect("a reply")
    }

    /// Calls; `None` where the connection ended instead of a reply.
    fn find(&mut self, path: &str) -> Option<Reply> {
        self.exchange(&format!("GET {path} HTTP/1.1\r\nHost: gateway.test\r\n\r\n"))
    }

    /// Sends a part of a request.
    fn begin(&mut self, part: &str) {
        self.0.get_mut().write_all(part.as_bytes()).unwrap();
    }

    fn send(&mut self, request: &str) -> Reply {
        self.exchange(request).expect("a reply")
    }

    fn exchange(&mut self, request: &str) -> Option<Reply> {
        self.0.get_mut().write_all(request.as_bytes()).ok()?;
        let (mut status, mut length) = (None, 0);
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end().to_ascii_lowercase();
            if status.is_none() {
                status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
            } else if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            } else if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).ok()?;
        Some(Reply {
            status: status?,
            body: String::from_utf8(body).unwrap(),
        })
    }
}

fn get(port: u16, path: &str) -> Reply {
    Connection::to(port).get(path)
}

fn copy(from: &Path, to: &Path, edit: &dyn Fn(&str) -> String) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target, edit);
        } else {
            fs::write(target, edit(&fs::read_to_string(entry.path()).unwrap())).unwrap();
        }
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
