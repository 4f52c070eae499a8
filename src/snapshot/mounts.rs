//! Where versions are mounted: host, tenant and context to version.
//!
//! Every version is mounted at its full context, every Api with a default also at its bare context; the longest
//! mount wins. A lookup costs one hash per segment of the deepest mount, however many APIs and tenants there are.

use ahash::AHashMap;

use super::VersionId;
use crate::courtesy::others_first;

/// What answers at a context.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mount {
    /// The Api's default, at its bare context; `None` while no version of the preference list can answer.
    Default(Option<VersionId>),
    /// One version, by name.
    Named(VersionId),
}

/// A mount that a path reached, and where the rest of that path begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// What answers there.
    pub mount: Mount,
    /// The offset of the first byte of the path that the mount does not cover.
    pub rest: usize,
}

/// All mounts of a catalog.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    tenants: Vec<Tenant>,
    by_domain: AHashMap<Box<str>, usize>,
    by_host: AHashMap<Box<str>, usize>,
    /// The tenant of every host and path that name none.
    root: Option<usize>,
}

#[derive(Debug, Default)]
struct Tenant {
    is_active: bool,
    contexts: AHashMap<Box<str>, Mount>,
    /// Segments of the deepest context; lookups start there.
    depth: usize,
}

/// A mount that is taken already.
#[derive(Debug)]
pub(super) struct Taken;

impl Mounts {
    /// Adds a tenant; hostnames are in lower case.
    pub(super) fn add_tenant<'a>(&mut self, domain: &str, hostnames: impl Iterator<Item = &'a str>, is_active: bool) {
        let index = self.tenants.len();
        self.tenants.push(Tenant {
            is_active,
            ..Tenant::default()
        });
        self.by_domain.insert(domain.into(), index);
        if domain == ROOT {
            self.root = Some(index);
        }
        self.by_host.extend(hostnames.map(|host| (host.into(), index)));
    }

    /// Frees them in pieces.
    pub(super) fn take_apart(self) {
        let contexts = self.tenants.into_iter().flat_map(|tenant| tenant.contexts);
        contexts.for_each(|_| others_first());
    }

    /// Mounts at a context of a tenant that was added before.
    ///
    /// # Errors
    ///
    /// Returns [`Taken`] where something is mounted there already, or no such tenant was added.
    pub(super) fn mount(&mut self, domain: &str, context: &str, mount: Mount) -> Result<(), Taken> {
        let tenant = self
            .by_domain
            .get(domain)
            .and_then(|&index| self.tenants.get_mut(index))
            .ok_or(Taken)?;
        tenant.depth = tenant.depth.max(context.matches('/').count());
        match tenant.contexts.insert(context.into(), mount) {
            None => Ok(()),
            Some(_) => Err(Taken),
        }
    }

    /// Finds the longest mount that covers a path: by the tenant that owns the host, else by `/t/<domain>/`, else in
    /// the root tenant.
    pub(super) fn find(&self, host: &str, path: &str) -> Option<Place> {
        let (tenant, skip) = self.tenant(host, path)?;
        let tenant = self.tenants.get(tenant).filter(|tenant| tenant.is_active)?;
        let below = path.get(skip..)?;
        let place = tenant.find(below)?;
        Some(Place {
            mount: place.mount,
            rest: skip + place.rest,
        })
    }

    fn tenant(&self, host: &str, path: &str) -> Option<(usize, usize)> {
        let owner = self.by_host.get(host).copied();
        let Some(named) = path.strip_prefix("/t/") else {
            return owner.or(self.root).map(|tenant| (tenant, 0));
        };
        let domain = named.split('/').next().unwrap_or_default();
        let tenant = self.by_domain.get(domain).copied()?;
        // A tenant's own hostname reaches that tenant alone.
        owner
            .is_none_or(|owner| owner == tenant)
            .then_some((tenant, "/t/".len() + domain.len()))
    }
}

