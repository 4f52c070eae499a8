//! The credentials that the gateway took, and that are nobody else's: a backend that got them could call as the caller.
//!
//! On a resource that asks for nobody nothing is taken, and nothing is looked at (W 5.1): its backend may do what the
//! gateway does not, so `Authorization` reaches it as it came. What a proxy says of client certificates is for the
//! gateway alone, everywhere.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::credential::caller::{Caller, Proof};
use crate::model::security::Security;

/// Takes out of a request what the gateway took from it.
pub(super) fn strip(headers: &mut HeaderMap, caller: &Caller, security: &Security) {
    if security.accepts.api_key {
        headers.remove(&security.api_key);
    }
    if security.accepts.takes_authorization() && headers.contains_key(&security.authorization) {
        strip_authorization(headers, caller, security);
    }
}

/// Tells whether a field of a request goes no further at all.
pub(super) fn is_whole(name: &HeaderName, headers: &HeaderMap, caller: &Caller, security: &Security) -> bool {
    let is_token = || security.accepts.takes_authorization() && *name == security.authorization;
    security.accepts.api_key && *name == security.api_key
        || is_token() && only_part(headers, name).is_some_and(|only| is_taken(only, caller, security))
}

/// Takes the credentials of our schemes out of their field; others are for the backend (W 5.3).
///
/// Whatever proved the caller goes, even where it does not look like one of ours.
fn strip_authorization(headers: &mut HeaderMap, caller: &Caller, security: &Security) {
    let field = &security.authorization;
    if let Some(only) = only_part(headers, field) {
        if is_taken(only, caller, security) {
            headers.remove(field);
        }
        return;
    }
    let (kept, is_found) = foreign_parts(headers, field, security);
    headers.remove(field);
    if is_found || !is_proof(caller) {
        for value in kept {
            headers.append(field, value);
        }
    }
}

/// Tells whether the only part of a field is what the gateway took.
fn is_taken(part: &[u8], caller: &Caller, security: &Security) -> bool {
    is_proof(caller) || is_ours(part, security)
}

/// Tells whether a caller was proven by the field of tokens.
fn is_proof(caller: &Caller) -> bool {
    matches!(caller.by, Proof::Basic | Proof::ForeignToken | Proof::Token)
}

/// Returns the value of a field that has one line of one part, as most have.
fn only_part<'a>(headers: &'a HeaderMap, field: &HeaderName) -> Option<&'a [u8]> {
    let mut lines = headers.get_all(field).iter();
    let only = lines.next().filter(|_| lines.next().is_none())?.as_bytes();
    memchr::memchr(b',', only).is_none().then_some(only)
}

/// Tells whether a part of a field is a credential of one of our schemes.
fn is_ours(part: &[u8], security: &Security) -> bool {
    let scheme = part
        .trim_ascii_start()
        .split(|byte| *byte == b' ')
        .next()
        .unwrap_or_default();
    security.accepts.oauth2 && scheme.eq_ignore_ascii_case(b"bearer")
        || security.accepts.basic && scheme.eq_ignore_ascii_case(b"basic")
}

/// Returns the lines of a field without the credentials of our schemes, and whether there were any.
fn foreign_parts(headers: &HeaderMap, field: &HeaderName, security: &Security) -> (Vec<HeaderValue>, bool) {
    let is_ours = |part: &[u8]| is_ours(part, security);
    let (mut kept, mut is_found) = (Vec::new(), false);
    for line in headers.get_all(field) {
        let parts = || line.as_bytes().split(|byte| *byte == b',');
        if !parts().any(is_ours) {
            kept.push(line.clone());
            continue;
        }
        is_found = true;
        let others: Vec<_> = parts().filter(|part| !is_ours(part)).collect();
        // What was a part of a valid value is one.
        let others = HeaderValue::from_bytes(others.join(&b","[..]).trim_ascii());
        kept.extend(others.ok().filter(|value| !value.is_empty()));
    }
    (kept, is_found)
}

/// Takes a parameter out of a query, and leaves the rest byte for byte. `query` begins with `?`, or is empty.
pub(super) fn strip_parameter(query: &[u8], name: &str) -> Vec<u8> {
    let Some(parameters) = query.strip_prefix(b"?") else {
        return query.to_vec();
    };
    let is_kept = |parameter: &&[u8]| {
        let key = parameter.split(|byte| *byte == b'=').next().unwrap_or_default();
        !is_name(key, name)
    };
    let all = || parameters.split(|byte| *byte == b'&');
    if all().all(|parameter| is_kept(&parameter)) {
        return query.to_vec();
    }
    let kept: Vec<_> = all().filter(is_kept).collect();
    if kept.is_empty() {
        return Vec::new();
    }
    [b"?", kept.join(&b"&"[..]).as_slice()].concat()
}

