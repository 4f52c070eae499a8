//! One access record as one line, in JSON or the combined log format.
//!
//! Whatever a caller sent, a line is one line: control characters are escaped, bytes that are not UTF-8 replaced,
//! and long values cut, so that a line stays small enough to be written whole.

use std::borrow::Cow;
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use super::clock;
use super::record::{Asked, By, Record};
use crate::forwarding::write_address;

/// Writes a record as one JSON object and a line end.
///
/// Every request pays for this, so what is known of the text is in the keys: each closes the value before it.
pub(super) fn json(record: &Record<'_>, out: &mut Vec<u8>) {
    let Record { asked, answer, .. } = record;
    let mut line = Object(out);
    line.ours("{\"time\":\"");
    line.0.extend_from_slice(&clock::rfc3339(record.at));
    line.ours("\",\"request_id\":\"");
    line.ours(record.id);
    line.ours("\",\"client\":\"");
    write_address(line.0, asked.client);
    line.ours("\",\"scheme\":\"");
    line.ours(asked.scheme);
    line.ours("\",\"protocol\":\"");
    line.ours(record.protocol());
    line.text("\",\"method\":\"", asked.method.as_bytes(), TEXT);
    line.text("\",\"host\":\"", asked.host, TEXT);
    line.text("\",\"path\":\"", asked.path, PATH);
    line.number("\",\"status\":", answer.status);
    if let (Some(code), Some(reason)) = (answer.code, answer.reason) {
        line.text(",\"code\":\"", code.as_bytes(), TEXT);
        line.text("\",\"reason\":\"", reason.as_bytes(), TEXT);
        line.ours("\"");
    }
    if let Some(flaw) = answer.flaw {
        line.text(",\"flaw\":\"", flaw.as_bytes(), TEXT);
        line.ours("\"");
    }
    if let Some(cache) = answer.cache {
        line.ours(",\"cache\":\"");
        line.ours(cache.name());
        line.ours("\"");
    }
    line.route(record);
    line.identity(record);
    line.number(",\"request_bytes\":", asked.bytes);
    line.number(",\"response_bytes\":", answer.bytes);
    line.milliseconds(",\"duration_ms\":", answer.duration);
    line.upstream(record);
    match record.by {
        By::Admin => line.ours(",\"listener\":\"admin\""),
        By::Gateway(revision) => line.number(",\"revision\":", revision),
    }
    if !asked.user_agent.is_empty() {
        line.text(",\"user_agent\":\"", asked.user_agent, TEXT);
        line.ours("\"");
    }
    if let Some(trace) = asked.trace {
        line.text(",\"trace_id\":\"", trace.as_bytes(), TEXT);
        line.ours("\"");
    }
    line.ours("}\n");
}

/// Writes what every line of a version says of it, once for all of them.
pub(super) fn names(tenant: &str, api: &str, version: &str) -> Box<str> {
    let mut written = Vec::new();
    let mut names = Object(&mut written);
    names.text(",\"tenant\":\"", tenant.as_bytes(), TEXT);
    names.text("\",\"api\":\"", api.as_bytes(), TEXT);
    names.text("\",\"version\":\"", version.as_bytes(), TEXT);
    names.ours("\"");
    String::from_utf8(written).unwrap_or_default().into()
}

/// Writes a record in the combined log format of Apache and nginx. Who answered, if it was not the gateway, stands in the
/// second field, which nobody else has a use for.
pub(super) fn combined(record: &Record<'_>, line: &mut Vec<u8>) {
    let Asked {
        client,
        method,
        path,
        user_agent,
        ..
    } = record.asked;
    // Writing to a vector cannot fail.
    let by = match record.by {
        By::Admin => "admin",
        By::Gateway(_) => "-",
    };
    let _ = write!(line, "{client} {by} - [");
    clock::write_common(line, record.at);
    line.extend_from_slice(b"] \"");
    push_escaped(line, cut(method.as_bytes(), TEXT));
    line.push(b' ');
    push_escaped(line, cut(path, PATH));
    let _ = write!(
        line,
        " {}\" {} {} \"-\" \"",
        record.protocol(),
        record.answer.status,
        record.answer.bytes
    );
    push_escaped(
        line,
        if user_agent.is_empty() {
            b"-"
        } else {
            cut(user_agent, TEXT)
        },
    );
    line.extend_from_slice(b"\"\n");
}

/// The longest path that is written.
const PATH: usize = 4096;
/// The longest of any other text that a caller sends.
const TEXT: usize = 512;

/// A JSON object as it is written; what is ours needs no escape.
struct Object<'a>(&'a mut Vec<u8>);

