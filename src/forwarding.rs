//! Who the caller is when proxies stand in front of us, and what the backend is told of it.
//!
//! `X-Forwarded-*` and `Forwarded` (RFC 7239) are believed only from peers on the trust list; from anyone else they
//! are dropped, so that nobody can pretend to another address.

use std::io::Write as _;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use crate::head::{Scheme, ShownCertificate};

/// The peers whose forwarding fields are believed.
#[derive(Clone, Debug, Default)]
pub struct Trust(Vec<IpNet>);

/// Where a request came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Origin {
    /// The address at the other end of the connection.
    pub peer: IpAddr,
    /// The caller's address: the peer, or what trusted proxies say.
    pub client: IpAddr,
    /// The transport that the caller used.
    pub scheme: Scheme,
    /// Whether the peer's forwarding fields are believed.
    pub is_trusted: bool,
}

impl Trust {
    /// Trusts these networks.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    fn includes(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Tells where a request came from.
    pub fn origin(&self, peer: IpAddr, scheme: Scheme, headers: &HeaderMap) -> Origin {
        let peer = peer.to_canonical();
        if self.0.is_empty() || !self.includes(peer) {
            return Origin {
                peer,
                client: peer,
                scheme,
                is_trusted: false,
            };
        }
        let stated = text(headers, "x-forwarded-proto").map(str::trim);
        let scheme = match stated {
            Some(word) if word.eq_ignore_ascii_case("https") => Scheme::Https,
            Some(word) if word.eq_ignore_ascii_case("http") => Scheme::Http,
            Some(_) | None => scheme,
        };
        Origin {
            peer,
            client: self.client(peer, headers),
            scheme,
            is_trusted: true,
        }
    }

    /// Walks `X-Forwarded-For` from our end and stops at the first address that is not one of ours: what stands
    /// before it was written by the caller.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        for line in headers.get_all("x-forwarded-for").iter().rev() {
            for entry in line.to_str().unwrap_or_default().rsplit(',') {
                let Some(address) = address(entry) else { return client };
                client = address;
                if !self.includes(address) {
                    return client;
                }
            }
        }
        client
    }
}

/// Writes an address as fields and logs have it. Most are IPv4, which formatting would take four turns for.
pub fn write_address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            let (mut text, mut end) = ([0; 16], 0);
            for octet in address.octets() {
                // All four bytes each time: what is too much of them is written over.
                if let Some(place) = text.get_mut(end..end + 4) {
                    place.copy_from_slice(&dotted(octet));
                }
                end += 2 + usize::from(octet >= 10) + usize::from(octet >= 100);
            }
            // But for the last dot.
            out.extend_from_slice(text.get(..end - 1).unwrap_or_default());
        }
        IpAddr::V6(address) => {
            // Writing to a vector cannot fail.
            let _ = write!(out, "{address}");
        }
    }
}

/// Writes an octet and the dot behind it.
fn dotted(octet: u8) -> [u8; 4] {
    let [hundreds, tens, ones] = [octet / 100, octet / 10 % 10, octet % 10].map(|digit| b'0' + digit);
    match octet {
        100.. => [hundreds, tens, ones, b'.'],
        10.. => [tens, ones, b'.', 0],
        _ => [ones, b'.', 0, 0],
    }
}

/// Reads the certificate that a trusted proxy vouches for, as proxies write it: PEM with percent-encoding or without its
/// line ends, base64 alone, or a byte sequence between colons (RFC 9440). Nothing where it is stated twice or is none.
pub fn certificate(headers: &HeaderMap, name: &HeaderName) -> Option<ShownCertificate> {
    let mut fields = headers.get_all(name).iter();
    let only = fields.next().filter(|_| fields.next().is_none())?;
    let text = unescaped(only.to_str().ok()?)?;
    let inner = match text.split_once(BEGIN) {
        Some((before, rest)) if before.trim().is_empty() => rest.split_once(END)?.0,
        Some(_) => return None,
        None => text.trim().trim_matches(':'),
    };
    let packed: String = inner.split_ascii_whitespace().collect();
    let der = STANDARD.decode(packed).ok()?;
    let is_whole = X509Certificate::from_der(&der).is_ok_and(|(rest, _)| rest.is_empty());
    is_whole.then(|| ShownCertificate::new(&der, Vec::new()))
}

