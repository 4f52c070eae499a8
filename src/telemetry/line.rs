//! One access record as one line, in JSON or the combined log format.
//!
//! Whatever a caller sent, a line is one line: control characters are escaped, bytes that are not UTF-8 replaced,
//! and long values cut, so that a line stays small enough to be written whole.

use std::borrow::Cow;
use std::io::Write;
use std::time::Duration;

use serde::Serialize;

use super::clock;
use super::record::{Asked, Record};

/// Writes a record as one JSON object and a line end.
pub(super) fn json(record: &Record<'_>) -> Vec<u8> {
    let Record { asked, answer, .. } = record;
    let mut line = Object(Vec::with_capacity(TYPICAL));
    let mut time = [0; clock::RFC3339_LENGTH];
    clock::write_rfc3339(&mut time.as_mut_slice(), record.at);
    line.text("{\"time\":", &time, TEXT);
    line.text(",\"request_id\":", record.id.as_bytes(), TEXT);
    line.value(",\"client\":", &asked.client);
    line.text(",\"scheme\":", asked.scheme.as_bytes(), TEXT);
    line.text(",\"protocol\":", record.protocol().as_bytes(), TEXT);
    line.text(",\"method\":", asked.method.as_bytes(), TEXT);
    line.text(",\"host\":", asked.host, TEXT);
    line.text(",\"path\":", asked.path, PATH);
    line.value(",\"status\":", &answer.status);
    if let Some(code) = answer.code {
        line.text(",\"code\":", code.as_bytes(), TEXT);
    }
    if let Some(reason) = answer.reason {
        line.text(",\"reason\":", reason.as_bytes(), TEXT);
    }
    if let Some(flaw) = answer.flaw {
        line.text(",\"flaw\":", flaw.as_bytes(), TEXT);
    }
    line.route(record);
    line.identity(record);
    line.value(",\"request_bytes\":", &asked.bytes);
    line.value(",\"response_bytes\":", &answer.bytes);
    line.value(",\"duration_ms\":", &milliseconds(answer.duration));
    line.upstream(record);
    line.value(",\"revision\":", &record.revision);
    if !asked.user_agent.is_empty() {
        line.text(",\"user_agent\":", asked.user_agent, TEXT);
    }
    if let Some(trace) = asked.trace {
        line.text(",\"trace_id\":", trace.as_bytes(), TEXT);
    }
    line.0.extend_from_slice(b"}\n");
    line.0
}

/// Writes a record in the combined log format of Apache and nginx.
pub(super) fn combined(record: &Record<'_>) -> Vec<u8> {
    let Asked {
        client,
        method,
        path,
        user_agent,
        ..
    } = record.asked;
    let mut line = Vec::with_capacity(TYPICAL);
    // Writing to a vector cannot fail.
    let _ = write!(line, "{client} - - [");
    clock::write_common(&mut line, record.at);
    line.extend_from_slice(b"] \"");
    push_escaped(&mut line, cut(method.as_bytes(), TEXT));
    line.push(b' ');
    push_escaped(&mut line, cut(path, PATH));
    let _ = write!(
        line,
        " {}\" {} {} \"-\" \"",
        record.protocol(),
        record.answer.status,
        record.answer.bytes
    );
    push_escaped(
        &mut line,
        if user_agent.is_empty() {
            b"-"
        } else {
            cut(user_agent, TEXT)
        },
    );
    line.extend_from_slice(b"\"\n");
    line
}

/// Room for most lines, so that they are written into one allocation.
const TYPICAL: usize = 640;
/// The longest path that is written.
const PATH: usize = 4096;
/// The longest of any other text that a caller sends.
const TEXT: usize = 512;

/// A JSON object as it is written. Its keys are ours and come ready to be copied, which every request pays for;
/// values that need more than that are left to the library.
struct Object(Vec<u8>);