impl Object<'_> {
    fn ours(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Writes a key, which opens the quotes, and a value that may hold anything.
    fn text(&mut self, key: &str, bytes: &[u8], limit: usize) {
        self.ours(key);
        let bytes = cut(bytes, limit);
        let needs_escape = |byte: u8| !(b' '..=b'~').contains(&byte) || byte == b'"' || byte == b'\\';
        // To the end whatever it finds: without a way out, many bytes are looked at at once.
        if !bytes.iter().fold(false, |found, &byte| found | needs_escape(byte)) {
            self.0.extend_from_slice(bytes);
        } else {
            let quoted = serde_json::to_string(&text(bytes, limit)).unwrap_or_default();
            let inside = quoted.strip_prefix('"').and_then(|quoted| quoted.strip_suffix('"'));
            self.ours(inside.unwrap_or_default());
        }
    }

    fn number(&mut self, key: &str, number: impl itoa::Integer) {
        self.ours(key);
        self.ours(itoa::Buffer::new().format(number));
    }

    /// Writes a duration to the microsecond, without zeros that say nothing.
    fn milliseconds(&mut self, key: &str, duration: Duration) {
        let micros = (duration.as_nanos() + 500) / 1000;
        let micros = u64::try_from(micros).unwrap_or(u64::MAX);
        self.number(key, micros / 1000);
        let rest = micros % 1000;
        let [hundreds, tens, ones] = [rest / 100, rest / 10 % 10, rest % 10].map(|digit| b'0' + digit as u8);
        self.0.extend_from_slice(&[b'.', hundreds, tens, ones]);
        for _ in 0..2 {
            if self.0.last() == Some(&b'0') {
                self.0.pop();
            }
        }
    }

    fn route(&mut self, record: &Record<'_>) {
        let Some(route) = record.route else { return };
        self.ours(route.names);
        self.text(",\"resource\":\"", route.template.as_bytes(), TEXT);
        self.ours(if route.by_default {
            "\",\"by_default\":true"
        } else {
            "\",\"by_default\":false"
        });
    }

    fn identity(&mut self, record: &Record<'_>) {
        let Some(who) = record.identity else { return };
        if let Some(application) = who.application {
            self.text(",\"application\":\"", application.as_bytes(), TEXT);
            self.ours("\"");
        }
        if !who.client.is_empty() {
            self.text(",\"consumer_key\":\"", who.client.as_bytes(), TEXT);
            self.ours("\"");
        }
        self.text(",\"subject\":\"", who.subject.as_bytes(), TEXT);
        self.ours("\"");
    }

    fn upstream(&mut self, record: &Record<'_>) {
        let Some(called) = record.upstream else { return };
        if let Some(endpoint) = called.endpoint {
            self.ours(",\"endpoint\":\"");
            match endpoint {
                SocketAddr::V4(_) => {
                    write_address(self.0, endpoint.ip());
                    self.number(":", endpoint.port());
                }
                // Writing to a vector cannot fail.
                SocketAddr::V6(_) => drop(write!(self.0, "{endpoint}")),
            }
            self.ours("\"");
        }
        self.number(",\"attempts\":", called.attempts);
        if let Some(duration) = called.duration {
            self.milliseconds(",\"upstream_ms\":", duration);
        }
    }
}

/// Returns text that JSON can hold and no reader takes for the end of a line.
fn text(bytes: &[u8], limit: usize) -> Cow<'_, str> {
    let bytes = cut(bytes, limit);
    let text = String::from_utf8_lossy(bytes);
    // JSON escapes the control characters of ASCII itself; these it leaves alone, and some readers break lines there.
    let breaks = |c: char| !c.is_ascii() && (c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'));
    if bytes.is_ascii() || !text.contains(breaks) {
        return text;
    }
    Cow::Owned(text.replace(breaks, "\u{fffd}"))
}

fn cut(bytes: &[u8], limit: usize) -> &[u8] {
    bytes.get(..limit).unwrap_or(bytes)
}

