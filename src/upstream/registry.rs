//! What the pool knows by name, and how a catalog becomes backends without losing any of it.
//!
//! A draft is made beside what is known and changes nothing; taking over its backends forgets whatever they no longer
//! use. So a refused catalog leaves no trace, and what is known never outgrows the catalog.

use std::sync::Arc;

use ahash::AHashMap;
use http::uri::Scheme;
use http::{HeaderValue, Uri};

use crate::courtesy::others_first;
use crate::model::backend as model;
use crate::model::violation::Violation;

use super::backend::{Backend, BackendName, Endpoint, Slot};
use super::idle::Keeping;
use super::profile::{Profile, ProfileName, check_name};
use super::target::{Target, TargetName};

/// Backends, targets and profiles by name.
#[derive(Debug, Default)]
pub(super) struct Registry {
    backends: AHashMap<BackendName, Arc<Backend>>,
    targets: AHashMap<TargetName, Arc<Target>>,
    profiles: AHashMap<ProfileName, Arc<Profile>>,
}

impl Registry {
    /// Knows exactly what these backends use.
    pub(super) fn of(backends: &[Arc<Backend>]) -> Self {
        let mut registry = Self::default();
        for backend in backends {
            others_first();
            registry.backends.insert(backend.name.clone(), Arc::clone(backend));
            for slot in &backend.slots {
                let (target, profile) = (&slot.target, &slot.target.profile);
                registry
                    .targets
                    .entry(target.name.clone())
                    .or_insert_with(|| Arc::clone(target));
                registry
                    .profiles
                    .entry(profile.name.clone())
                    .or_insert_with(|| Arc::clone(profile));
            }
        }
        registry
    }

    /// Forgets what it knows, in pieces.
    pub(super) fn forget(self) {
        self.backends.into_iter().for_each(|_| others_first());
        self.targets.into_iter().for_each(|_| others_first());
    }

    /// Returns the targets that calls may reach, for each that reaches them.
    pub(super) fn active(&self) -> impl Iterator<Item = &Arc<Target>> {
        self.backends
            .values()
            .filter(|backend| backend.active)
            .flat_map(|backend| &backend.slots)
            .map(|slot| &slot.target)
    }
}

/// Backends in the making.
pub(super) struct Draft<'a> {
    known: &'a Registry,
    keeping: &'a Keeping,
    targets: AHashMap<TargetName, Arc<Target>>,
    profiles: AHashMap<ProfileName, Arc<Profile>>,
    violations: Vec<Violation>,
}

impl<'a> Draft<'a> {
    /// Begins beside what is known.
    pub(super) fn beside(known: &'a Registry, keeping: &'a Keeping) -> Self {
        Self {
            known,
            keeping,
            targets: AHashMap::new(),
            profiles: AHashMap::new(),
            violations: Vec::new(),
        }
    }

    /// Returns what was wrong, if anything.
    pub(super) fn finish<T>(self, made: T) -> Result<T, Vec<Violation>> {
        if self.violations.is_empty() {
            Ok(made)
        } else {
            Err(self.violations)
        }
    }

    /// Makes one backend, or returns the known one where nothing about it has changed.
    pub(super) fn backend(
        &mut self,
        name: BackendName,
        active: bool,
        spec: &Arc<model::Backend>,
    ) -> Option<Arc<Backend>> {
        let known = self
            .known
            .backends
            .get(&name)
            .filter(|known| known.active == active && known.spec == *spec);
        if let Some(known) = known {
            return Some(Arc::clone(known));
        }
        let profile = self.profile(&name, spec)?;
        let slots: Vec<_> = spec
            .endpoints
            .iter()
            .map(|uri| self.slot(&name, uri, spec, &profile))
            .collect();
        let slots = slots.into_iter().collect::<Option<Vec<_>>>()?;
        Some(Arc::new(Backend::new(name, active, Arc::clone(spec), slots)))
    }

