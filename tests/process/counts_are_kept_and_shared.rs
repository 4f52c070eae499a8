//! Quotas hold across restarts, reloads, hand-overs, and over several gateways with a real Redis server.
//!
//! The backend counts what it sees, so each test proves both what the callers were told and what passed.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use crate::machine::{eventually, free_port};
use crate::{Connection, Process, Site, get};

/// A backend that counts requests; `/slow` waits as long as a file of this name is there.
struct Backend {
    seen: Arc<AtomicU64>,
    gate: TempDir,
}

impl Backend {
    fn start(site: &Site) -> Self {
        let listener = TcpListener::bind(site.origin_name()).unwrap();
        let (seen, gate) = (Arc::<AtomicU64>::default(), tempfile::tempdir().unwrap());
        let (counted, closed) = (Arc::clone(&seen), gate.path().join("slow"));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (counted, closed) = (Arc::clone(&counted), closed.clone());
                thread::spawn(move || {
                    let mut stream = BufReader::new(stream.unwrap());
                    let mut head = String::new();
                    while stream.read_line(&mut head).is_ok_and(|length| length > 2) {}
                    if head.is_empty() {
                        return;
                    }
                    counted.fetch_add(1, Ordering::SeqCst);
                    while head.contains("/slow") && closed.exists() {
                        thread::sleep(Duration::from_millis(5));
                    }
                    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
                    _ = stream.get_mut().write_all(answer.as_bytes());
                });
            }
        });
        Self { seen, gate }
    }

    fn seen(&self) -> u64 {
        self.seen.load(Ordering::SeqCst)
    }

    fn close_gate(&self) {
        std::fs::write(self.gate.path().join("slow"), "").unwrap();
    }

    fn open_gate(&self) {
        std::fs::remove_file(self.gate.path().join("slow")).unwrap();
    }
}

/// Writes a catalog whose demonstration API has so many requests an hour.
fn limit(site: &Site, requests: u64) {
    let demo = site.demo();
    let published = "state = \"published\"";
    site.write(
        "catalog/apis/demo.toml",
        &demo.replace(published, &format!("{published}\ntier = \"Some\"")),
    );
    site.write(
        "catalog/tiers.toml",
        &format!(
            "[[tiers]]\nname = \"Some\"\nlevel = \"resource\"\nlimits = [{{ requests = {requests}, per = \"1h\" }}]\n"
        ),
    );
}

/// Makes an authority, and a certificate of it for the local address, as PEM files in a directory.
fn certify(directory: &Path) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = CertifiedIssuer::self_signed(authority, key).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&key, &authority).unwrap();
    for (name, pem) in [
        ("ca.pem", authority.pem()),
        ("certificate.pem", certificate.pem()),
        ("key.pem", key.serialize_pem()),
    ] {
        std::fs::write(directory.join(name), pem).unwrap();
    }
}

/// Tells whether a request passes; anything but that or a refusal for the quota fails the test.
fn passes(port: u16) -> bool {
    match get(port, "/demo/1.0/a").status {
        200 => true,
        429 => false,
        status => panic!("{status}"),
    }
}

fn count(port: u16, times: u64) -> u64 {
    (0..times).filter(|_| passes(port)).count() as u64
}

#[test]
fn counts_outlive_reloads_and_restarts() {
    let site = Site::new();
    let backend = Backend::start(&site);
    limit(&site, 6);
    let mut gateway = site.run(&[]);
    assert_eq!(count(site.http, 2), 2);
    limit(&site, 7);
    assert!(site.tollgate(&["reload"]).status.success());
    assert_eq!(count(site.http, 1), 1);
    for signal in ["TERM", "INT"] {
        gateway.signal(signal);
        assert_eq!(gateway.wait().code(), Some(0));
        gateway = site.run(&[]);
        assert_eq!(count(site.http, 1), 1);
    }
    assert_eq!(count(site.http, 9), 2);
    assert_eq!(backend.seen(), 7);
    gateway.signal("TERM");
    gateway.wait();
    std::fs::write(site.path("data/quota/counts"), "no counts").unwrap();
    let _gateway = site.run(&[]);
    assert_eq!(count(site.http, 9), 7, "what cannot be read stops nobody");
}

#[test]
fn a_hand_over_passes_no_quota_and_loses_none_of_it() {
    hand_over(&[], 0);
}

