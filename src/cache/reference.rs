//! How a reference is read that names what is kept: a URL or a part of one, written by people and by backends.
//!
//! Keys hold the query as callers send it, and a URL parser encodes what many of them do not (`'`, `"`, `<`, `>`). So the
//! parser finds the host and resolves the path, which is brought into one form anyway; the query counts as it is written
//! and as the parser writes it.

use reqwest::Url;

/// Returns the spellings of the query that a reference has, once it is resolved.
pub(super) fn queries<'r>(reference: &'r str, resolved: &'r Url) -> impl Iterator<Item = &'r str> {
    let parsed = resolved.query().unwrap_or_default();
    let whole = reference.split('#').next().unwrap_or_default();
    let written = whole.split_once('?').map_or(parsed, |(_, query)| query);
    [Some(written), Some(parsed).filter(|parsed| *parsed != written)]
        .into_iter()
        .flatten()
}

/// Returns the host of a URL as requests are known by it: without the brackets of an address.
pub(super) fn host(url: &Url) -> Option<&str> {
    let host = url.host_str()?;
    let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    Some(literal.unwrap_or(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_counts_as_written_and_as_encoded() {
        for (reference, spellings) in [
            ("/a?q='x'", vec!["q='x'", "q=%27x%27"]),
            ("http://h.test/a?q=\"<x>\"#part?", vec!["q=\"<x>\"", "q=%22%3Cx%3E%22"]),
            ("/a?q=%27", vec!["q=%27"]),
            ("/a#x?y", vec![""]),
            ("/a?b?c", vec!["b?c"]),
        ] {
            let resolved = Url::parse("http://here.test").unwrap().join(reference).unwrap();
            assert_eq!(
                queries(reference, &resolved).collect::<Vec<_>>(),
                spellings,
                "{reference}"
            );
        }
    }

    #[test]
    fn an_address_has_no_brackets() {
        for (url, expected) in [("http://[::1]:8280/a", "::1"), ("http://API.test/", "api.test")] {
            assert_eq!(host(&Url::parse(url).unwrap()), Some(expected));
        }
    }
}
