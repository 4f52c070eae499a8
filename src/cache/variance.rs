//! What tells the variants of an entry apart (RFC 9111, 4.1): whom they belong to, and what `Vary` names.

use http::header::{
    ACCEPT, ACCEPT_CHARSET, ACCEPT_ENCODING, ACCEPT_LANGUAGE, COOKIE, ETAG, LAST_MODIFIED, USER_AGENT, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use pingora_cache::VarianceBuilder;
use pingora_cache::key::HashBinary;

use crate::model::security::CredentialFields;

/// Tells apart the variants of a key: by whom they belong to, and by the fields that the response names.
pub fn variance(response: &HeaderMap, request: &HeaderMap, owner: Option<&str>) -> Option<HashBinary> {
    let mut builder = VarianceBuilder::new();
    if let Some(owner) = owner {
        builder.add_owned_value(OWNER, owner.as_bytes().to_vec());
    }
    for name in varied(response) {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            continue;
        };
        let mut value = normal(request, &name);
        if LISTS.contains(&name) {
            value = in_order(&value);
        }
        builder.add_owned_name_value(name.as_str().to_owned(), value);
    }
    builder.finalize()
}

/// Returns a variant that nothing is stored as.
pub fn no_variance() -> Option<HashBinary> {
    let mut builder = VarianceBuilder::new();
    builder.add_value("\n", "");
    builder.finalize()
}

/// Tells whether the variants of a response can be told apart: not by everything, nor by what the gateway itself says
/// of a request (RFC 9111, 4.1), which `fields` names as well.
pub fn can_vary(response: &HeaderMap, fields: &CredentialFields) -> bool {
    let is_ours = |name: &str| {
        let certificate = fields.certificate.as_ref();
        SAID_BY_US.contains(&name) || name == fields.assertion || certificate.is_some_and(|field| field == name)
    };
    varied(response).all(|name| {
        let lower = name.to_ascii_lowercase();
        HeaderName::from_bytes(lower.as_bytes()).is_ok() && lower != "*" && !is_ours(&lower)
    })
}

/// Tells whether a response differs by a field.
pub fn varies_by(response: &HeaderMap, name: &HeaderName) -> bool {
    varied(response).any(|varied| varied.eq_ignore_ascii_case(name.as_str()))
}

/// Tells whether it can be asked whether a response is still good.
pub fn has_validator(response: &HeaderMap) -> bool {
    response.contains_key(ETAG) || response.contains_key(LAST_MODIFIED)
}