    fn profile(&mut self, backend: &BackendName, spec: &model::Backend) -> Option<Arc<Profile>> {
        let name = ProfileName {
            tenant: backend.tenant.as_str().into(),
            protocol: spec.protocol,
            tls: spec.tls.clone(),
        };
        if let Some(known) = self.known.profiles.get(&name).or_else(|| self.profiles.get(&name)) {
            return Some(Arc::clone(known));
        }
        match Profile::believe(&name, self.keeping.clone()) {
            Ok(profile) => Some(Arc::clone(
                self.profiles.entry(name).or_insert_with(|| Arc::new(profile)),
            )),
            Err(wrong) => {
                wrong
                    .iter()
                    .for_each(|wrong| self.complain(backend, &wrong.to_string()));
                None
            }
        }
    }

    fn slot(&mut self, name: &BackendName, uri: &Uri, spec: &model::Backend, profile: &Arc<Profile>) -> Option<Slot> {
        let Some((endpoint, target)) = read(uri, spec, profile.group()) else {
            self.complain(name, &format!("`{uri}` is not an absolute http or https address"));
            return None;
        };
        // Where another name is asked for, the profile has checked that one.
        let verified = target.secure && spec.tls.server_name.is_none();
        if verified && let Err(wrong) = check_name(&target.host) {
            self.complain(name, &wrong.to_string());
            return None;
        }
        let known = self
            .known
            .targets
            .get(&target)
            .or_else(|| self.targets.get(&target))
            .map(Arc::clone);
        let target = known.unwrap_or_else(|| {
            let made = Arc::new(Target::new(target.clone(), Arc::clone(profile)));
            self.targets.insert(target, Arc::clone(&made));
            made
        });
        Some(Slot::new(endpoint, target))
    }

    fn complain(&mut self, name: &BackendName, message: &str) {
        let BackendName {
            tenant, api, version, ..
        } = name;
        self.violations.push(Violation {
            file: String::new(),
            line: 0,
            column: 0,
            path: format!("{tenant}/{api}/{version}/endpoints"),
            message: message.to_owned(),
            fix: None,
        });
    }
}

