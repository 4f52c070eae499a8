//! PEM texts of a catalog: stated themselves, or in a file beside it.
//!
//! Whether a certificate is good is for those who use it; here it must only be there and be of the right kind. What a
//! text holds is never repeated in a violation.

use super::page::Spot;
use crate::model::document::EndpointTls;
use crate::model::pem;
use crate::model::source::References;
use crate::model::violation::Violation;

/// Where texts come from that a file states itself, or as `file:PATH`.
pub(super) struct Beside<'a> {
    pub(super) source: &'a str,
    pub(super) references: &'a dyn References,
}

impl Beside<'_> {
    /// Returns a text that is stated itself, or in a file.
    pub(super) fn text(&self, spot: &Spot<'_>, stated: &str, found: &mut Vec<Violation>) -> Option<String> {
        let Some(path) = stated.strip_prefix("file:") else {
            return Some(stated.to_owned());
        };
        self.references
            .file(self.source, path)
            .map_err(|error| found.push(spot.blame(format!("cannot read `{path}`: {error}"))))
            .ok()
    }
}

/// Where PEM texts of one file come from.
pub(super) struct Pem<'a>(pub(super) Beside<'a>);

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

    /// Returns the DER of every certificate that a text holds.
    pub(super) fn ders(&self, spot: &Spot<'_>, stated: &str, found: &mut Vec<Violation>) -> Vec<Vec<u8>> {
        let Some(text) = self.text(spot, stated, "CERTIFICATE", found) else {
            return Vec::new();
        };
        pem::certificates(&text).unwrap_or_else(|| {
            let violation = spot.blame("a certificate here is no base64 between `-----BEGIN` and `-----END`");
            found.push(violation.fix("write it as it was issued"));
            Vec::new()
        })
    }

    fn text(&self, spot: &Spot<'_>, stated: &str, kind: &str, found: &mut Vec<Violation>) -> Option<String> {
        let text = self.0.text(spot, stated, found)?;
        let path = stated.strip_prefix("file:");
        let from = path.map(|path| format!("`{path}`: ")).unwrap_or_default();
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
