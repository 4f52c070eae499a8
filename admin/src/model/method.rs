//! HTTP methods as a bit set.

use std::fmt;

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A method that a resource may declare: those that are registered (RFC 9110, 16.1.1) and those of UPnP, but for CONNECT and
/// TRACE, which are not for backends.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names are those of the registry")]
pub enum MethodName {
    Acl,
    #[serde(rename = "BASELINE-CONTROL")]
    BaselineControl,
    Bind,
    CheckIn,
    CheckOut,
    Copy,
    Delete,
    Get,
    Head,
    Label,
    Link,
    Lock,
    #[serde(rename = "M-SEARCH")]
    MSearch,
    Merge,
    MkActivity,
    MkCalendar,
    MkCol,
    MkRedirectRef,
    MkWorkspace,
    Move,
    Notify,
    Options,
    OrderPatch,
    Patch,
    Post,
    PropFind,
    PropPatch,
    Put,
    Query,
    Rebind,
    Report,
    Search,
    Subscribe,
    Unbind,
    UncheckOut,
    Unlink,
    Unlock,
    Unsubscribe,
    Update,
    UpdateRedirectRef,
    #[serde(rename = "VERSION-CONTROL")]
    VersionControl,
}

impl MethodName {
    const ALL: [(Self, &'static str); 41] = [
        (Self::Acl, "ACL"),
        (Self::BaselineControl, "BASELINE-CONTROL"),
        (Self::Bind, "BIND"),
        (Self::CheckIn, "CHECKIN"),
        (Self::CheckOut, "CHECKOUT"),
        (Self::Copy, "COPY"),
        (Self::Delete, "DELETE"),
        (Self::Get, "GET"),
        (Self::Head, "HEAD"),
        (Self::Label, "LABEL"),
        (Self::Link, "LINK"),
        (Self::Lock, "LOCK"),
        (Self::MSearch, "M-SEARCH"),
        (Self::Merge, "MERGE"),
        (Self::MkActivity, "MKACTIVITY"),
        (Self::MkCalendar, "MKCALENDAR"),
        (Self::MkCol, "MKCOL"),
        (Self::MkRedirectRef, "MKREDIRECTREF"),
        (Self::MkWorkspace, "MKWORKSPACE"),
        (Self::Move, "MOVE"),
        (Self::Notify, "NOTIFY"),
        (Self::Options, "OPTIONS"),
        (Self::OrderPatch, "ORDERPATCH"),
        (Self::Patch, "PATCH"),
        (Self::Post, "POST"),
        (Self::PropFind, "PROPFIND"),
        (Self::PropPatch, "PROPPATCH"),
        (Self::Put, "PUT"),
        (Self::Query, "QUERY"),
        (Self::Rebind, "REBIND"),
        (Self::Report, "REPORT"),
        (Self::Search, "SEARCH"),
        (Self::Subscribe, "SUBSCRIBE"),
        (Self::Unbind, "UNBIND"),
        (Self::UncheckOut, "UNCHECKOUT"),
        (Self::Unlink, "UNLINK"),
        (Self::Unlock, "UNLOCK"),
        (Self::Unsubscribe, "UNSUBSCRIBE"),
        (Self::Update, "UPDATE"),
        (Self::UpdateRedirectRef, "UPDATEREDIRECTREF"),
        (Self::VersionControl, "VERSION-CONTROL"),
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
            _ => Self::ALL
                .into_iter()
                .find(|(_, text)| *text == method.as_str())
                .map(|(name, _)| name),
        }
    }
}

/// A set of methods.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct MethodSet(u64);

impl MethodSet {
    /// Adds a method.
    pub fn insert(&mut self, method: MethodName) {
        self.0 |= 1 << method as u64;
    }

    /// Tells whether a method is in the set.
    pub fn contains(self, method: MethodName) -> bool {
        self.0 & (1 << method as u64) != 0
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

    #[test]
    fn every_method_is_found_and_has_a_place_of_its_own() {
        let mut all = MethodSet::default();
        for (name, text) in MethodName::ALL {
            assert!(!all.contains(name), "{text}");
            all.insert(name);
            let method = Method::from_bytes(text.as_bytes()).unwrap();
            assert_eq!(MethodName::find(&method), Some(name), "{text}");
            assert_eq!(serde_json::to_string(&name).unwrap(), format!("\"{text}\""));
        }
        let texts: Vec<_> = all.iter().map(|(_, text)| text).collect();
        assert!(texts.is_sorted() && texts.len() == MethodName::ALL.len());
        for other in ["get", "propfind", "CONNECT", "TRACE", "BREW"] {
            assert_eq!(
                MethodName::find(&Method::from_bytes(other.as_bytes()).unwrap()),
                None,
                "{other}"
            );
        }
    }
}
