//! What two APIs of one tenant cannot share: a name, and the paths at which they answer.
//!
//! An API claims the path of each version and its context without the version, whether or not it has a default
//! version today: giving an API a default must never break another one.

use std::collections::HashMap;

use super::page::{Origin, Page, Spot};
use crate::model::name::{Context, ROOT_TENANT, VersionName, is_reserved};
use crate::model::violation::Violation;

/// Checks that no two APIs claim the same name or path in a tenant.
pub(super) fn check(pages: &[Page], found: &mut Vec<Violation>) {
    let mut claims = Claims::default();
    for (owner, page) in pages.iter().enumerate().filter(|(_, page)| page.has_api()) {
        claims.names(page, found);
        claims.paths(owner, page, found);
    }
}

#[derive(Default)]
struct Claims<'a> {
    names: HashMap<(&'a str, &'a str), Origin<'a>>,
    paths: HashMap<(&'a str, String), Claim<'a>>,
}

struct Claim<'a> {
    /// The index of the file that made it.
    owner: usize,
    name: &'a str,
    origin: Origin<'a>,
}

impl<'a> Claims<'a> {
    fn names(&mut self, page: &'a Page, found: &mut Vec<Violation>) {
        let Some(name) = page.document.name.as_deref() else {
            return;
        };
        let root = page.spot();
        let at = root.key("name");
        if let Some(first) = self.names.get(&(tenant(page), name)) {
            found.push(at.blame(format!("the API `{name}` is stated already ({})", first.seen_from(&at))));
            return;
        }
        self.names.insert((tenant(page), name), at.origin());
    }

    fn paths(&mut self, owner: usize, page: &'a Page, found: &mut Vec<Violation>) {
        let Some(context) = page
            .document
            .context
            .as_deref()
            .and_then(|text| Context::parse(text).ok())
        else {
            return;
        };
        let root = page.spot();
        let at = root.key("context");
        let shared = |claim: &Claim<'_>| {
            let (other, first) = (claim.name, claim.origin.seen_from(&at));
            at.blame(format!(
                "the context `{context}` is taken by the API `{other}` ({first})"
            ))
        };
        let bare = context.bare().unwrap_or_else(|| context.to_string());
        if let Err(violation) = self.claim((owner, page), bare, &at, shared) {
            // Its versions clash as well, and saying so would add nothing.
            found.push(violation);
            return;
        }
        let list = root.key("versions");
        for (index, version) in page.document.versions.iter().enumerate() {
            let Ok(label) = VersionName::parse(&version.version) else {
                continue;
            };
            let spot = list.element(index);
            let at = spot.key("version");
            let full = context.full(&label);
            if is_reserved(&full) {
                found.push(at.blame(format!("`{full}` is a path of the gateway itself")));
                continue;
            }
            let shared = |claim: &Claim<'_>| {
                let (other, first) = (claim.name, claim.origin.seen_from(&at));
                at.blame(format!("the path `{full}` is taken by the API `{other}` ({first})"))
            };
            found.extend(self.claim((owner, page), full.clone(), &at, shared).err());
        }
    }

    fn claim(
        &mut self,
        (owner, page): (usize, &'a Page),
        path: String,
        at: &Spot<'a>,
        shared: impl Fn(&Claim<'_>) -> Violation,
    ) -> Result<(), Violation> {
        let key = (tenant(page), path);
        match self.paths.get(&key) {
            Some(claim) if claim.owner != owner => return Err(shared(claim)),
            Some(_) => {}
            None => {
                let name = page.document.name.as_deref().unwrap_or_default();
                self.paths.insert(
                    key,
                    Claim {
                        owner,
                        name,
                        origin: at.origin(),
                    },
                );
            }
        }
        Ok(())
    }
}

fn tenant(page: &Page) -> &str {
    page.document.tenant.as_deref().unwrap_or(ROOT_TENANT)
}