impl Tenant {
    fn find(&self, path: &str) -> Option<Place> {
        let mut end = nth_slash(path, self.depth).unwrap_or(path.len());
        loop {
            let candidate = path.get(..end)?;
            if let Some(&mount) = self.contexts.get(candidate) {
                return Some(Place { mount, rest: end });
            }
            end = candidate.rfind('/')?;
        }
    }
}

/// Returns the offset of the slash that ends the first `depth` segments.
fn nth_slash(path: &str, depth: usize) -> Option<usize> {
    let mut slashes = path.bytes().enumerate().filter(|&(_, byte)| byte == b'/');
    slashes.nth(depth).map(|(offset, _)| offset)
}

/// The domain of the tenant that needs no name.
const ROOT: &str = "carbon.super";

#[cfg(test)]
mod tests {
    use super::*;

    const NAMED: Mount = Mount::Named(VersionId(1));
    const DEFAULT: Mount = Mount::Default(Some(VersionId(1)));

    fn mounts() -> Mounts {
        let mut mounts = Mounts::default();
        mounts.add_tenant(ROOT, [].into_iter(), true);
        mounts.add_tenant("acme.example", ["api.acme.example"].into_iter(), true);
        mounts.add_tenant("gone.example", [].into_iter(), false);
        for (domain, context, mount) in [
            (ROOT, "/youtube", DEFAULT),
            (ROOT, "/youtube/3.0", NAMED),
            (ROOT, "/a/b/c/1.0", NAMED),
            ("acme.example", "/orders", DEFAULT),
            ("gone.example", "/orders", DEFAULT),
        ] {
            mounts.mount(domain, context, mount).unwrap();
        }
        mounts
    }

    fn rest<'a>(host: &str, path: &'a str) -> Option<(Mount, &'a str)> {
        mounts()
            .find(host, path)
            .map(|place| (place.mount, &path[place.rest..]))
    }

    #[test]
    fn the_longest_context_wins() {
        assert_eq!(rest("x", "/youtube/3.0/videos/1"), Some((NAMED, "/videos/1")));
        assert_eq!(rest("x", "/youtube/videos/1"), Some((DEFAULT, "/videos/1")));
        assert_eq!(rest("x", "/a/b/c/1.0/d/e/f/g"), Some((NAMED, "/d/e/f/g")));
    }

    #[test]
    fn a_context_ends_at_a_segment() {
        assert_eq!(rest("x", "/youtube/3.01/videos"), Some((DEFAULT, "/3.01/videos")));
        assert_eq!(rest("x", "/youtubes"), None);
        assert_eq!(rest("x", "/a/b/c"), None);
        assert_eq!(rest("x", "/youtube"), Some((DEFAULT, "")));
    }

    #[test]
    fn a_tenant_is_named_by_its_path_or_its_host() {
        assert_eq!(rest("x", "/t/acme.example/orders/1"), Some((DEFAULT, "/1")));
        assert_eq!(rest("api.acme.example", "/orders/1"), Some((DEFAULT, "/1")));
        assert_eq!(rest("api.acme.example", "/t/acme.example/orders"), Some((DEFAULT, "")));
    }

    #[test]
    fn a_tenants_host_reaches_no_other_tenant() {
        assert_eq!(rest("api.acme.example", "/youtube/videos"), None);
        assert_eq!(rest("api.acme.example", "/t/carbon.super/youtube"), None);
    }

    #[test]
    fn an_inactive_or_unknown_tenant_has_no_apis() {
        assert_eq!(rest("x", "/t/gone.example/orders"), None);
        assert_eq!(rest("x", "/t/nobody.example/orders"), None);
        assert_eq!(rest("x", "/orders"), None);
    }

    #[test]
    fn a_context_is_mounted_once() {
        assert!(mounts().mount(ROOT, "/youtube", NAMED).is_err());
    }
}
