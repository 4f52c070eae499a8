//! A condition: what must be true of a request.

use http::HeaderName;
use regex::Regex;

use super::address::Addresses;

/// What must be true of a request.
#[derive(Clone, Debug)]
pub struct Condition {
    /// Of which part of it.
    pub part: Part,
    /// Whether the opposite must be true.
    pub is_inverted: bool,
}

/// A part of a request, and what is asked of it.
#[derive(Clone, Debug)]
pub enum Part {
    /// The caller's address is one of these.
    Address(Vec<Addresses>),
    /// A claim of the caller's token.
    Claim(String, Test),
    /// A header field.
    Header(HeaderName, Test),
    /// A parameter of the query.
    Query(String, Test),
}

/// What is asked of a value; where there are several, one is enough.
#[derive(Clone, Debug)]
pub enum Test {
    /// A regular expression is found in it.
    Matches(Regex),
    /// It is one of these.
    OneOf(Vec<String>),
    /// It is there.
    Present,
}

impl Test {
    /// Tells whether one of the values that a request has passes.
    pub fn passes<'a>(&self, mut values: impl Iterator<Item = &'a str>) -> bool {
        match self {
            Self::Matches(expression) => values.any(|value| expression.is_match(value)),
            Self::OneOf(wanted) => values.any(|value| wanted.iter().any(|wanted| wanted == value)),
            Self::Present => values.next().is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_several_values_is_enough() {
        let matching = Test::Matches(Regex::new("^a+$").unwrap());
        let listed = Test::OneOf(vec!["a".to_owned(), "c".to_owned()]);
        for (values, expected) in [
            (&[][..], [false, false, false]),
            (&["b"], [false, false, true]),
            (&["b", "a"], [true, true, true]),
            (&["aa"], [true, false, true]),
            (&["xax", "c"], [false, true, true]),
        ] {
            let found = [&matching, &listed, &Test::Present].map(|test| test.passes(values.iter().copied()));
            assert_eq!(found, expected, "{values:?}");
        }
    }
}
