//! Parameters of a query or a form: what RFC 6749 says of them, and nothing of HTTP.
//!
//! A name that stands twice is refused (3.1, 3.2), one without a value counts as left out, and bytes that are no text
//! are never repaired.

use std::fmt;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::error::OauthError;

/// Parameters, each of another name and none empty.
#[derive(Clone, Default)]
pub struct Form {
    pairs: Vec<(String, String)>,
}

impl Form {
    /// Reads `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    ///
    /// Returns `invalid_request` when a name stands twice, or something is no text.
    pub fn parse(bytes: &[u8]) -> Result<Self, OauthError> {
        let text = std::str::from_utf8(bytes).map_err(|_| OauthError::request("the parameters are not UTF-8"))?;
        let mut names: Vec<String> = Vec::new();
        let mut pairs = Vec::new();
        for part in text.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let name = decode(name).ok_or_else(unreadable)?;
            let value = decode(value).ok_or_else(unreadable)?;
            if names.contains(&name) {
                return Err(OauthError::request("a parameter stands twice"));
            }
            if names.len() == MOST {
                return Err(OauthError::request("there are too many parameters"));
            }
            names.push(name.clone());
            if !value.is_empty() {
                pairs.push((name, value));
            }
        }
        Ok(Self { pairs })
    }

    /// Finds a parameter.
    pub fn find(&self, name: &str) -> Option<&str> {
        let (_, value) = self.pairs.iter().find(|(is, _)| is == name)?;
        Some(value)
    }

    /// Returns all of them, in their order.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// Returns a parameter that must be there.
    ///
    /// # Errors
    ///
    /// Returns `invalid_request` when it is not.
    pub fn require(&self, name: &'static str) -> Result<&str, OauthError> {
        self.find(name)
            .ok_or_else(|| OauthError::request(format!("parameter {name} is missing")))
    }

    /// Writes the parameters of these names again, in this order.
    pub fn encode(&self, names: &[&str]) -> String {
        let found = names.iter().filter_map(|name| Some((*name, self.find(name)?)));
        encode(found)
    }
}

impl fmt::Debug for Form {
    /// Names alone: values are passwords and tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.pairs.iter().map(|(name, _)| name)).finish()
    }
}

/// Writes parameters.
pub fn encode<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        text.extend(utf8_percent_encode(name, NON_ALPHANUMERIC));
        text.push('=');
        text.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
    }
    text
}

/// Decodes one name or value; `None` where it is no text. NUL is none: databases end at it or refuse it.
pub fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let mut after = spaced.split('%');
    _ = after.next();
    let is_escape = |part: &str| {
        part.get(..2)
            .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    if !after.all(is_escape) {
        return None;
    }
    let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
    (!decoded.contains('\0')).then(|| decoded.into_owned())
}

fn unreadable() -> OauthError {
    OauthError::request("a parameter is not encoded as a form is")
}

/// More parameters than any request needs.
const MOST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Form> {
        Form::parse(text.as_bytes()).ok()
    }

    #[test]
    fn a_form_is_read_as_it_was_written() {
        let form = parse("a=1+2&b=%C3%BC%26&c=&d").unwrap();
        assert_eq!((form.find("a"), form.find("b")), (Some("1 2"), Some("ü&")));
        assert!(form.find("c").is_none() && form.find("d").is_none(), "left out");
        assert!(form.require("c").is_err());
    }

    #[test]
    fn what_stands_twice_or_is_no_text_is_refused() {
        for bad in [
            "a=1&a=2",
            "a=&a=1",
            "a=%ff",
            "a=%4",
            "a=%zz",
            "a=%",
            "a=%00",
            "%61=1&a=2",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
        assert!(Form::parse(b"a=\xff").is_err());
        let many: Vec<_> = (0..65).map(|number| format!("p{number}=1")).collect();
        assert!(parse(&many.join("&")).is_none() && parse(&many[1..].join("&")).is_some());
    }

    #[test]
    fn values_are_not_printed() {
        assert_eq!(format!("{:?}", parse("password=secret").unwrap()), "[\"password\"]");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            _ = Form::parse(&bytes);
        }

        #[test]
        fn what_is_written_is_read_again(value in "[^\0]+") {
            let form = Form::parse(encode([("é", value.as_str())]).as_bytes()).unwrap();
            proptest::prop_assert_eq!(form.find("é"), Some(value.as_str()));
        }
    }
}