#[test]
fn a_hand_over_of_a_gateway_with_a_store_stays_within_what_is_said() {
    let redis = Redis::start();
    let store = format!("redis://:{PASSWORD}@127.0.0.1:{}", redis.port);
    // The process that leaves is one more gateway for the time.
    for (mode, extra) in [("exact", 0), ("shared", 4)] {
        // Another database for each.
        let store = format!("{store}/{extra}");
        hand_over(
            &[("TOLLGATE_QUOTA_STORE", &store), ("TOLLGATE_QUOTA_MODE", mode)],
            extra,
        );
    }
}

fn hand_over(variables: &[(&str, &str)], extra: u64) {
    let site = Site::new();
    let backend = Backend::start(&site);
    limit(&site, 64);
    let mut old = site.spawn_with(&["run"], variables);
    site.ready();
    let mut passed = count(site.http, 20);
    let mut kept = Connection::to(site.http);
    assert_eq!(kept.get("/demo/1.0/a").status, 200);
    backend.close_gate();
    let port = site.http;
    let slow = thread::spawn(move || get(port, "/demo/1.0/slow").status);
    eventually("the slow request", || backend.seen() == 22);
    passed += 2;
    let new = site.spawn_with(&["run", "--upgrade"], variables);
    old.signal("QUIT");
    // Both serve now: the old one what was begun, and the new one everybody else.
    eventually("the next process to count", || {
        passed += u64::from(passes(site.http));
        passed >= 60
    });
    passed += count(site.http, 20);
    assert!(passed <= 64 + extra, "{passed}");
    backend.open_gate();
    assert_eq!(slow.join().unwrap(), 200);
    assert_eq!(old.wait().code(), Some(0));
    eventually("all of the quota", || {
        passed += u64::from(passes(site.http));
        passed >= 64
    });
    passed += count(site.http, 20);
    assert_eq!(passed, backend.seen());
    assert!((64..=64 + extra).contains(&passed), "{passed}");
    drop(new);
}

#[test]
fn a_process_that_dies_while_it_leaves_takes_nothing_with_it() {
    let site = Site::new();
    let backend = Backend::start(&site);
    limit(&site, 64);
    let mut old = site.run(&[]);
    assert_eq!(count(site.http, 20), 20);
    backend.close_gate();
    let port = site.http;
    let slow = thread::spawn(move || Connection::to(port).find("/demo/1.0/slow").is_none());
    eventually("the slow request", || backend.seen() == 21);
    let control = || {
        std::fs::metadata(site.path("data/tollgate.sock"))
            .map(|file| std::os::unix::fs::MetadataExt::ino(&file))
            .ok()
    };
    let before = control();
    let _new = site.spawn(&["run", "--upgrade"]);
    old.signal("QUIT");
    eventually("the next process", || control().is_some_and(|now| Some(now) != before));
    old.signal("KILL");
    old.wait();
    assert!(slow.join().unwrap());
    let mut passed = 21;
    eventually("all of the quota", || {
        passed += u64::from(passes(site.http));
        passed >= 64
    });
    assert_eq!(count(site.http, 20), 0);
    assert_eq!(backend.seen(), 64);
    backend.open_gate();
}

/// A Redis server that the test owns.
struct Redis {
    port: u16,
    directory: TempDir,
    child: Option<Child>,
}

impl Redis {
    fn start() -> Self {
        let mut redis = Self {
            port: free_port(),
            directory: tempfile::tempdir().unwrap(),
            child: None,
        };
        redis.restart();
        redis
    }

    fn restart(&mut self) {
        self.start_with(&[]);
    }

