//! Whether the gateway may be sent traffic, and what became of its catalog and its certificates.

use std::time::SystemTime;

use parking_lot::Mutex;
use serde::Serialize;

use super::clock;
use crate::model::violation::Violation;

/// Whether the gateway may be sent traffic; shared by those who change it and the page that shows it.
#[derive(Debug, Default)]
pub struct Readiness(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    serving: Option<Serving>,
    refused: Vec<Violation>,
    refused_certificates: Vec<Violation>,
    registry: Option<String>,
    quota_store: Option<String>,
    is_draining: bool,
}

#[derive(Clone, Copy, Debug)]
struct Serving {
    revision: u64,
    applied: SystemTime,
}

/// What the page shows.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) ready: bool,
    revision: Option<u64>,
    draining: bool,
    catalog: CatalogReport,
    certificates: CertificatesReport,
    registry: RegistryReport,
    quota: QuotaReport,
}

#[derive(Debug, Serialize)]
struct QuotaReport {
    /// Why this gateway counts alone, although a store is named; `None` while it does not.
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct RegistryReport {
    /// Why the registry is not up to date; `None` while it is.
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct CatalogReport {
    applied: Option<String>,
    refused: Vec<Violation>,
}

#[derive(Debug, Serialize)]
struct CertificatesReport {
    refused: Vec<Violation>,
}

impl Readiness {
    /// Says that a revision became live just now; what was refused before it is mended.
    pub fn set_serving(&self, revision: u64) {
        let mut state = self.0.lock();
        state.serving = Some(Serving {
            revision,
            applied: SystemTime::now(),
        });
        state.refused.clear();
    }

    /// Says that a change was refused; the gateway stays ready with what it serves.
    pub fn set_refused(&self, violations: Vec<Violation>) {
        self.0.lock().refused = violations;
    }

    /// Says that nothing is refused any more.
    pub fn clear_refused(&self) {
        self.0.lock().refused.clear();
    }

    /// Says what keeps changed certificates from being served, or, with nothing, that they are; the gateway stays ready
    /// with those it has.
    pub fn set_refused_certificates(&self, violations: &[Violation]) {
        violations.clone_into(&mut self.0.lock().refused_certificates);
    }

    /// Says why the registry cannot be followed, or that it can be again; the gateway stays ready with what it knows.
    /// Tells whether that is news.
    pub fn set_registry(&self, error: Option<String>) -> bool {
        let mut state = self.0.lock();
        let is_news = state.registry.is_some() != error.is_some();
        state.registry = error;
        is_news
    }

    /// Says why this gateway counts quotas alone, or that it does so with others again; it stays ready.
    pub fn set_quota_store(&self, error: Option<String>) {
        self.0.lock().quota_store = error;
    }

    /// Says that the process is on its way out: from here on it is not ready.
    pub fn set_draining(&self) {
        self.0.lock().is_draining = true;
    }

    /// Returns whether the gateway may be sent traffic.
    pub fn is_ready(&self) -> bool {
        let state = self.0.lock();
        state.serving.is_some() && !state.is_draining
    }

    pub(super) fn report(&self) -> Report {
        let state = self.0.lock();
        Report {
            ready: state.serving.is_some() && !state.is_draining,
            revision: state.serving.map(|serving| serving.revision),
            draining: state.is_draining,
            catalog: CatalogReport {
                applied: state
                    .serving
                    .map(|serving| String::from_utf8_lossy(&clock::rfc3339(serving.applied)).into_owned()),
                refused: state.refused.clone(),
            },
            certificates: CertificatesReport {
                refused: state.refused_certificates.clone(),
            },
            registry: RegistryReport {
                error: state.registry.clone(),
            },
            quota: QuotaReport {
                error: state.quota_store.clone(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_change_is_shown_and_does_not_stop_traffic() {
        let readiness = Readiness::default();
        assert!(!readiness.is_ready(), "nothing is served yet");
        readiness.set_serving(1);
        readiness.set_refused(vec![Violation {
            file: "conf/catalog/apis/demo.toml".to_owned(),
            line: 3,
            column: 8,
            path: "versions[0].tier".to_owned(),
            message: "unknown tier `Glod`".to_owned(),
            fix: Some("did you mean `Gold`?".to_owned()),
        }]);
        let report = serde_json::to_value(readiness.report()).unwrap();
        assert_eq!(report["ready"], true);
        assert_eq!(report["catalog"]["refused"][0]["line"], 3);
        readiness.set_serving(2);
        let report = serde_json::to_value(readiness.report()).unwrap();
        assert_eq!(report["revision"], 2);
        assert_eq!(report["catalog"]["refused"].as_array().unwrap().len(), 0);
        readiness.set_draining();
        assert!(!readiness.is_ready());
    }

    #[test]
    fn a_store_of_counts_that_is_away_is_shown_and_does_not_stop_traffic() {
        let readiness = Readiness::default();
        readiness.set_serving(1);
        for error in [Some("timed out".to_owned()), None] {
            readiness.set_quota_store(error.clone());
            let report = serde_json::to_value(readiness.report()).unwrap();
            assert_eq!(
                (&report["ready"], &report["quota"]["error"]),
                (&true.into(), &error.into())
            );
        }
    }

    #[test]
    fn a_registry_that_is_away_is_shown_and_does_not_stop_traffic() {
        let readiness = Readiness::default();
        readiness.set_serving(1);
        assert!(readiness.set_registry(Some("connection refused".to_owned())));
        assert!(
            !readiness.set_registry(Some("timed out".to_owned())),
            "it was away before"
        );
        let report = serde_json::to_value(readiness.report()).unwrap();
        assert_eq!(
            (&report["ready"], &report["registry"]["error"]),
            (&true.into(), &"timed out".into())
        );
        assert!(readiness.set_registry(None));
        assert_eq!(
            serde_json::to_value(readiness.report()).unwrap()["registry"]["error"],
            serde_json::Value::Null
        );
    }
}
