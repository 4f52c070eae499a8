//! Shows that a peer serves TLS 1.3 with the certificate that it was given, and both versions of HTTP over it.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::verify::expect;
use super::witness::SMALL;
use super::{Certificate, Fault};

const NAME: &str = "bench.example";

/// Makes a certificate for the trials.
pub(super) fn certificate() -> Result<Certificate, Fault> {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()])?;
    Ok(Certificate {
        chain: made.cert.pem(),
        key: made.signing_key.serialize_pem(),
    })
}

pub(super) async fn verify(address: SocketAddr, certificate: &Certificate) -> Result<(), Fault> {
    for protocol in ["h2", "http/1.1"] {
        let mut stream = connect(address, certificate, protocol).await?;
        let agreed = stream.get_ref().1.alpn_protocol();
        expect("the protocol", agreed, Some(protocol.as_bytes()))?;
        if protocol == "http/1.1" {
            call(&mut stream).await?;
        }
    }
    Ok(())
}

/// Speaks TLS 1.3 only, believes this certificate only and offers this protocol only.
async fn connect(
    address: SocketAddr,
    certificate: &Certificate,
    protocol: &str,
) -> Result<TlsStream<TcpStream>, Fault> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificate.chain.as_bytes())?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13])?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let stream = TcpStream::connect(address).await?;
    let connector = TlsConnector::from(Arc::new(config));
    Ok(connector.connect(ServerName::try_from(NAME)?, stream).await?)
}

async fn call(stream: &mut TlsStream<TcpStream>) -> Result<(), Fault> {
    let request = format!("GET /items HTTP/1.1\r\nHost: {NAME}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(&[b'x'; SMALL]) {
        if stream.read_buf(&mut answer).await? == 0 {
            return Err("the connection ended within the answer".into());
        }
    }
    expect("a call over TLS", answer.starts_with(b"HTTP/1.1 200 "), true)
}