impl Object {
    fn text(&mut self, key: &str, bytes: &[u8], limit: usize) {
        self.0.extend_from_slice(key.as_bytes());
        let needs_no_escape = |&byte: &u8| (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\';
        let bytes = cut(bytes, limit);
        if bytes.iter().all(needs_no_escape) {
            self.0.push(b'"');
            self.0.extend_from_slice(bytes);
            self.0.push(b'"');
        } else {
            self.value("", &text(bytes, limit));
        }
    }

    fn value<T: Serialize>(&mut self, key: &str, value: &T) {
        self.0.extend_from_slice(key.as_bytes());
        // A vector takes everything, and numbers, addresses and text have a form in JSON.
        let _ = serde_json::to_writer(&mut self.0, value);
    }

    fn route(&mut self, record: &Record<'_>) {
        let Some(route) = record.route else { return };
        self.text(",\"tenant\":", route.tenant.as_bytes(), TEXT);
        self.text(",\"api\":", route.api.as_bytes(), TEXT);
        self.text(",\"version\":", route.version.as_bytes(), TEXT);
        self.text(",\"resource\":", route.template.as_bytes(), TEXT);
        self.value(",\"by_default\":", &route.by_default);
    }

    fn identity(&mut self, record: &Record<'_>) {
        let Some(who) = record.identity else { return };
        if let Some(application) = who.application {
            self.text(",\"application\":", application.as_bytes(), TEXT);
        }
        if !who.client.is_empty() {
            self.text(",\"consumer_key\":", who.client.as_bytes(), TEXT);
        }
        self.text(",\"subject\":", who.subject.as_bytes(), TEXT);
    }

    fn upstream(&mut self, record: &Record<'_>) {
        let Some(called) = record.upstream else { return };
        if let Some(endpoint) = called.endpoint {
            self.value(",\"endpoint\":", &endpoint);
        }
        self.value(",\"attempts\":", &called.attempts);
        if let Some(duration) = called.duration {
            self.value(",\"upstream_ms\":", &milliseconds(duration));
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
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
            revision: 7,
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
                tenant: "carbon.super",
                api: "YouTube",
                version: "3.0",
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
                bytes: 512,
                duration: Duration::from_nanos(2_000_499),
            },
        }
    }

    #[test]
    fn a_json_line_holds_the_whole_record() {
        let line = json(&record(b"/youtube/videos/7", b"curl/8"));
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
        let line = combined(&record(b"/youtube/videos/7", b"curl/8"));
        let expected =
            "192.0.2.1 - - [01/Aug/2026:12:34:56 +0000] \"GET /youtube/videos/7 HTTP/2.0\" 200 512 \"-\" \"curl/8\"\n";
        assert_eq!(String::from_utf8(line).unwrap(), expected);
        assert!(combined(&record(b"/", b"")).ends_with(b"\"-\" \"-\"\n"));
    }

    #[test]
    fn nothing_that_a_caller_sends_breaks_a_line() {
        let hostile = b"/a\"b\\c\r\n\x00\x1b[2J\x7f\xff\xc2\x85\xe2\x80\xa8{}\"} \n192.0.2.9 - -";
        let record = record(hostile, hostile);
        for line in [json(&record), combined(&record)] {
            assert_eq!(line.iter().filter(|byte| **byte < 0x20).collect::<Vec<_>>(), [&b'\n']);
            assert_eq!(String::from_utf8(line).unwrap().lines().count(), 1);
        }
        let parsed: Value = serde_json::from_slice(&json(&record)).unwrap();
        assert_eq!(
            parsed["path"],
            "/a\"b\\c\r\n\0\u{1b}[2J\u{7f}\u{fffd}\u{fffd}\u{fffd}{}\"} \n192.0.2.9 - -"
        );
        let line = String::from_utf8(combined(&record)).unwrap();
        assert!(
            line.contains(r"GET /a\x22b\x5Cc\x0D\x0A\x00\x1B[2J\x7F\xFF\xC2\x85\xE2\x80\xA8{}"),
            "{line}"
        );
    }

    #[test]
    fn long_values_are_cut() {
        let long = vec![b'a'; 100_000];
        let record = record(&long, &long);
        assert!(json(&record).len() < 8192);
        assert!(combined(&record).len() < 8192);
    }
}
