//! Which certificate answers a handshake: the one of the exact name, else of the wildcard, else the first.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::pair::Pair;

/// The certificates by the names they were issued for.
///
/// A name may have several, such as one ECDSA and one RSA; the first that the client can verify answers.
#[derive(Debug, Default)]
pub(super) struct ByName {
    exact: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// By what follows the asterisk's dot.
    wildcards: HashMap<String, Vec<Arc<CertifiedKey>>>,
    all: Vec<Arc<CertifiedKey>>,
}

impl ByName {
    /// Sorts the pairs by name; their order decides between equals.
    pub(super) fn new(pairs: &[Pair]) -> Self {
        let mut by_name = Self::default();
        for pair in pairs {
            by_name.all.push(pair.key.clone());
            for hostname in &pair.hostnames {
                let (names, name) = match hostname.strip_prefix("*.") {
                    Some(parent) => (&mut by_name.wildcards, parent),
                    None => (&mut by_name.exact, hostname.as_str()),
                };
                names.entry(name.to_owned()).or_default().push(pair.key.clone());
            }
        }
        by_name
    }

    fn choose(&self, hostname: Option<&str>, schemes: &[SignatureScheme]) -> Option<&Arc<CertifiedKey>> {
        let named = hostname.and_then(|hostname| {
            let hostname = hostname.trim_end_matches('.').to_ascii_lowercase();
            let parent = hostname.split_once('.').map(|(_, parent)| parent);
            self.exact.get(&hostname).or_else(|| self.wildcards.get(parent?))
        });
        let candidates = named.unwrap_or(&self.all);
        let usable = candidates
            .iter()
            .find(|candidate| candidate.key.choose_scheme(schemes).is_some());
        usable.or_else(|| candidates.first())
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name(), hello.signature_schemes()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accept::sample;

    #[test]
    fn the_exact_name_wins_then_the_wildcard_then_the_first() {
        let pairs = [
            sample::pair(&["first.example"]),
            sample::pair(&["*.example.com"]),
            sample::pair(&["api.example.com"]),
        ];
        let by_name = ByName::new(&pairs);
        let chosen = |hostname: Option<&str>| {
            let key = by_name
                .choose(hostname, &[SignatureScheme::ECDSA_NISTP256_SHA256])
                .unwrap();
            pairs.iter().position(|pair| Arc::ptr_eq(&pair.key, key)).unwrap()
        };
        assert_eq!(chosen(Some("api.example.com")), 2);
        assert_eq!(chosen(Some("API.Example.Com")), 2);
        assert_eq!(chosen(Some("shop.example.com")), 1);
        assert_eq!(
            chosen(Some("a.shop.example.com")),
            0,
            "an asterisk stands for one label"
        );
        assert_eq!(chosen(Some("example.com")), 0);
        assert_eq!(chosen(Some("other.example")), 0);
        assert_eq!(chosen(None), 0);
    }

    #[test]
    fn no_certificate_at_all_is_no_answer() {
        assert!(ByName::new(&[]).choose(Some("a.example"), &[]).is_none());
    }
}