/// Undoes percent-encoding; a plus is one, since base64 has it.
fn unescaped(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut plain = parts.next()?.to_owned();
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        let byte = u8::from_str_radix(code, 16).ok().filter(u8::is_ascii)?;
        plain.push(char::from(byte));
        plain.push_str(rest);
    }
    Some(plain)
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Reads an address with or without a port.
fn address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let bare = entry
        .strip_prefix('[')
        .and_then(|rest| rest.split(']').next())
        .unwrap_or(entry);
    let address = bare
        .parse()
        .or_else(|_| entry.parse::<std::net::SocketAddr>().map(|socket| socket.ip()))
        .ok()?;
    Some(IpAddr::to_canonical(&address))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(peer: &str, fields: &[(&'static str, &str)]) -> Origin {
        let trust = Trust::new(vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        trust.origin(peer.parse().unwrap(), Scheme::Http, &headers)
    }

    #[test]
    fn an_address_is_written_as_it_is_displayed() {
        for address in [
            "0.0.0.0",
            "192.0.2.10",
            "255.255.255.255",
            "1.10.100.9",
            "::1",
            "2001:db8::1",
            "::ffff:1.2.3.4",
        ] {
            let mut written = Vec::new();
            write_address(&mut written, address.parse().unwrap());
            assert_eq!(String::from_utf8(written).unwrap(), address);
        }
    }

    #[test]
    fn a_stranger_is_who_it_is_whatever_it_says() {
        let origin = origin(
            "192.0.2.9",
            &[("x-forwarded-for", "10.1.1.1"), ("x-forwarded-proto", "https")],
        );
        assert_eq!(origin.client, "192.0.2.9".parse::<IpAddr>().unwrap());
        assert_eq!((origin.scheme, origin.is_trusted), (Scheme::Http, false));
    }

    #[test]
    fn a_trusted_proxy_says_who_called_and_how() {
        let origin = origin(
            "10.0.0.1",
            &[("x-forwarded-for", "192.0.2.9"), ("x-forwarded-proto", "https")],
        );
        assert_eq!(origin.client, "192.0.2.9".parse::<IpAddr>().unwrap());
        assert_eq!((origin.scheme, origin.is_trusted), (Scheme::Https, true));
    }

    #[test]
    fn what_the_caller_wrote_before_our_proxies_is_not_believed() {
        let lines = [
            ("x-forwarded-for", "203.0.113.1, 192.0.2.9"),
            ("x-forwarded-for", "10.2.2.2"),
        ];
        assert_eq!(
            origin("10.0.0.1", &lines).client,
            "192.0.2.9".parse::<IpAddr>().unwrap()
        );
        let nonsense = [("x-forwarded-for", "192.0.2.9, unknown")];
        assert_eq!(
            origin("10.0.0.1", &nonsense).client,
            "10.0.0.1".parse::<IpAddr>().unwrap()
        );
        let with_ports = [("x-forwarded-for", "192.0.2.9:4711"), ("x-forwarded-for", "[::1]:80")];
        assert_eq!(
            origin("::ffff:10.0.0.1", &with_ports).client,
            "192.0.2.9".parse::<IpAddr>().unwrap()
        );
    }

    #[test]
    fn a_proxy_vouches_for_a_certificate_in_any_of_its_ways() {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let (pem, packed) = (certificate.pem(), STANDARD.encode(certificate.der()));
        let name = HeaderName::from_static("x-client");
        let read = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(&name, value.parse().unwrap());
            }
            super::certificate(&headers, &name).map(|shown| shown.der().to_vec())
        };
        let escaped = pem.replace('\n', "%0A").replace(' ', "%20").replace('+', "%2B");
        for good in [
            &escaped,
            &pem.trim().replace('\n', " "),
            &packed,
            &format!(":{packed}:"),
        ] {
            assert_eq!(read(&[good]).as_deref(), Some(&certificate.der()[..]), "{good}");
        }
        assert_eq!(read(&[&packed, &packed]), None);
        for bad in ["", "(null)", "AAAA", "%", "%zz", &packed[..40], &format!("x{escaped}")] {
            assert_eq!(read(&[bad]), None, "{bad}");
        }
    }
}