/// Reads an endpoint's address as the request must name it, and as it is reached.
fn read(uri: &Uri, spec: &model::Backend, group: u64) -> Option<(Endpoint, TargetName)> {
    let secure = *uri.scheme()? == Scheme::HTTPS;
    let host = uri.host()?.to_ascii_lowercase();
    let usual = if secure { 443 } else { 80 };
    let port = uri.port_u16().unwrap_or(usual);
    let authority = if port == usual {
        host.clone()
    } else {
        format!("{host}:{port}")
    };
    let endpoint = Endpoint {
        name: uri.to_string().into(),
        base: uri.path().trim_end_matches('/').into(),
        host: HeaderValue::try_from(authority).ok()?,
    };
    // An IPv6 address is written in brackets; neither a socket nor a certificate knows them.
    let host = host.trim_start_matches('[').trim_end_matches(']').into();
    Some((
        endpoint,
        TargetName {
            group,
            secure,
            host,
            port,
            health: spec.health.clone(),
        },
    ))
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use crate::model::backend::{Balance, Health, HostHeader, Protocol, Timeouts, TlsProfile};
    use crate::model::name::{ApiName, TenantName, VersionName};
    use crate::registry::key_pair::KeyType;

    use super::*;

    pub(in super::super) fn spec(endpoints: &[&str]) -> model::Backend {
        let second = Duration::from_secs(1);
        model::Backend {
            endpoints: endpoints.iter().map(|uri| uri.parse().unwrap()).collect(),
            balance: Balance::RoundRobin,
            host: HostHeader::Rewrite,
            protocol: Protocol::Auto,
            timeouts: Timeouts {
                connect: second,
                read: second * 5,
                total: second * 10,
            },
            tls: TlsProfile::default(),
            health: Health {
                max_failures: 2,
                suspend: second * 30,
                probe: None,
            },
        }
    }

    pub(in super::super) fn name(tenant: &str, version: &str) -> BackendName {
        BackendName {
            tenant: TenantName::parse(tenant).unwrap(),
            api: ApiName::parse("Demo").unwrap(),
            version: VersionName::parse(version).unwrap(),
            key_type: KeyType::Production,
        }
    }

    pub(in super::super) fn draft(known: &Registry, wanted: &[(BackendName, model::Backend)]) -> Vec<Arc<Backend>> {
        let keeping = Keeping::new(Duration::from_secs(7), 7);
        let mut draft = Draft::beside(known, &keeping);
        let made = wanted
            .iter()
            .map(|(name, spec)| draft.backend(name.clone(), true, &Arc::new(spec.clone())).unwrap())
            .collect();
        draft.finish(made).unwrap()
    }

    #[test]
    fn an_unchanged_backend_is_the_same_one() {
        let wanted = [(name("t", "1"), spec(&["http://127.0.0.1:9"]))];
        let first = draft(&Registry::default(), &wanted);
        let again = draft(&Registry::of(&first), &wanted);
        assert!(Arc::ptr_eq(&first[0], &again[0]));
    }

    #[test]
    fn health_survives_what_does_not_concern_it() {
        let first = draft(
            &Registry::default(),
            &[(name("t", "1"), spec(&["http://127.0.0.1:9/a"]))],
        );
        let mut changed = spec(&["http://127.0.0.1:9/b", "http://127.0.0.1:10"]);
        changed.timeouts.read = Duration::from_secs(99);
        let again = draft(&Registry::of(&first), &[(name("t", "2"), changed)]);
        assert!(Arc::ptr_eq(&first[0].slots[0].target, &again[0].slots[0].target));
    }

    #[test]
    fn versions_of_a_tenant_share_a_target_and_tenants_do_not() {
        let uris = ["http://127.0.0.1:9"];
        let wanted = [
            (name("t", "1"), spec(&uris)),
            (name("t", "2"), spec(&uris)),
            (name("u", "1"), spec(&uris)),
        ];
        let made = draft(&Registry::default(), &wanted);
        assert!(Arc::ptr_eq(&made[0].slots[0].target, &made[1].slots[0].target));
        assert!(!Arc::ptr_eq(&made[0].slots[0].target, &made[2].slots[0].target));
        assert_ne!(
            made[0].slots[0].target.profile.group(),
            made[2].slots[0].target.profile.group()
        );
    }

    #[test]
    fn what_is_gone_is_forgotten() {
        let first = draft(&Registry::default(), &[(name("t", "1"), spec(&["http://127.0.0.1:9"]))]);
        let registry = Registry::of(&draft(
            &Registry::of(&first),
            &[(name("t", "1"), spec(&["http://127.0.0.1:10"]))],
        ));
        assert_eq!(
            (registry.backends.len(), registry.targets.len(), registry.profiles.len()),
            (1, 1, 1)
        );
    }

    #[test]
    fn an_endpoint_is_read_as_the_request_must_name_it() {
        let read = |uri: &str| read(&uri.parse().unwrap(), &spec(&[]), 2).unwrap();
        let (endpoint, target) = read("https://Origin.Test/v1/");
        assert_eq!(
            (&*endpoint.base, endpoint.host.to_str().unwrap()),
            ("/v1", "origin.test")
        );
        assert_eq!((&*target.host, target.port, target.secure), ("origin.test", 443, true));
        let (endpoint, target) = read("http://[2001:db8::1]:8080");
        assert_eq!(
            (&*endpoint.base, endpoint.host.to_str().unwrap()),
            ("", "[2001:db8::1]:8080")
        );
        assert_eq!(&*target.host, "2001:db8::1");
    }

    #[test]
    fn every_problem_names_its_version() {
        let mut wrong = spec(&["https://127.0.0.1:9"]);
        wrong.tls.ca = Some("no pem".into());
        let registry = Registry::default();
        let keeping = Keeping::new(Duration::from_secs(7), 7);
        let mut draft = Draft::beside(&registry, &keeping);
        assert!(draft.backend(name("t", "1"), true, &Arc::new(wrong)).is_none());
        assert!(
            draft
                .backend(name("t", "2"), true, &Arc::new(spec(&["http://127.0.0.1:9"])))
                .is_some()
        );
        let violations = draft.finish(()).unwrap_err();
        assert_eq!(violations.len(), 1);
        assert_eq!(violations[0].path, "t/Demo/1/endpoints");
        assert!(violations[0].message.contains("tls.ca"));
    }
}
