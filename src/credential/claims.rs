//! The claims of a token that the catalog asks for by name, kept beside what every token says.
//!
//! Only those are kept, and only so much of them: a token is remembered by the ten thousand. When a catalog asks for
//! other ones, tokens are read anew.

use std::sync::Arc;

use serde_json::{Map, Value};

/// The claims that a catalog asks for, sorted.
pub type Wanted = Arc<[Box<str>]>;

/// What a token says of the claims that a catalog asks for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Claims {
    wanted: Wanted,
    /// Each with the place of its name; of a list, each element.
    values: Arc<[(usize, Box<str>)]>,
}

impl Claims {
    /// Reads what is wanted of all claims: texts, numbers and truths, and lists of them.
    pub(crate) fn read(wanted: &Wanted, claims: &Map<String, Value>) -> Self {
        let mut values = Vec::new();
        for (place, name) in wanted.iter().enumerate() {
            match claims.get(&**name) {
                Some(Value::Array(several)) => values.extend(several.iter().filter_map(text).map(|text| (place, text))),
                Some(one) => values.extend(text(one).map(|text| (place, text))),
                None => {}
            }
        }
        values.truncate(MOST);
        Self {
            wanted: Arc::clone(wanted),
            values: values.into(),
        }
    }

    /// Returns what a token says of a claim.
    pub fn of<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let place = self.wanted.iter().position(|wanted| **wanted == *name);
        let values = self.values.iter().filter(move |(of, _)| Some(*of) == place);
        values.map(|(_, value)| &**value)
    }

    /// Tells whether these were read for a catalog that asks for the same.
    pub(super) fn are_of(&self, wanted: &Wanted) -> bool {
        Arc::ptr_eq(&self.wanted, wanted) || self.wanted == *wanted
    }
}

fn text(value: &Value) -> Option<Box<str>> {
    let text: Box<str> = match value {
        Value::String(text) => text.as_str().into(),
        Value::Bool(truth) => truth.to_string().into(),
        Value::Number(number) => number.to_string().into(),
        Value::Array(_) | Value::Null | Value::Object(_) => return None,
    };
    (text.len() <= LONGEST).then_some(text)
}

/// So many values are kept of a token.
const MOST: usize = 64;

/// A value that is longer is none to group by, in bytes.
const LONGEST: usize = 256;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wanted_is_kept_and_nothing_else() {
        let wanted: Wanted = ["dept", "groups", "level", "none", "nested"].map(Into::into).into();
        let stated = json!({
            "dept": "sales", "groups": ["a", "b", {"c": 1}, 7], "level": 3, "nested": {"a": 1}, "other": "x", "none": null,
        });
        let claims = Claims::read(&wanted, stated.as_object().unwrap());
        let of = |name: &str| claims.of(name).collect::<Vec<_>>();
        assert_eq!(of("dept"), ["sales"]);
        assert_eq!(of("groups"), ["a", "b", "7"]);
        assert_eq!(of("level"), ["3"]);
        for name in ["none", "nested", "other", ""] {
            assert!(of(name).is_empty(), "{name}");
        }
        assert!(claims.are_of(&wanted) && claims.are_of(&Arc::from(wanted.to_vec())));
        assert!(!claims.are_of(&Wanted::default()));
    }

    #[test]
    fn a_token_takes_no_more_than_its_room() {
        let wanted: Wanted = ["a", "long"].map(Into::into).into();
        let stated = json!({ "a": vec!["x"; 1_000], "long": "x".repeat(LONGEST + 1) });
        let claims = Claims::read(&wanted, stated.as_object().unwrap());
        assert_eq!((claims.of("a").count(), claims.of("long").count()), (MOST, 0));
    }
}
