//! Who is at the other end of a connection, as whoever serves the router knows it.

use std::net::IpAddr;

use crate::registry::token::Digest;

/// The other end of a connection; to be put among the extensions of each request.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its address: the client's, where a trusted proxy told it.
    pub address: IpAddr,
    /// Whether the client speaks TLS.
    pub is_tls: bool,
    /// The DER of the certificate that it has proven to hold.
    pub certificate: Option<Vec<u8>>,
}

impl Peer {
    /// Returns the SHA-256 of its certificate.
    pub fn thumbprint(&self) -> Option<Digest> {
        let der = self.certificate.as_deref()?;
        let mut bytes = [0; 32];
        bytes.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der).as_ref());
        Some(Digest(bytes))
    }
}