/// Tells whether a key is a name in any letter case and however it is encoded: what some backend would take for the
/// name is taken out.
fn is_name(key: &[u8], name: &str) -> bool {
    if !key.contains(&b'%') {
        return key.eq_ignore_ascii_case(name.as_bytes());
    }
    let mut decoded = Vec::with_capacity(key.len());
    let mut rest = key;
    while let Some((&byte, after)) = rest.split_first() {
        let digits = (byte == b'%').then(|| after.get(..2)).flatten();
        match digits.and_then(octet) {
            Some(octet) => {
                decoded.push(octet);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                decoded.push(byte);
                rest = after;
            }
        }
    }
    decoded.eq_ignore_ascii_case(name.as_bytes())
}

fn octet(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok()?;
    u8::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::security::{Accepts, CredentialFields};
    use crate::registry::key_pair::KeyType;
    use crate::registry::token::Digest;

    fn security(words: &str) -> Security {
        let says = |word| words.contains(word);
        let fields = CredentialFields::default();
        Security {
            accepts: Accepts {
                api_key: says("api_key"),
                basic: says("basic"),
                mutual_tls: says("mutual_tls"),
                oauth2: says("oauth2"),
            },
            certificate_mandatory: false,
            application_mandatory: true,
            authorization: fields.authorization,
            api_key: fields.api_key,
            key_managers: None,
            certificates: Vec::new(),
            backend_jwt: false,
        }
    }

    /// Returns what is left of `Authorization` lines after somebody was proven by `by`.
    fn left(words: &str, by: Proof, lines: &[&str]) -> Vec<String> {
        let caller = Caller {
            by,
            application: None,
            key_type: KeyType::Production,
            client: String::new(),
            user: None,
            subject: String::new(),
            scopes: Vec::new(),
            roles: Vec::new(),
            claims: Default::default(),
            expires: None,
            digest: Digest([0; 32]),
        };
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("authorization", line.parse().unwrap());
        }
        headers.insert("apikey", HeaderValue::from_static("tgk_x"));
        strip(&mut headers, &caller, &security(words));
        assert_eq!(headers.contains_key("apikey"), !words.contains("api_key"));
        let left = headers.get_all("authorization").iter();
        left.map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn what_proved_the_caller_goes_no_further() {
        let none: [&str; 0] = [];
        assert_eq!(left("oauth2", Proof::Token, &["Bearer a.b.c"]), none);
        assert_eq!(left("oauth2", Proof::ForeignToken, &["bearer  x"]), none);
        assert_eq!(left("basic", Proof::Basic, &["BASIC eA=="]), none);
        assert_eq!(left("oauth2", Proof::Token, &["unlike anything"]), none);
        assert_eq!(left("oauth2", Proof::Token, &["Bearer a", "Bearer b"]), none);
    }

    #[test]
    fn credentials_of_our_schemes_go_whatever_proved_the_caller() {
        let none: [&str; 0] = [];
        assert_eq!(left("oauth2 api_key", Proof::ApiKey, &["Bearer a"]), none);
        assert_eq!(left("oauth2 mutual_tls", Proof::Certificate, &["Bearer a"]), none);
    }

    #[test]
    fn credentials_of_other_schemes_are_for_the_backend() {
        assert_eq!(
            left("oauth2", Proof::Token, &["Bearer a, Negotiate b"]),
            ["Negotiate b"]
        );
        assert_eq!(left("oauth2", Proof::Token, &["Basic eA==,Bearer a"]), ["Basic eA=="]);
        assert_eq!(left("api_key", Proof::ApiKey, &["Bearer a"]), ["Bearer a"]);
        assert_eq!(left("oauth2 api_key", Proof::ApiKey, &["Digest a"]), ["Digest a"]);
    }

    #[test]
    fn a_parameter_goes_and_the_rest_of_the_query_stays_byte_for_byte() {
        let stripped = |query: &str| String::from_utf8(strip_parameter(query.as_bytes(), "apikey")).unwrap();
        for (query, expected) in [
            ("", ""),
            ("?", "?"),
            ("?a=%2f&&b", "?a=%2f&&b"),
            ("?apikey=x", ""),
            ("?apikey", ""),
            ("?a=1&apikey=x&b=%zz&", "?a=1&b=%zz&"),
            ("?apikey=x&apikey=y&c", "?c"),
            ("?ApiKey=x&%61pi%6bey=y&c=apikey=z", "?c=apikey=z"),
            ("?apikeys=x&xapikey=y", "?apikeys=x&xapikey=y"),
            ("?a=?apikey=x", "?a=?apikey=x"),
            ("?%apikey=x&%6=y", "?%apikey=x&%6=y"),
        ] {
            assert_eq!(stripped(query), expected, "{query}");
        }
    }
}
