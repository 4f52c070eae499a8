//! The certificate by which a client proves itself (`self_signed_tls_client_auth`, RFC 8705, 2.2): that one and no other.
//!
//! Its digest is all that is kept. Who signed it and when it ends is not looked at: it is taken because it was registered
//! here, until another one is.

use super::Result;
use super::rule::invalid;
use super::token::Digest;
use crate::model::pem;

/// Returns the digest of the one certificate that a PEM text holds.
///
/// # Errors
///
/// Says what is in the text instead, and what would be taken.
pub fn believe_certificate(text: &str) -> Result<Digest> {
    let found = pem::certificates(text).filter(|found| found.iter().all(|der| der.first() == Some(&SEQUENCE)));
    match found.as_deref() {
        None => Err(invalid(
            "a certificate here cannot be read: write it as it was issued, from `-----BEGIN` to `-----END`",
        )),
        Some([]) => Err(invalid(
            "there is no certificate here: a client's is the text that begins with `-----BEGIN CERTIFICATE-----`",
        )),
        Some([one]) => Ok(Digest::of_bytes(one)),
        Some(several) => Err(invalid(format!(
            "there are {} certificates here: a client has one, its own, without those that signed it",
            several.len()
        ))),
    }
}

/// How the DER of every certificate begins (X.690, 8.9.1).
const SEQUENCE: u8 = 0x30;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(der: &str) -> String {
        format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n")
    }

    #[test]
    fn a_client_has_one_certificate() {
        let good = text("MAMCAQE=");
        let digest = Digest::of_bytes(&[0x30, 3, 2, 1, 1]);
        assert_eq!(believe_certificate(&good).unwrap(), digest);
        assert_eq!(believe_certificate(&format!("subject=a\n{good}")).unwrap(), digest);
        for (bad, said) in [
            (String::new(), "no certificate"),
            (
                "-----BEGIN PRIVATE KEY-----\nMAMCAQE=\n-----END PRIVATE KEY-----".to_owned(),
                "no certificate",
            ),
            (good.repeat(2), "there are 2 certificates"),
            (text("*"), "cannot be read"),
            (text(""), "cannot be read"),
            (text("AAAA"), "cannot be read"),
            (good.replace("END", "DNE"), "cannot be read"),
        ] {
            let error = believe_certificate(&bad).unwrap_err().to_string();
            assert!(error.contains(said), "{bad}: {error}");
        }
    }
}