    fn start_with(&mut self, arguments: &[&str]) {
        let mut command = Command::new("redis-server");
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--requirepass", PASSWORD, "--port", &self.port.to_string()])
            .args(arguments)
            .current_dir(self.directory.path())
            .stdout(Stdio::null());
        self.child = Some(command.spawn().expect("redis-server, which `make test` installs"));
        eventually("redis", || {
            std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        });
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Two gateways with directories of their own, in front of one backend.
struct Pair {
    // Ended before their directories are.
    _gateways: [Process; 2],
    sites: [Site; 2],
    backend: Backend,
}

impl Pair {
    fn start(redis: &Redis, mode: &str, requests: u64) -> Self {
        let (first, mut second) = (Site::new(), Site::new());
        second.backend = first.backend;
        let sites = [first, second];
        let backend = Backend::start(&sites[0]);
        let gateways = sites.each_ref().map(|site| {
            limit(site, requests);
            let store = format!("redis://:${{STORE_PASSWORD}}@127.0.0.1:{}", redis.port);
            let gateway = site.spawn_with(
                &["run"],
                &[
                    ("TOLLGATE_QUOTA_STORE", &store),
                    ("TOLLGATE_QUOTA_MODE", mode),
                    ("STORE_PASSWORD", PASSWORD),
                ],
            );
            site.ready();
            gateway
        });
        let pair = Self {
            sites,
            _gateways: gateways,
            backend,
        };
        pair.eventually_together();
        pair
    }

    fn eventually_together(&self) {
        for site in &self.sites {
            eventually("counts to be shared", || {
                connected(site) == Some(1) && complaint(site).is_null()
            });
        }
    }

    /// Calls both gateways from several threads; returns how many pass.
    fn crowd(&self, times: u64) -> u64 {
        let ports = self.sites.iter().map(|site| site.http).cycle();
        let callers: Vec<_> = ports
            .take(6)
            .map(|port| thread::spawn(move || count(port, times)))
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).sum()
    }
}

fn connected(site: &Site) -> Option<u64> {
    site.find_metric("tollgate_quota_store_connected{")
}

/// Returns what `/readyz` says against the store.
fn complaint(site: &Site) -> serde_json::Value {
    let page: serde_json::Value = serde_json::from_str(&get(site.status, "/readyz").body).unwrap();
    page.pointer("/quota/error").unwrap().clone()
}

#[test]
fn a_store_behind_tls_is_believed_when_its_certificate_is() {
    let mut redis = Redis::start();
    redis.kill();
    certify(redis.directory.path());
    let port = free_port();
    redis.start_with(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        "certificate.pem",
        "--tls-key-file",
        "key.pem",
        "--tls-ca-cert-file",
        "ca.pem",
        "--tls-auth-clients",
        "no",
    ]);
    let authority = redis.directory.path().join("ca.pem");
    for (trusted, is_believed) in [(authority.to_str().unwrap(), true), ("/dev/null", false)] {
        let site = Site::new();
        let store = format!("rediss://:{PASSWORD}@127.0.0.1:{port}");
        let variables = [("TOLLGATE_QUOTA_STORE", store.as_str()), ("SSL_CERT_FILE", trusted)];
        let _gateway = site.spawn_with(&["run"], &variables);
        site.ready();
        match is_believed {
            true => eventually("the store to be believed", || connected(&site) == Some(1)),
            false => eventually("the store to be doubted", || complaint(&site).is_string()),
        }
        assert_eq!(connected(&site), Some(u64::from(is_believed)));
    }
}

#[test]
fn two_gateways_that_ask_never_pass_a_quota_together() {
    let redis = Redis::start();
    let pair = Pair::start(&redis, "exact", 50);
    assert_eq!(pair.crowd(20), 50);
    assert_eq!(pair.crowd(2), 0);
    assert_eq!(pair.backend.seen(), 50);
}

#[test]
fn two_gateways_that_tell_pass_a_quota_by_a_sixteenth_at_most() {
    let redis = Redis::start();
    let pair = Pair::start(&redis, "shared", 160);
    let passed = pair.crowd(60);
    assert!((160..=170).contains(&passed), "{passed}");
    assert_eq!(pair.crowd(2), 0);
    assert_eq!(pair.backend.seen(), passed);
}

#[test]
fn the_loss_of_the_store_is_seen_stops_nobody_and_heals() {
    for mode in ["exact", "shared"] {
        let mut redis = Redis::start();
        let pair = Pair::start(&redis, mode, 400);
        let before = pair.crowd(5);
        assert_eq!(before, 30);
        redis.kill();
        let lost = Instant::now();
        while pair.sites.iter().any(|site| connected(site) == Some(1)) {
            for site in &pair.sites {
                assert!(passes(site.http));
            }
            assert!(lost.elapsed() < Duration::from_secs(1), "{mode}");
        }
        for site in &pair.sites {
            let (complaint, begun) = (complaint(site), Instant::now());
            assert!(
                complaint.is_string() && !complaint.to_string().contains(PASSWORD),
                "{complaint}"
            );
            assert_eq!(get(site.status, "/readyz").status, 200);
            assert_eq!(count(site.http, 5), 5);
            assert!(begun.elapsed() < Duration::from_secs(1), "nobody waits any more");
        }
        // It has forgotten everything, and is told what the gateways know.
        redis.restart();
        pair.eventually_together();
        let all = pair.backend.seen();
        let rest = pair.crowd(100);
        assert!((400..=425).contains(&(all + rest)), "{mode}: {all} and {rest}");
        assert_eq!(pair.crowd(1), 0);
    }
}

const PASSWORD: &str = "sesame-of-the-store";
