//! PEM texts of a catalog: stated themselves, or in a file beside it.
//!
//! Whether a certificate is good is for those who use it; here it must only be there and be of the right kind. What a
//! text holds is never repeated in a violation.

use super::page::Spot;
use crate::model::document::EndpointTls;
use crate::model::source::References;
use crate::model::violation::Violation;

/// Where PEM texts of one file come from.
pub(super) struct Pem<'a> {
    pub(super) source: &'a str,
    pub(super) references: &'a dyn References,
}

impl Pem<'_> {
    /// Returns the PEM text that a key of the table states, if it states one.
    pub(super) fn certificates(
        &self,
        tls: &Spot<'_>,
        key: &'static str,
        stated: Option<&str>,
        found: &mut Vec<Violation>,
    ) -> Option<String> {
        self.text(&tls.key(key), stated?, "CERTIFICATE", found)
    }

    /// Returns the certificate chain and the key that we show, which need each other.
    pub(super) fn identity(
        &self,
        tls: &Spot<'_>,
        stated: &EndpointTls,
        found: &mut Vec<Violation>,
    ) -> Option<(String, String)> {
        let certificate = self.certificates(tls, "certificate", stated.certificate.as_deref(), found);
        let key = stated
            .key
            .as_deref()
            .and_then(|key| self.text(&tls.key("key"), key, "PRIVATE KEY", found));
        let alone = |key, other| {
            tls.key(key)
                .blame(format!("`{key}` without `{other}`"))
                .fix(format!("add `{other}`"))
        };
        match (&stated.certificate, &stated.key) {
            (Some(_), None) if !tls.lost("key") => found.push(alone("certificate", "key")),
            (None, Some(_)) if !tls.lost("certificate") => found.push(alone("key", "certificate")),
            _ => {}
        }
        certificate.zip(key)
    }

    fn text(&self, spot: &Spot<'_>, stated: &str, kind: &str, found: &mut Vec<Violation>) -> Option<String> {
        let (text, from) = match stated.strip_prefix("file:") {
            None => (stated.to_owned(), String::new()),
            Some(path) => match self.references.file(self.source, path) {
                Ok(text) => (text, format!("`{path}`: ")),
                Err(error) => {
                    found.push(spot.blame(format!("cannot read `{path}`: {error}")));
                    return None;
                }
            },
        };
        let begins = |line: &str| line.starts_with("-----BEGIN ") && line.trim_end().ends_with(&format!("{kind}-----"));
        if text.lines().map(str::trim_start).any(begins) {
            return Some(text);
        }
        let violation = spot.blame(format!("{from}no PEM text of kind `{kind}`"));
        found.push(violation.fix(format!(
            "write the text that begins with `-----BEGIN {kind}-----`, or `file:PATH`"
        )));
        None
    }
}
