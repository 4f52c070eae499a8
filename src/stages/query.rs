//! The parameters of a query, by name.

use std::borrow::Cow;

/// Returns the values of a parameter; one that cannot be decoded is none. Names differ by case.
pub(super) fn values<'q>(query: &'q str, name: &str) -> impl Iterator<Item = Cow<'q, str>> {
    query.split('&').filter_map(move |parameter| {
        let (named, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let is_it = named == name || (named.contains('%') && decoded(named).is_some_and(|named| named == name));
        is_it.then(|| decoded(value)).flatten()
    })
}

/// Undoes percent-encoding.
pub(super) fn decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(text.into());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_found_however_it_is_written() {
        let found = |query: &'static str| values(query, "a b").collect::<Vec<_>>();
        assert_eq!(found("a%20b=1&x=2&a%20b=%33"), ["1", "3"]);
        assert_eq!(found("a%20b"), [""]);
        assert!(found("a+b=1&A%20b=1&a%20b=%zz&").is_empty());
    }
}
