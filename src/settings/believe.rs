//! From the raw settings to believed ones: every value within its bounds, every path and address in its place.
//!
//! All violations are found at once; each names the line, or the variable, that stated the value.

mod cache;
mod identity;
mod quota;

use std::fs::File;
use std::net::SocketAddr;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use tracing_subscriber::EnvFilter;

use crate::model::unit::{Period, Size};
use crate::model::violation::Violation;

use super::raw::{self, Raw};
use super::reading::{Origins, Reading};
use super::value::{Listen, Threads};
use super::{AccessLog, Admin, CertificateFiles, Gateway, Limits, Log, Recovered, Settings, Timeouts, Tls, Upstream};

/// Believes the settings as far as they can be, and says everything that is wrong with them.
pub(super) fn recover(reading: Reading) -> Recovered {
    let Reading {
        raw,
        origins,
        file,
        violations,
    } = reading;
    let base = file.parent().unwrap_or(Path::new("")).to_path_buf();
    let mut believer = Believer {
        origins,
        base,
        violations,
    };
    let settings = believer.settings(raw);
    let Believer {
        mut violations,
        origins,
        ..
    } = believer;
    violations.sort();
    // Where nobody knows which catalog is meant, the one in the usual place is meant, if there is one.
    let is_guess = !violations.is_empty()
        && (origins.lost(CATALOG) || violations.iter().any(|violation| violation.path == CATALOG));
    Recovered {
        settings: (!is_guess || settings.catalog.is_dir()).then_some(settings),
        violations,
    }
}

struct Believer {
    origins: Origins,
    base: PathBuf,
    violations: Vec<Violation>,
}

impl Believer {
    fn settings(&mut self, raw: Raw) -> Settings {
        self.no_clash(&raw);
        Settings {
            gateway: self.gateway(raw.gateway),
            admin: Admin {
                http: addresses(raw.admin.http),
                https: addresses(raw.admin.https),
            },
            status: addresses(raw.status.http),
            registry: self.registry(&raw.registry),
            oauth: self.oauth(&raw.oauth),
            credentials: self.credentials(&raw.credentials),
            refusals: self.count_or_none("explain.refusals", raw.explain.refusals, MANY / 10),
            quota: self.quota(raw.quota),
            cache: self.cache(&raw.cache),
            bootstrap: self.base.join(BOOTSTRAP),
            catalog: self.catalog(&raw.catalog),
            revisions: self.count("catalog.revisions", raw.catalog.revisions, MANY / 100),
            require_tests: raw.catalog.require_tests,
            data: self.path("data.dir", &raw.data.dir),
            tls: self.tls(&raw.tls),
            limits: self.limits(&raw.limits),
            timeouts: self.timeouts(&raw.timeouts),
            upstream: Upstream {
                idle_connections: self.count("upstream.idle_connections", raw.upstream.idle_connections, MANY),
                idle_timeout: self.period("upstream.idle_timeout", raw.upstream.idle_timeout),
            },
            log: self.log(raw.log),
            access_log: self.access_log(&raw.access_log),
            drain: self.at_most_a_day("shutdown.drain", raw.shutdown.drain),
        }
    }

    /// Places the catalog; what is no path becomes the usual one.
    fn catalog(&mut self, raw: &raw::Catalog) -> PathBuf {
        let before = self.violations.len();
        let stated = self.path(CATALOG, &raw.dir);
        if self.violations.len() == before {
            stated
        } else {
            self.base.join(raw::Catalog::default().dir)
        }
    }

    fn gateway(&mut self, raw: raw::Gateway) -> Gateway {
        let lost = ["gateway.http", "gateway.https"]
            .iter()
            .any(|key| self.origins.lost(key));
        if raw.http.is_empty() && raw.https.is_empty() && !lost {
            self.blame(
                "gateway",
                "no listener: `http` and `https` are both empty",
                "state an address in either",
            );
        }
        let threads = match raw.threads {
            Threads::Auto => thread::available_parallelism().map_or(1, NonZero::get),
            Threads::Number(number) => self.count("gateway.threads", number, 1024),
        };
        let trusted_proxies = raw.trusted_proxies.into_iter().map(|network| network.0).collect();
        Gateway {
            http: addresses(raw.http),
            https: addresses(raw.https),
            threads,
            trusted_proxies,
            client_certificates: raw.client_certificates,
            rate_limit_fields: raw.rate_limit_fields,
        }
    }

