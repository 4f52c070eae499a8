//! Which credentials a request shows, of those that the version takes, in the order in which they are tried.
//!
//! A field may hold several, separated by commas; each scheme is shown once, or it is nobody's guess which one counts.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName};

use super::query::decoded;
use crate::credential::Flaw;
use crate::head::Head;
use crate::model::security::Security;

/// A credential as it is shown.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Shown<'a> {
    ApiKey(Cow<'a, str>),
    Basic(&'a str),
    Bearer(&'a str),
}

/// Finds the credentials that are shown; a flaw in the place of each that cannot be read.
pub(super) fn shown<'a>(
    head: &Head<'a>,
    security: &Security,
) -> impl Iterator<Item = Result<Shown<'a>, Flaw>> + use<'a> {
    let accepts = security.accepts;
    let field = accepts
        .takes_authorization()
        .then(|| only(head.headers, &security.authorization));
    let (flawed, field) = match field.transpose() {
        Ok(field) => (None, field.flatten()),
        Err(flaw) => (Some(Err(flaw)), None),
    };
    let scheme = |is_taken: bool, scheme| field.filter(|_| is_taken).and_then(|field| segment(field, scheme));
    let bearer = scheme(accepts.oauth2, "bearer").map(|shown| shown.map(Shown::Bearer));
    let basic = scheme(accepts.basic, "basic").map(|shown| shown.map(Shown::Basic));
    let key = accepts.api_key.then(|| api_key(head, &security.api_key)).flatten();
    flawed.into_iter().chain(bearer).chain(basic).chain(key)
}

/// Returns the one field of a name.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Flaw> {
    let mut fields = headers.get_all(name).iter();
    let Some(field) = fields.next() else { return Ok(None) };
    // A value holds no control character but the tab, so this is what it takes to be text; it reads many bytes at once.
    let text = str::from_utf8(field.as_bytes()).ok().filter(|text| text.is_ascii());
    let text = text.ok_or(Flaw::Malformed)?;
    if fields.next().is_some() {
        Err(Flaw::Malformed)
    } else {
        Ok(Some(text))
    }
}

/// Finds what follows the name of a scheme, which is read in any case (RFC 9110, 11.1).
fn segment<'a>(field: &'a str, scheme: &str) -> Option<Result<&'a str, Flaw>> {
    let mut segments = field.split(',').filter_map(|segment| {
        let segment = segment.trim_matches([' ', '\t']);
        let (named, rest) = segment.split_once(' ').unwrap_or((segment, ""));
        named.eq_ignore_ascii_case(scheme).then(|| rest.trim_start_matches(' '))
    });
    let first = segments.next()?;
    Some(if first.is_empty() || segments.next().is_some() {
        Err(Flaw::Malformed)
    } else {
        Ok(first)
    })
}

