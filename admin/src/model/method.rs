//! HTTP methods as a bit set.

use std::fmt;

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A method that a resource may declare.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names are those of RFC 9110 section 9 and RFC 5789")]
pub enum MethodName {
    Delete,
    Get,
    Head,
    Options,
    Patch,
    Post,
    Put,
}

impl MethodName {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Delete, "DELETE"),
        (Self::Get, "GET"),
        (Self::Head, "HEAD"),
        (Self::Options, "OPTIONS"),
        (Self::Patch, "PATCH"),
        (Self::Post, "POST"),
        (Self::Put, "PUT"),
    ];

    /// Finds the name of a request's method, if resources can declare it.
    pub fn find(method: &Method) -> Option<Self> {
        // Methods of the standard are numbers, and compared as such.
        match *method {
            Method::DELETE => Some(Self::Delete),
            Method::GET => Some(Self::Get),
            Method::HEAD => Some(Self::Head),
            Method::OPTIONS => Some(Self::Options),
            Method::PATCH => Some(Self::Patch),
            Method::POST => Some(Self::Post),
            Method::PUT => Some(Self::Put),
            _ => None,
        }
    }
}

/// A set of methods.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct MethodSet(u8);

impl MethodSet {
    /// Adds a method.
    pub fn insert(&mut self, method: MethodName) {
        self.0 |= 1 << method as u8;
    }

    /// Tells whether a method is in the set.
    pub fn contains(self, method: MethodName) -> bool {
        self.0 & (1 << method as u8) != 0
    }

    /// Returns what is in either set.
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns what is in both sets.
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns the methods of the set with their names, in the order of the alphabet.
    pub fn iter(self) -> impl Iterator<Item = (MethodName, &'static str)> {
        MethodName::ALL
            .into_iter()
            .filter(move |(name, _)| self.contains(*name))
    }

    /// Tells whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<MethodName> for MethodSet {
    fn from_iter<I: IntoIterator<Item = MethodName>>(methods: I) -> Self {
        let mut set = Self::default();
        for method in methods {
            set.insert(method);
        }
        set
    }
}

/// Writes the set as the value of an `Allow` field (RFC 9110, 10.2.1).
impl fmt::Display for MethodSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (_, text) in self.iter() {
            write!(f, "{separator}{text}")?;
            separator = ", ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_lists_its_methods_as_an_allow_field_does() {
        let set: MethodSet = [MethodName::Post, MethodName::Get].into_iter().collect();
        assert_eq!(set.to_string(), "GET, POST");
        assert!(set.contains(MethodName::Get) && !set.contains(MethodName::Put));
    }
}