    /// Refuses addresses that cannot both be listened on.
    fn no_clash(&mut self, raw: &Raw) {
        let stated = [
            ("gateway.http", &raw.gateway.http),
            ("gateway.https", &raw.gateway.https),
            ("status.http", &raw.status.http),
            ("admin.http", &raw.admin.http),
            ("admin.https", &raw.admin.https),
        ];
        let mut taken: Vec<(String, SocketAddr)> = Vec::new();
        for (key, listeners) in stated {
            for (at, Listen(address)) in listeners.iter().enumerate() {
                let path = format!("{key}[{at}]");
                if let Some((other, _)) = taken.iter().find(|(_, other)| clash(*address, *other)) {
                    let message = format!("`{address}` is taken by `{other}`");
                    self.blame(&path, message, "each listener needs a port, or an address, of its own");
                }
                taken.push((path, *address));
            }
        }
    }

    fn tls(&mut self, raw: &raw::Tls) -> Tls {
        let mut certificates = Vec::new();
        for (at, pair) in raw.certificates.iter().enumerate() {
            certificates.push(CertificateFiles {
                certificate: self.file(&format!("tls.certificates[{at}].certificate"), &pair.certificate),
                key: self.file(&format!("tls.certificates[{at}].key"), &pair.key),
            });
        }
        Tls { certificates }
    }

    fn limits(&mut self, raw: &raw::Limits) -> Limits {
        Limits {
            connections: self.count("limits.connections", raw.connections, MANY),
            // What Pingora's own parser takes: 256 fields, 1 MiB - 1 with the target (seen in 0.9.1).
            header_count: self.count("limits.header_count", raw.header_count, 256),
            header_bytes: self.size("limits.header_bytes", raw.header_bytes, 960 << 10),
            // What the `http` crate takes as a target: 64 KiB - 2.
            uri_bytes: self.size("limits.uri_length", raw.uri_length, 63 << 10),
            request_body: self.size("limits.request_body", raw.request_body, 1 << 40),
            requests_per_connection: self.count(
                "limits.requests_per_connection",
                raw.requests_per_connection,
                u32::MAX,
            ),
            http2_streams: self.count("limits.http2_streams", raw.http2_streams, 10_000),
        }
    }

    fn timeouts(&mut self, raw: &raw::Timeouts) -> Timeouts {
        if raw.idle.0.subsec_nanos() > 0 {
            self.blame(
                "timeouts.idle",
                format!("`{}` is no whole number of seconds", raw.idle),
                "round it up",
            );
        }
        Timeouts {
            header: self.period("timeouts.header", raw.header),
            handshake: self.period("timeouts.handshake", raw.handshake),
            idle: self.period("timeouts.idle", raw.idle),
            read: self.period("timeouts.read", raw.read),
            write: self.period("timeouts.write", raw.write),
        }
    }

    fn log(&mut self, raw: raw::Log) -> Log {
        if raw.filter.trim().is_empty() {
            self.blame(
                "log.filter",
                "the filter is empty",
                "write a level, such as `info` or `off`",
            );
        } else if let Err(reason) = EnvFilter::builder().parse(&raw.filter) {
            let message = format!("`{}` is no filter: {reason}", raw.filter);
            self.blame("log.filter", message, "write a level, or `warn,tollgate=debug`");
        }
        Log {
            filter: raw.filter,
            format: raw.format,
        }
    }

    fn access_log(&mut self, raw: &raw::AccessLog) -> AccessLog {
        let is_stdout = ["stdout", "-", "/dev/stdout"].contains(&raw.path.as_str());
        AccessLog {
            format: raw.format,
            path: if is_stdout {
                None
            } else {
                Some(self.path("access_log.path", &raw.path))
            },
            queue: self.count("access_log.queue", raw.queue, MANY),
        }
    }

