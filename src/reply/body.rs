//! The bodies of faults: W's JSON and XML, and problem details (RFC 9457).

use std::time::SystemTime;

use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue};
use serde::Serialize;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::denial::{Denial, Fault, Kind};

/// What a fault says to one caller.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'a> {
    pub(super) fault: Fault,
    pub(super) description: &'a str,
    /// From when on it may be asked again, as W writes it.
    pub(super) next_access: Option<&'a str>,
}

/// A fault as W's JSON has it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Json<'a> {
    code: &'a str,
    description: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_access_time: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'a str>,
}

/// The formats of a fault (DESIGN, 3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Format {
    Json,
    Problem,
    Xml,
}

/// Picks the first format that the caller names; JSON where it names none that we speak.
pub(super) fn format(headers: &HeaderMap) -> Format {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    for media in accepted.flat_map(|line| line.split(',')) {
        match media.split(';').next().unwrap_or_default().trim() {
            "application/problem+json" => return Format::Problem,
            "application/json" | "*/*" => return Format::Json,
            "application/xml" | "text/xml" => return Format::Xml,
            _ => {}
        }
    }
    Format::Json
}

/// Returns from when on a denial may be asked again, where it is one of those and that is known (W 3.4).
pub(super) fn next_access(denial: Denial, now: SystemTime) -> Option<String> {
    let wait = denial.retry_after()?;
    let next = OffsetDateTime::from(now).checked_add(Duration::seconds(wait.into()))?;
    let month = next.month().to_string();
    let month = month.get(..3).unwrap_or_default();
    let (year, day) = (next.year(), next.day());
    let (hour, minute, second) = next.to_hms();
    Some(format!(
        "{year:04}-{month}-{day:02} {hour:02}:{minute:02}:{second:02}+0000 UTC"
    ))
}

/// Writes a fault; returns its media type and itself.
pub(super) fn body(format: Format, id: &HeaderValue, said: Said<'_>) -> (&'static str, String) {
    let id = id.to_str().unwrap_or_default();
    let Said {
        fault,
        description,
        next_access,
    } = said;
    let Fault {
        status,
        code,
        kind,
        message,
        ..
    } = fault;
    match format {
        Format::Json => {
            let body = Json {
                code,
                description,
                message,
                next_access_time: next_access,
                r#type: kind.report(),
            };
            // Texts alone: there is nothing in it that could not be written.
            ("application/json", serde_json::to_string(&body).unwrap_or_default())
        }
        Format::Problem => {
            let body = json!({
                "type": format!("urn:tollgate:fault:{code}"), "title": message, "status": status.as_u16(),
                "detail": description, "code": code, "request_id": id,
            });
            ("application/problem+json", body.to_string())
        }
        // Every word of a fault is free of markup: ours, or a name of a grammar without any.
        Format::Xml => {
            let (prefix, space) = match kind {
                Kind::Report(_) => ("am", "http://wso2.org/apimanager"),
                Kind::Security => ("ams", "http://wso2.org/apimanager/security"),
                Kind::Throttling => ("amt", "http://wso2.org/apimanager/throttling"),
            };
            let element = |name: &str, text: &str| format!("<{prefix}:{name}>{text}</{prefix}:{name}>");
            let inner = [
                element("code", code),
                kind.report().map(|kind| element("type", kind)).unwrap_or_default(),
                element("message", message),
                element("description", description),
                next_access
                    .map(|next| element("nextAccessTime", next))
                    .unwrap_or_default(),
            ];
            let body = format!(
                "<{prefix}:fault xmlns:{prefix}=\"{space}\">{}</{prefix}:fault>",
                inner.concat()
            );
            ("application/xml", body)
        }
    }
}

impl Kind {
    /// Returns the `type` of a status report.
    fn report(self) -> Option<&'static str> {
        match self {
            Self::Report(kind) => Some(kind),
            Self::Security | Self::Throttling => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::denial::Reach;

    fn asked_for(accept: &str) -> Format {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        format(&headers)
    }

    fn said(denial: Denial) -> Said<'static> {
        let fault = denial.fault();
        Said {
            fault,
            description: fault.description,
            next_access: None,
        }
    }

    fn json_of(said: Said<'_>) -> serde_json::Value {
        let (_, text) = body(Format::Json, &HeaderValue::from_static("r"), said);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_fault_comes_in_the_format_that_was_asked_for() {
        assert_eq!(asked_for("*/*"), Format::Json);
        assert_eq!(asked_for("image/png"), Format::Json);
        assert_eq!(asked_for("text/html, application/problem+json;q=0.9"), Format::Problem);
        assert_eq!(asked_for("text/xml"), Format::Xml);
        assert_eq!(format(&HeaderMap::new()), Format::Json);
    }

    #[test]
    fn a_json_fault_has_the_fields_of_the_system_we_replace() {
        assert_eq!(
            json_of(said(Denial::UnknownApi)),
            json!({
                "code": "404", "type": "Status report", "message": "Not Found",
                "description": "The requested resource is not available.",
            })
        );
    }

    #[test]
    fn a_security_fault_has_no_type_and_a_namespace_of_its_own() {
        let of_scope = Said {
            description: "d",
            ..said(Denial::MissingScope)
        };
        assert_eq!(
            json_of(of_scope),
            json!({
                "code": "900910", "description": "d",
                "message": "The access token does not allow you to access the requested resource",
            })
        );
        let (_, text) = body(Format::Xml, &HeaderValue::from_static("r"), of_scope);
        assert_eq!(
            text,
            "<ams:fault xmlns:ams=\"http://wso2.org/apimanager/security\"><ams:code>900910</ams:code>\
             <ams:message>The access token does not allow you to access the requested resource</ams:message>\
             <ams:description>d</ams:description></ams:fault>"
        );
    }

    #[test]
    fn a_throttled_caller_is_told_when_to_come_again() {
        let denial = Denial::Throttled(Reach::Subscription, Some(60));
        let now = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_588_570_920);
        let next = next_access(denial, now).unwrap();
        assert_eq!(next, "2020-May-04 05:43:00+0000 UTC");
        let throttled = Said {
            next_access: Some(&next),
            ..said(denial)
        };
        assert_eq!(
            json_of(throttled),
            json!({
                "code": "900804", "message": "Message throttled out", "description": "You have exceeded your quota",
                "nextAccessTime": "2020-May-04 05:43:00+0000 UTC",
            })
        );
        let (_, text) = body(Format::Xml, &HeaderValue::from_static("r"), throttled);
        assert_eq!(
            text,
            "<amt:fault xmlns:amt=\"http://wso2.org/apimanager/throttling\"><amt:code>900804</amt:code>\
             <amt:message>Message throttled out</amt:message>\
             <amt:description>You have exceeded your quota</amt:description>\
             <amt:nextAccessTime>2020-May-04 05:43:00+0000 UTC</amt:nextAccessTime></amt:fault>"
        );
        assert_eq!(next_access(Denial::Throttled(Reach::Subscription, None), now), None);
        assert_eq!(next_access(Denial::Denied, now), None);
    }
}
