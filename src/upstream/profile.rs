//! What connections must have in common to be shared: tenant, protocol, and everything that identity rests on.
//!
//! Pingora's pool tells connections apart by address, name and certificate serials, but not by the authority that was
//! trusted nor by ALPN. So each profile gets a number of its own for `group_key`: a connection that was verified
//! against one authority never serves another, and rotated material makes new connections. Numbers are handed out,
//! not hashed: two profiles cannot collide.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use pingora_core::protocols::tls::CaType;
use pingora_core::protocols::{ALPN, TcpKeepalive};
use pingora_core::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy, PeerOptions};
use pingora_core::utils::tls::{CertKey, WrappedX509, parse_x509};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::idle::Keeping;
use crate::model::backend::{Protocol, TlsProfile};

/// What a profile is known by.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct ProfileName {
    pub(super) tenant: Box<str>,
    pub(super) protocol: Protocol,
    pub(super) tls: TlsProfile,
}

impl Hash for ProfileName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.tenant.hash(state);
        self.tls.ca.hash(state);
        self.tls.server_name.hash(state);
    }
}

/// How connections of one kind are made.
pub(super) struct Profile {
    pub(super) name: ProfileName,
    group: u64,
    ca: Option<Arc<CaType>>,
    identity: Option<Arc<CertKey>>,
    keeping: Keeping,
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("group", &self.group)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Why a TLS profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProfileError {
    #[error("`{0}` holds no PEM certificate")]
    NoCertificate(&'static str),
    #[error("`{0}` holds a certificate that cannot be read")]
    BadCertificate(&'static str),
    #[error("`tls.identity` holds no PEM private key that can be read")]
    BadKey,
    #[error("the key of `tls.identity` does not fit its certificate: {0}")]
    Mismatch(rustls::Error),
    #[error("`{0}` is not a name that a certificate can be checked for")]
    BadServerName(String),
}

impl Profile {
    /// Reads the PEM material; reports everything that is wrong with it.
    pub(super) fn believe(name: &ProfileName, keeping: Keeping) -> Result<Self, Vec<ProfileError>> {
        let mut wrong = Vec::new();
        let ca = name
            .tls
            .ca
            .as_deref()
            .and_then(|pem| authority(pem).map_err(|e| wrong.push(e)).ok());
        let identity = name.tls.identity.as_ref();
        let identity = identity.and_then(|(chain, key)| identity_of(chain, key).map_err(|e| wrong.push(e)).ok());
        if let Some(server_name) = &name.tls.server_name {
            wrong.extend(check_name(server_name).err());
        }
        if wrong.is_empty() {
            Ok(Self {
                name: name.clone(),
                group: next_group(),
                ca,
                identity,
                keeping,
            })
        } else {
            Err(wrong)
        }
    }

    /// Returns the number that keeps its connections apart from everyone else's.
    pub(super) fn group(&self) -> u64 {
        self.group
    }

    /// Says how long its connections wait, and how many may.
    pub(super) fn keeping(&self) -> &Keeping {
        &self.keeping
    }

    /// Tells whether its connections are of HTTP/1 alone.
    pub(super) fn is_http1(&self, secure: bool) -> bool {
        self.alpn(secure) == ALPN::H1
    }

    fn alpn(&self, secure: bool) -> ALPN {
        match (self.name.protocol, secure) {
            (Protocol::Auto, true) => ALPN::H2H1,
            (Protocol::Auto, false) | (Protocol::Http1, _) => ALPN::H1,
            (Protocol::Http2, _) => ALPN::H2,
        }
    }

    /// Makes the peer of one address. Its timeouts are the least safe ones; each request sets its own.
    pub(super) fn peer(&self, address: SocketAddr, secure: bool, host: &str) -> HttpPeer {
        let server_name = if secure {
            self.name.tls.server_name.as_deref().unwrap_or(host)
        } else {
            ""
        };
        let mut peer = HttpPeer::new(address, secure, server_name.to_owned());
        peer.group_key = self.group;
        if secure {
            peer.client_cert_key.clone_from(&self.identity);
        }
        peer.options = self.options(secure);
        peer
    }

    fn options(&self, secure: bool) -> PeerOptions {
        let mut options = PeerOptions::new();
        options.alpn = self.alpn(secure);
        if secure {
            options.ca.clone_from(&self.ca);
        }
        options.idle_timeout = Some(self.keeping.idle);
        options.max_h2_streams = MAX_H2_STREAMS;
        options.h2_ping_interval = Some(H2_PING);
        options.tcp_keepalive = Some(TcpKeepalive {
            idle: Duration::from_secs(60),
            interval: Duration::from_secs(10),
            count: 3,
            user_timeout: Duration::ZERO,
        });
        // Whoever rewrites the request removes what is of one hop, upgrades included; WebSocket has a tunnel of its own.
        options.http_upstream_request_policy = HttpUpstreamRequestPolicy::preserve();
        options
    }
}

/// Checks that a certificate can be verified for a name; an IP address is one, an empty name would verify nothing.
pub(super) fn check_name(name: &str) -> Result<(), ProfileError> {
    ServerName::try_from(name)
        .map(|_| ())
        .map_err(|_| ProfileError::BadServerName(name.to_owned()))
}

const H2_PING: Duration = Duration::from_secs(30);
const MAX_H2_STREAMS: usize = 100;

/// Groups are even; the odd number after each is for connections that must be new.
fn next_group() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(2);
    NEXT.fetch_add(2, Relaxed)
}

/// Returns the group of connections that must not have been used before.
pub(super) fn unused(group: u64) -> u64 {
    group | 1
}

fn certificates(pem: &str, key: &'static str) -> Result<Vec<CertificateDer<'static>>, ProfileError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let found = found.map_err(|_| ProfileError::BadCertificate(key))?;
    if found.is_empty() {
        return Err(ProfileError::NoCertificate(key));
    }
    // Pingora panics over a certificate that it cannot parse.
    if found.iter().any(|der| X509Certificate::from_der(der).is_err()) {
        return Err(ProfileError::BadCertificate(key));
    }
    Ok(found)
}

fn authority(pem: &str) -> Result<Arc<CaType>, ProfileError> {
    let found = certificates(pem, "tls.ca")?;
    let mut roots = RootCertStore::empty();
    if found.iter().any(|der| roots.add(der.clone()).is_err()) {
        return Err(ProfileError::BadCertificate("tls.ca"));
    }
    let wrapped: Vec<_> = found
        .into_iter()
        .map(|der| WrappedX509::new(der.to_vec(), parse_x509))
        .collect();
    Ok(Arc::from(wrapped))
}

fn identity_of(chain: &str, key: &str) -> Result<Arc<CertKey>, ProfileError> {
    let chain = certificates(chain, "tls.identity")?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| ProfileError::BadKey)?;
    let der = key.secret_der().to_vec();
    // Pingora tells the kind of key from its bytes, and panics where that fails.
    if PrivateKeyDer::try_from(der.clone()).is_err() {
        return Err(ProfileError::BadKey);
    }
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(chain.clone(), key, &provider).map_err(ProfileError::Mismatch)?;
    Ok(Arc::new(CertKey::new(
        chain.into_iter().map(|der| der.to_vec()).collect(),
        der,
    )))
}

#[cfg(test)]
mod tests {
    use pingora_core::upstreams::peer::Peer;
    use rcgen::{CertifiedKey, generate_simple_self_signed};