/// Finds an API key: in its field, else in the query's parameter of the same name (W 8).
fn api_key<'a>(head: &Head<'a>, name: &HeaderName) -> Option<Result<Shown<'a>, Flaw>> {
    match only(head.headers, name) {
        Err(flaw) => return Some(Err(flaw)),
        Ok(Some(key)) => return Some(Ok(Shown::ApiKey(key.trim().into()))),
        Ok(None) => {}
    }
    // A query names no key more often than it does, so it is looked for before anything is decoded.
    let mut parameters = head.query.split('&').filter_map(|parameter| {
        let (named, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let is_it = named.eq_ignore_ascii_case(name.as_str())
            || (named.contains('%') && decoded(named).is_some_and(|named| named.eq_ignore_ascii_case(name.as_str())));
        is_it.then_some(value)
    });
    let first = parameters.next()?;
    if parameters.next().is_some() {
        return Some(Err(Flaw::Malformed));
    }
    Some(decoded(first).map(Shown::ApiKey).ok_or(Flaw::Malformed))
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use http::{HeaderValue, Method};

    use super::*;
    use crate::head::Scheme;
    use crate::model::security::Accepts;

    fn security(field: &'static str) -> Security {
        Security {
            accepts: Accepts {
                api_key: true,
                basic: true,
                mutual_tls: false,
                oauth2: true,
            },
            certificate_mandatory: false,
            application_mandatory: true,
            authorization: HeaderName::from_static(field),
            api_key: HeaderName::from_static("apikey"),
            key_managers: None,
            certificates: Vec::new(),
            backend_jwt: false,
        }
    }

    fn found(fields: &[(&str, &str)], query: &str, security: &Security) -> Vec<Result<String, Flaw>> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
        }
        let head = Head {
            method: &Method::GET,
            path: b"/",
            target_bytes: 1,
            query,
            certificate: None,
            host: None,
            headers: &headers,
            raw: b"",
            scheme: Scheme::Https,
            client: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let all = shown(&head, security).map(|shown| shown.map(|shown| format!("{shown:?}")));
        all.collect()
    }

    fn in_authorization(value: &str) -> Vec<Result<String, Flaw>> {
        found(&[("authorization", value)], "", &security("authorization"))
    }

    #[test]
    fn a_field_may_hold_one_of_each() {
        for (value, expected) in [
            ("Bearer abc", vec!["Bearer(\"abc\")"]),
            ("bEaReR  abc", vec!["Bearer(\"abc\")"]),
            ("Basic QTpC", vec!["Basic(\"QTpC\")"]),
            ("Basic QTpC, Bearer abc", vec!["Bearer(\"abc\")", "Basic(\"QTpC\")"]),
            ("Digest a=b, Bearer abc", vec!["Bearer(\"abc\")"]),
            ("Negotiate abc", vec![]),
            ("Bearerabc", vec![]),
            ("abc", vec![]),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|shown| Ok(shown.to_owned())).collect();
            assert_eq!(in_authorization(value), expected, "{value}");
        }
    }

    #[test]
    fn two_of_a_kind_are_none() {
        for value in ["Bearer a, Bearer b", "Bearer a,bearer a", "Bearer", "Bearer ,"] {
            assert_eq!(in_authorization(value), [Err(Flaw::Malformed)], "{value}");
        }
        let twice = [("authorization", "Bearer a"), ("authorization", "Basic QTpC")];
        assert_eq!(found(&twice, "", &security("authorization")), [Err(Flaw::Malformed)]);
        let twice = [("apikey", "a"), ("apikey", "b")];
        assert_eq!(found(&twice, "", &security("authorization")), [Err(Flaw::Malformed)]);
        assert_eq!(
            found(&[], "apikey=a&ApiKey=b", &security("authorization")),
            [Err(Flaw::Malformed)]
        );
    }

    #[test]
    fn fields_of_credentials_are_read_as_ascii() {
        let security = security("authorization");
        for value in ["Bearer aé", "Bearer ﬀ", "Basic QTpC°", "𝐀"] {
            for name in ["authorization", "apikey"] {
                let found = found(&[(name, value)], "", &security);
                assert_eq!(found, [Err(Flaw::Malformed)], "{name} {value}");
            }
        }
        // Of ASCII, whatever a field may hold is read, the tab included.
        assert_eq!(in_authorization("\tBearer ~!\t"), [Ok("Bearer(\"~!\")".to_owned())]);
    }

    #[test]
    fn a_version_names_its_field() {
        let fields = [("authorization", "Bearer a"), ("x-auth", "Bearer b")];
        assert_eq!(
            found(&fields, "", &security("x-auth")),
            [Ok("Bearer(\"b\")".to_owned())]
        );
    }

    #[test]
    fn an_api_key_is_in_its_field_or_in_the_query() {
        let security = security("authorization");
        for (fields, query, expected) in [
            (vec![("apikey", "a")], "apikey=b", Some("a")),
            (vec![("ApiKey", " a ")], "", Some("a")),
            (vec![], "x=y&apikey=%74gk_b", Some("tgk_b")),
            (vec![], "%61pikey=b&apikeys=c", Some("b")),
            (vec![], "xapikey=b", None),
            (vec![], "access_token=b", None),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|key| Ok(format!("ApiKey({key:?})"))).collect();
            assert_eq!(found(&fields, query, &security), expected, "{query}");
        }
        for bad in ["apikey=%", "apikey=%zz", "apikey=%ff"] {
            assert_eq!(found(&[], bad, &security), [Err(Flaw::Malformed)], "{bad}");
        }
    }
}