    fn count<N: TryFrom<u64> + Default>(&mut self, path: &str, number: u64, most: u32) -> N {
        if !(1..=u64::from(most)).contains(&number) {
            self.out_of_bounds(path, "1", &most.to_string());
        }
        N::try_from(number).unwrap_or_default()
    }

    fn count_or_none(&mut self, path: &str, number: u64, most: u32) -> usize {
        if number > u64::from(most) {
            self.out_of_bounds(path, "0", &most.to_string());
        }
        usize::try_from(number).unwrap_or_default()
    }

    fn size<N: TryFrom<u64> + Default>(&mut self, path: &str, size: Size, most: u64) -> N {
        if !(1..=most).contains(&size.0) {
            self.out_of_bounds(path, &Size(1).to_string(), &Size(most).to_string());
        }
        N::try_from(size.0).unwrap_or_default()
    }

    fn period(&mut self, path: &str, period: Period) -> Duration {
        if period.0.is_zero() {
            self.blame(
                path,
                format!("`{}` is no time at all", last(path)),
                "write a time such as `30s`",
            );
        }
        self.at_most_a_day(path, period)
    }

    fn at_most_a_day(&mut self, path: &str, period: Period) -> Duration {
        if period.0 > DAY {
            self.blame(
                path,
                format!("`{}` is more than a day", last(path)),
                "write a time such as `30s`",
            );
        }
        period.0
    }

    fn out_of_bounds(&mut self, path: &str, least: &str, most: &str) {
        let violation = self
            .origins
            .blame(path, format!("`{}` must be from {least} to {most}", last(path)));
        self.violations.push(violation);
    }

    /// Checks the address of a store without repeating it, since it may hold a password.
    fn address(&mut self, path: &str, value: &str, words: &[&str], schemes: &[&str]) {
        if !words.contains(&value) && !schemes.iter().any(|scheme| value.starts_with(scheme)) {
            let known: Vec<_> = words.iter().chain(schemes).map(|known| format!("`{known}`")).collect();
            self.blame(
                path,
                format!("`{}` names no known kind of store", last(path)),
                known.join(" or "),
            );
        }
    }

    /// Places a path beside the settings file.
    fn path(&mut self, path: &str, value: &str) -> PathBuf {
        if value.is_empty() || value.contains(['\n', '\0']) {
            let fix = "write the path itself; `file:` would put the text of the file in its place";
            self.blame(path, format!("`{}` is not a path", last(path)), fix);
        }
        self.base.join(value)
    }

    fn file(&mut self, path: &str, value: &str) -> PathBuf {
        let before = self.violations.len();
        let file = self.path(path, value);
        if self.violations.len() == before
            && let Err(reason) = File::open(&file)
        {
            self.blame(path, format!("`{}` cannot be read: {reason}", file.display()), RELATIVE);
        }
        file
    }

    fn blame(&mut self, path: &str, message: impl Into<String>, fix: impl Into<String>) {
        let violation = self.origins.blame(path, message.into());
        self.violations.push(Violation {
            fix: Some(fix.into()),
            ..violation
        });
    }
}

/// Tells whether one address takes what another needs; port 0 stands for any free one.
fn clash(a: SocketAddr, b: SocketAddr) -> bool {
    let covers = |a: SocketAddr, b: SocketAddr| a.ip().is_unspecified() && a.is_ipv4() == b.is_ipv4();
    a.port() == b.port() && a.port() != 0 && (a.ip() == b.ip() || covers(a, b) || covers(b, a))
}

fn addresses(listeners: Vec<Listen>) -> Vec<SocketAddr> {
    listeners.into_iter().map(|listen| listen.0).collect()
}

/// Returns the key at the end of a path.
fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// The key that says where the catalog is.
const CATALOG: &str = "catalog.dir";
/// What fills an empty registry, beside the settings file.
const BOOTSTRAP: &str = "bootstrap.toml";

/// Nothing that is counted may be more.
const MANY: u32 = 1_000_000;

/// No timeout may be longer.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Where paths begin.
const RELATIVE: &str = "paths are relative to the settings file";
