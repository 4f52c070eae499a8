//! What the file says, believed: names are names, owners are there, secrets are found and long enough.

use std::collections::{HashMap, HashSet};

use super::document::{Document, User};
use crate::model::catalog::Catalog;
use crate::model::name::{NameError, TenantName, TierName};
use crate::model::reader::Places;
use crate::model::source::References;
use crate::model::suggestion::did_you_mean;
use crate::model::tier::{TierLevel, UNLIMITED};
use crate::model::violation::Violation;
use crate::registry::Result;
use crate::registry::password;
use crate::registry::user::{self, NewUser, UserName};

/// The file, what it may refer to, and what is wrong with it so far.
pub(super) struct Page<'a> {
    places: &'a Places,
    references: &'a dyn References,
    pub(super) catalog: Option<&'a Catalog>,
    found: &'a mut Vec<Violation>,
    /// The users, and their roles.
    owners: HashMap<UserName, Vec<String>>,
    /// What must be unique in the whole file: consumer keys and the names of applications.
    taken: HashSet<(&'static str, String)>,
}

impl<'a> Page<'a> {
    pub(super) fn new(
        places: &'a Places,
        references: &'a dyn References,
        catalog: Option<&'a Catalog>,
        found: &'a mut Vec<Violation>,
    ) -> Self {
        Self {
            places,
            references,
            catalog,
            found,
            owners: HashMap::new(),
            taken: HashSet::new(),
        }
    }

    pub(super) fn users(&mut self, document: &Document) -> Vec<NewUser> {
        let each = document.users.iter().enumerate();
        each.filter_map(|(index, user)| self.user(&format!("users[{index}]"), user))
            .collect()
    }

    fn user(&mut self, path: &str, stated: &User) -> Option<NewUser> {
        let tenant = self.tenant(&format!("{path}.tenant"), stated.tenant.as_deref());
        let password_path = format!("{path}.password");
        let password = self.secret(&password_path, &stated.password);
        if let Some(password) = &password {
            self.check(&password_path, password::believe(password));
        }
        let name = UserName {
            tenant: tenant?,
            name: stated.name.clone(),
        };
        self.check(&format!("{path}.name"), user::believe(&name, &[]));
        self.check(&format!("{path}.roles"), user::believe_roles(&stated.roles));
        if self.owners.insert(name.clone(), stated.roles.clone()).is_some() {
            self.blame(&format!("{path}.name"), format!("user `{name}` is there already"));
        }
        Some(NewUser {
            name,
            password: password?,
            roles: stated.roles.clone(),
        })
    }

    /// Blames a tier that is stated nowhere, or that the owner of an application may not use.
    pub(super) fn usable(
        &mut self,
        path: &str,
        tenant: &TenantName,
        (level, tier): (TierLevel, &TierName),
        owner: &UserName,
    ) {
        let name = tier.as_str();
        let Some(catalog) = self.catalog.filter(|_| name != UNLIMITED) else {
            return;
        };
        let Some(found) = catalog.find_tier(tenant, level, name) else {
            // That a version does not offer it was said.
            if level == TierLevel::Subscription {
                return;
            }
            let known = catalog
                .tiers()
                .iter()
                .filter(|tier| tier.level == level && tier.tenant == *tenant);
            let fix = did_you_mean(name, known.map(|tier| tier.name.as_str()).chain([UNLIMITED]));
            let violation = self
                .places
                .blame(path, format!("unknown tier `{name}` of tenant `{tenant}`"));
            self.found.push(Violation { fix, ..violation });
            return;
        };
        let roles = self.owners.get(owner).map(Vec::as_slice).unwrap_or_default();
        if !found.choosers.include(roles) {
            self.blame(
                path,
                format!("the roles of `{owner}` may not use the tier `{name}` ({})", found.place),
            );
        }
    }

    /// Reads the owner of an application, who must be one of the users.
    pub(super) fn owner(&mut self, path: &str, stated: &str) -> Option<UserName> {
        let (name, tenant) = match stated.rsplit_once('@') {
            Some((name, tenant)) => (name, Some(tenant)),
            None => (stated, None),
        };
        let tenant = self.tenant(path, tenant)?;
        let name = name.to_owned();
        let owner = UserName { tenant, name };
        // One that was refused has been blamed already.
        if !self.owners.contains_key(&owner) && !self.places.lost("users") {
            self.blame(path, format!("there is no user `{owner}` in this file"));
            return None;
        }
        Some(owner)
    }

    /// Reads a tenant that the catalog has.
    pub(super) fn tenant(&mut self, path: &str, stated: Option<&str>) -> Option<TenantName> {
        let Some(stated) = stated else {
            return Some(TenantName::root());
        };
        let tenant = self.name(path, TenantName::parse(stated))?;
        let known = self.catalog.map(Catalog::tenants);
        if known.is_some_and(|known| known.iter().all(|known| known.domain != tenant)) {
            self.blame(path, format!("the catalog has no tenant `{tenant}`"));
        }
        Some(tenant)
    }

    /// Finds a secret that may be in a file; variables are filled in already.
    pub(super) fn secret(&mut self, path: &str, stated: &str) -> Option<String> {
        let Some(file) = stated.strip_prefix("file:") else {
            return Some(stated.to_owned());
        };
        match self.references.file(self.places.file(), file) {
            Ok(text) => Some(text.trim_end_matches(['\n', '\r']).to_owned()),
            Err(error) => {
                self.blame(path, format!("cannot read the file `{file}`: {error}"));
                None
            }
        }
    }

    pub(super) fn name<T>(&mut self, path: &str, name: std::result::Result<T, NameError>) -> Option<T> {
        match name {
            Ok(name) => Some(name),
            Err(error) => {
                let fix = error.fix();
                let violation = self.places.blame(path, error.to_string());
                self.found.push(Violation { fix, ..violation });
                None
            }
        }
    }

    /// Blames a place for a rule of the registry that it breaks.
    pub(super) fn check(&mut self, path: &str, checked: Result<()>) {
        if let Err(error) = checked {
            self.blame(path, error.to_string());
        }
    }

    /// Blames a place for repeating what must be unique in the file.
    pub(super) fn once(&mut self, path: &str, what: &'static str, name: &str) {
        if !self.taken.insert((what, name.to_owned())) {
            self.blame(path, format!("{what} `{name}` is there already"));
        }
    }

    pub(super) fn blame(&mut self, path: &str, message: impl Into<String>) {
        self.found.push(self.places.blame(path, message));
    }
}
