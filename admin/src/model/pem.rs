//! Certificates in PEM texts (RFC 7468). Whether one is any good is for those who use it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Returns the DER of every certificate that a text holds, in order; nothing where one is no base64 or has no end.
pub(crate) fn certificates(text: &str) -> Option<Vec<Vec<u8>>> {
    let blocks = text.split(BEGIN).skip(1);
    blocks.map(|block| der(block.split_once(END)?.0)).collect()
}

fn der(base64: &str) -> Option<Vec<u8>> {
    let text: String = base64.split_whitespace().collect();
    STANDARD.decode(text).ok().filter(|der| !der.is_empty())
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";
