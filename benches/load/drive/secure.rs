//! TLS as a caller speaks it: 1.3, one certificate that is trusted, nothing resumed.

use std::io::{Error, Result};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Whom callers believe.
#[derive(Clone)]
pub(crate) struct Trust(TlsConnector);

impl Trust {
    /// Believes this certificate alone.
    pub(crate) fn only(certificate: CertificateDer<'static>) -> crate::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(certificate)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Shakes hands.
    pub(super) async fn shake(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from("bench.example").map_err(Error::other)?;
        self.0.connect(name, stream).await
    }
}
