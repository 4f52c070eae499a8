//! What a version is, whatever format states it.

use std::time::Duration;

use super::note::Notes;
use super::words;
use crate::model::document::{Cache, SecurityName, TransportName, Version};
use crate::model::lifecycle::LifecycleState;
use crate::model::unit::Period;

/// Makes a version that says nothing yet. It is not served until somebody publishes it.
pub(super) fn blank(label: String) -> Version {
    Version {
        version: label,
        state: LifecycleState::Created,
        transports: vec![TransportName::Http, TransportName::Https],
        security: vec![SecurityName::Oauth2],
        authorization_header: None,
        api_key_header: None,
        key_managers: None,
        client_certificates: Default::default(),
        backend_jwt: false,
        tiers: None,
        subscribers: Default::default(),
        tier: None,
        anonymous_tier: None,
        max_tps: Default::default(),
        max_request_body: None,
        paths: Vec::new(),
        endpoints: None,
        cache: None,
        resources: Vec::new(),
    }
}

/// Makes words transports; both where there is none that is known.
pub(super) fn transports(stated: Option<Vec<String>>, notes: &mut Notes) -> Vec<TransportName> {
    let mut transports = Vec::new();
    for word in stated.unwrap_or_default() {
        match words::transport(&word) {
            Some(transport) if !transports.contains(&transport) => transports.push(transport),
            Some(_) => {}
            None => notes.add("", "a transport that is neither http nor https is left out"),
        }
    }
    if transports.is_empty() || transports.len() == 2 {
        return vec![TransportName::Http, TransportName::Https];
    }
    transports
}

/// Returns the name of a field, unless it is the usual one.
pub(super) fn own_field(field: Option<String>, usual: &str) -> Option<String> {
    field.filter(|field| !field.eq_ignore_ascii_case(usual))
}

/// Makes a cache of a number of seconds (W 11).
pub(super) fn kept(seconds: Option<u64>, at: &str, notes: &mut Notes) -> Cache {
    let timeout = seconds
        .filter(|seconds| (1..=YEAR).contains(seconds))
        .unwrap_or_else(|| {
            notes.add(
                at,
                "no timeout between a second and a year is stated, so responses are kept for 300 s",
            );
            300
        });
    notes.add(
        at,
        "the timeout is that of responses that do not say themselves how long they may be kept; \
         `mode = \"fixed\"` ignores what they say",
    );
    Cache {
        timeout: Some(Period(Duration::from_secs(timeout))),
        ..Cache::default()
    }
}

const YEAR: u64 = 365 * 86_400;
