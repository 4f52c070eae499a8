//! Client certificates at the handshake: asked for where somebody could want one, never demanded, and only their
//! possession proven.
//!
//! Whether a certificate is worth anything is for the version to say that is called; no handshake can know it. What
//! was shown stays with the connection, and with each that resumes it.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use pingora_core::listeners::TlsAccept;
use pingora_core::protocols::Digest;
use pingora_core::protocols::tls::TlsRef;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use crate::head::ShownCertificate;

/// Returns the certificate that was shown when a connection was made.
pub fn shown(digest: &Digest) -> Option<&ShownCertificate> {
    handshake(digest)?.shown.as_ref()
}

/// Tells whether a certificate could have been shown when a connection was made: over plain TCP it could not.
pub fn was_asked(digest: &Digest) -> bool {
    handshake(digest).is_some_and(|handshake| handshake.was_asked)
}

fn handshake(digest: &Digest) -> Option<&Handshake> {
    digest.ssl_digest.as_ref()?.extension.get()
}

/// What a handshake leaves with its connection.
struct Handshake {
    shown: Option<ShownCertificate>,
    was_asked: bool,
}

/// Asks for a certificate and checks that the client holds its key.
#[derive(Debug)]
pub(super) struct Possession {
    provider: Arc<CryptoProvider>,
}

impl Possession {
    pub(super) fn new(provider: Arc<CryptoProvider>) -> Arc<Self> {
        Arc::new(Self { provider })
    }
}

impl ClientCertVerifier for Possession {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// Names nobody: certificates of every authority, and of none, are looked at later.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        // Pingora 0.9.1 reads the leaf once more after the handshake, and panics where it cannot.
        let is_readable = matches!(X509Certificate::from_der(leaf), Ok((rest, _)) if rest.is_empty());
        if is_readable && intermediates.len() <= MOST_INTERMEDIATES {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(CertificateError::BadEncoding))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Keeps what was shown where requests of the connection find it, those of HTTP/2 included.
pub(super) struct Remember {
    /// Whether a certificate is asked for.
    pub(super) is_asked: bool,
}

#[async_trait]
impl TlsAccept for Remember {
    async fn handshake_complete_callback(&self, tls: &TlsRef) -> Option<Arc<dyn Any + Send + Sync>> {
        let shown = tls.peer_cert_chain_der().and_then(<[_]>::split_first);
        let shown = shown.map(|(leaf, intermediates)| {
            let intermediates = intermediates.iter().map(|der| der.as_ref().into()).collect();
            ShownCertificate::new(leaf, intermediates)
        });
        Some(Arc::new(Handshake {
            shown,
            was_asked: self.is_asked,
        }))
    }
}

const MOST_INTERMEDIATES: usize = 8;