/// Escapes what could end a quoted field or a line, as nginx does.
fn push_escaped(line: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        match byte {
            b'"' | b'\\' | ..=0x1f | 0x7f.. => {
                let _ = write!(line, "\\x{byte:02X}");
            }
            _ => line.push(byte),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::SystemTime;

    use http::Version;
    use serde_json::Value;

    use super::*;
    use crate::telemetry::record::{Answer, Called, Identity, Routed};

    pub(in crate::telemetry) fn record<'a>(path: &'a [u8], user_agent: &'a [u8]) -> Record<'a> {
        Record {
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_785_587_696_007),
            id: "0198-7",
            by: By::Gateway(7),
            asked: Asked {
                client: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
                scheme: "https",
                protocol: Version::HTTP_2,
                method: "GET",
                host: b"api.example.com",
                path,
                user_agent,
                trace: Some("4bf92f3577b34da6a3ce929d0e0e4736"),
                bytes: 0,
            },
            route: Some(Routed {
                names: r#","tenant":"carbon.super","api":"YouTube","version":"3.0""#,
                template: "/videos/{id}",
                by_default: true,
            }),
            identity: Some(Identity {
                application: Some("Phone app"),
                client: "k1",
                subject: "tom@carbon.super",
            }),
            upstream: Some(Called {
                endpoint: Some(([127, 0, 0, 1], 9001).into()),
                attempts: 2,
                duration: Some(Duration::from_micros(1_234)),
            }),
            answer: Answer {
                status: 200,
                code: None,
                reason: None,
                flaw: None,
                cache: None,
                bytes: 512,
                duration: Duration::from_nanos(2_000_499),
            },
        }
    }

    fn written(format: fn(&Record<'_>, &mut Vec<u8>), record: &Record<'_>) -> Vec<u8> {
        let mut line = Vec::new();
        format(record, &mut line);
        line
    }

    #[test]
    fn a_json_line_holds_the_whole_record() {
        let line = written(json, &record(b"/youtube/videos/7", b"curl/8"));
        assert_eq!(
            String::from_utf8(line).unwrap(),
            concat!(
                r#"{"time":"2026-08-01T12:34:56.007Z","request_id":"0198-7","client":"192.0.2.1","scheme":"https","#,
                r#""protocol":"HTTP/2.0","method":"GET","host":"api.example.com","path":"/youtube/videos/7","#,
                r#""status":200,"tenant":"carbon.super","api":"YouTube","version":"3.0","resource":"/videos/{id}","#,
                r#""by_default":true,"application":"Phone app","consumer_key":"k1","subject":"tom@carbon.super","request_bytes":0,"response_bytes":512,"duration_ms":2.0,"#,
                r#""endpoint":"127.0.0.1:9001","attempts":2,"upstream_ms":1.234,"revision":7,"user_agent":"curl/8","#,
                r#""trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_combined_line_is_the_one_that_log_readers_know() {
        let line = written(combined, &record(b"/youtube/videos/7", b"curl/8"));
        let expected =
            "192.0.2.1 - - [01/Aug/2026:12:34:56 +0000] \"GET /youtube/videos/7 HTTP/2.0\" 200 512 \"-\" \"curl/8\"\n";
        assert_eq!(String::from_utf8(line).unwrap(), expected);
        assert!(written(combined, &record(b"/", b"")).ends_with(b"\"-\" \"-\"\n"));
    }

    #[test]
    fn a_line_says_that_the_admin_listener_answered() {
        let record = Record {
            by: By::Admin,
            ..record(b"/oauth2/token", b"")
        };
        let line: Value = serde_json::from_slice(&written(json, &record)).unwrap();
        assert_eq!((&line["listener"], &line["revision"]), (&"admin".into(), &Value::Null));
        assert!(written(combined, &record).starts_with(b"192.0.2.1 admin - ["));
    }

    #[test]
    fn nothing_that_a_caller_sends_breaks_a_line() {
        let hostile = b"/a\"b\\c\r\n\x00\x1b[2J\x7f\xff\xc2\x85\xe2\x80\xa8{}\"} \n192.0.2.9 - -";
        let record = record(hostile, hostile);
        for line in [written(json, &record), written(combined, &record)] {
            assert_eq!(line.iter().filter(|byte| **byte < 0x20).collect::<Vec<_>>(), [&b'\n']);
            assert_eq!(String::from_utf8(line).unwrap().lines().count(), 1);
        }
        let parsed: Value = serde_json::from_slice(&written(json, &record)).unwrap();
        assert_eq!(
            parsed["path"],
            "/a\"b\\c\r\n\0\u{1b}[2J\u{7f}\u{fffd}\u{fffd}\u{fffd}{}\"} \n192.0.2.9 - -"
        );
        let line = String::from_utf8(written(combined, &record)).unwrap();
        assert!(
            line.contains(r"GET /a\x22b\x5Cc\x0D\x0A\x00\x1B[2J\x7F\xFF\xC2\x85\xE2\x80\xA8{}"),
            "{line}"
        );
    }

    #[test]
    fn names_are_escaped() {
        let written = names("carbon.super", "You\"Tube", "3.0");
        assert_eq!(
            &*written,
            r#","tenant":"carbon.super","api":"You\"Tube","version":"3.0""#
        );
    }

    #[test]
    fn long_values_are_cut() {
        let long = vec![b'a'; 100_000];
        let record = record(&long, &long);
        assert!(written(json, &record).len() < 8192);
        assert!(written(combined, &record).len() < 8192);
    }
}