fn varied(response: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = response.get_all(VARY).iter();
    // A line that is no text names nothing that could be told apart.
    lines
        .flat_map(|line| line.to_str().unwrap_or("*").split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

/// Returns the lines of a field as one list, without what means nothing between its members (RFC 9111, 4.1). What is in
/// quotes is left as it is; languages have no case (RFC 5646, 2.1.1).
pub fn normal(headers: &HeaderMap, name: &HeaderName) -> Vec<u8> {
    let mut whole = Vec::new();
    add_field(&mut whole, headers, name);
    if whole.contains(&b'"') || OPAQUE.contains(name) {
        return whole;
    }
    let members = whole.split(|byte| matches!(byte, b',' | b'\n'));
    let members: Vec<&[u8]> = members.map(<[u8]>::trim_ascii).collect();
    let mut value = members.join(&b","[..]);
    if *name == ACCEPT_LANGUAGE {
        value.make_ascii_lowercase();
    }
    value
}

/// Puts the members of a list in one order: weights say what is preferred, not places (RFC 9110, 12.5). The key has them as
/// they were written, so that this is for fields alone that the catalog leaves out of it.
fn in_order(list: &[u8]) -> Vec<u8> {
    if list.contains(&b'"') {
        return list.to_vec();
    }
    let mut members: Vec<&[u8]> = list.split(|byte| *byte == b',').collect();
    members.sort_unstable();
    members.join(&b","[..])
}

/// Adds the lines of a field, which differ from no line at all.
fn add_field(out: &mut Vec<u8>, headers: &HeaderMap, name: &HeaderName) {
    let mut lines = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    match lines.next() {
        None => out.push(ABSENT),
        Some(first) => {
            out.extend_from_slice(first.trim_ascii());
            for line in lines {
                out.push(b'\n');
                out.extend_from_slice(line.trim_ascii());
            }
        }
    }
}

/// What stands for a field that is not there; no value begins with it.
const ABSENT: u8 = 1;

/// What whom an entry belongs to is named in a variant; no field is.
const OWNER: &str = "\0";

/// Lists, whose blanks mean nothing.
pub(super) const LISTS: [HeaderName; 4] = [ACCEPT, ACCEPT_CHARSET, ACCEPT_ENCODING, ACCEPT_LANGUAGE];

/// Fields that are no lists, though they have commas.
const OPAQUE: [HeaderName; 2] = [COOKIE, USER_AGENT];

/// Fields that the gateway writes anew for each request.
const SAID_BY_US: [&str; 9] = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-jwt-assertion",
    "x-real-ip",
    "x-request-id",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn variants_differ_by_what_the_response_names() {
        let response = fields(&[("vary", "Accept, x-a"), ("vary", "X-B")]);
        let variance = |request: &[(&'static str, &str)]| variance(&response, &fields(request), None);
        assert_eq!(variance(&[("x-b", "1"), ("x-c", "1")]), variance(&[("x-b", " 1")]));
        assert_ne!(variance(&[("x-b", "1")]), variance(&[("x-b", "2")]));
        assert_ne!(variance(&[("x-b", "")]), variance(&[]));
        assert_ne!(variance(&[("x-a", "1")]), variance(&[("x-b", "1")]));
        assert!(variance(&[]).is_some() && super::variance(&fields(&[]), &fields(&[]), None).is_none());
    }

    #[test]
    fn what_means_nothing_tells_nothing_apart() {
        let response = fields(&[("vary", "x-a, accept-language")]);
        let variance = |request: &[(&'static str, &str)]| variance(&response, &fields(request), None);
        assert_eq!(variance(&[("x-a", "1"), ("x-a", "2")]), variance(&[("x-a", "1 ,  2")]));
        assert_eq!(
            variance(&[("accept-language", "EN, de")]),
            variance(&[("accept-language", "en,de")])
        );
        let language = |value| variance(&[("accept-language", value)]);
        assert_eq!(language("de, en"), language("en,de"));
        assert_ne!(language("de;q=0.5, en"), language("en;q=0.5, de"));
        assert_ne!(language("de, en"), language("de"));
        let normal = |value: &str| normal(&fields(&[("accept-language", value)]), &ACCEPT_LANGUAGE);
        assert_ne!(normal("de,en"), normal("en,de"), "keys have what the endpoint sees");
        assert_ne!(variance(&[("x-a", "1, 2")]), variance(&[("x-a", "2, 1")]));
        assert_ne!(variance(&[("x-a", "\"1, 2\"")]), variance(&[("x-a", "\"1,2\"")]));
        assert_ne!(variance(&[("x-a", "A")]), variance(&[("x-a", "a")]));
    }

    #[test]
    fn variants_differ_by_whom_they_belong_to() {
        let of = |owner| variance(&fields(&[]), &fields(&[]), owner);
        assert_ne!(of(Some("a")), of(Some("b")));
        assert_ne!(of(Some("a")), of(None));
        assert_ne!(of(Some("")), no_variance());
    }

    #[test]
    fn what_cannot_be_told_apart_cannot_vary() {
        let ours = CredentialFields {
            assertion: HeaderName::from_static("x-who"),
            ..CredentialFields::default()
        };
        for bad in ["*", "accept, *", "X-Forwarded-For", "a b", "Forwarded, Accept", "X-Who"] {
            assert!(!can_vary(&fields(&[("vary", bad)]), &ours), "{bad}");
        }
        assert!(can_vary(&fields(&[("vary", "Accept, Cookie,, Origin")]), &ours));
        assert!(can_vary(&fields(&[]), &ours));
    }

    proptest! {
        #[test]
        fn no_vary_breaks_the_reader(vary in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(vary) = HeaderValue::from_bytes(&vary) {
                let mut response = HeaderMap::new();
                response.insert(VARY, vary);
                let _ = (can_vary(&response, &CredentialFields::default()), variance(&response, &HeaderMap::new(), Some("a")));
            }
        }
    }
}