    use super::*;

    const IDLE: Duration = Duration::from_secs(7);

    fn keeping() -> Keeping {
        Keeping::new(IDLE, 7)
    }

    fn named(tls: TlsProfile, protocol: Protocol) -> ProfileName {
        ProfileName {
            tenant: "carbon.super".into(),
            protocol,
            tls,
        }
    }

    fn pem() -> (String, String) {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["origin.test".to_owned()]).unwrap();
        (cert.pem(), signing_key.serialize_pem())
    }

    #[test]
    fn connections_of_different_authorities_never_meet() {
        let address = "127.0.0.1:9".parse().unwrap();
        let with = |ca| {
            let tls = TlsProfile {
                ca: Some(ca),
                ..TlsProfile::default()
            };
            Profile::believe(&named(tls, Protocol::Auto), keeping())
                .unwrap()
                .peer(address, true, "origin.test")
        };
        assert_ne!(with(pem().0).reuse_hash(), with(pem().0).reuse_hash());
    }

    #[test]
    fn a_key_that_does_not_fit_and_a_broken_authority_are_both_reported() {
        let tls = TlsProfile {
            ca: Some("no pem".into()),
            identity: Some((pem().0, pem().1)),
            server_name: Some(String::new()),
        };
        let wrong = Profile::believe(&named(tls, Protocol::Auto), keeping()).unwrap_err();
        let said: Vec<_> = wrong.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(
            said[0].contains("tls.ca") && said[1].contains("does not fit"),
            "{said:?}"
        );
    }

    #[test]
    fn garbage_in_a_certificate_is_refused_rather_than_a_panic() {
        let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned();
        let tls = TlsProfile {
            ca: Some(pem),
            ..TlsProfile::default()
        };
        assert!(Profile::believe(&named(tls, Protocol::Auto), keeping()).is_err());
    }

    #[test]
    fn every_limit_is_set_and_every_upgrade_refused() {
        let (chain, key) = pem();
        let tls = TlsProfile {
            identity: Some((chain, key)),
            ..TlsProfile::default()
        };
        let profile = Profile::believe(&named(tls, Protocol::Auto), keeping()).unwrap();
        let peer = profile.peer("127.0.0.1:9".parse().unwrap(), true, "127.0.0.1");
        assert_eq!(peer.sni, "127.0.0.1");
        assert!(peer.client_cert_key.is_some());
        assert_eq!(peer.idle_timeout(), Some(IDLE));
        assert!(peer.tcp_keepalive().is_some());
        assert_eq!(peer.options.max_h2_streams, MAX_H2_STREAMS);
        assert_ne!(unused(peer.group_key), peer.group_key);
    }

    #[test]
    fn protocols_become_alpn() {
        let alpn = |protocol, secure| {
            let profile = Profile::believe(&named(TlsProfile::default(), protocol), keeping()).unwrap();
            profile
                .peer("127.0.0.1:9".parse().unwrap(), secure, "origin.test")
                .options
                .alpn
        };
        assert_eq!(alpn(Protocol::Auto, true), ALPN::H2H1);
        assert_eq!(alpn(Protocol::Auto, false), ALPN::H1);
        assert_eq!(alpn(Protocol::Http1, true), ALPN::H1);
        assert_eq!(alpn(Protocol::Http2, false), ALPN::H2);
    }
}
