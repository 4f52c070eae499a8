//! What fills an empty registry: `conf/bootstrap.toml`, believed as a whole, applied once and in one transaction.

mod application;
mod believe;
pub mod document;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::api_key::NewApiKey;
use super::application::NewApplication;
use super::key_pair::NewKeyPair;
use super::subscription::NewSubscription;
use super::user::NewUser;
use super::{Registry, Result};
use crate::model::catalog::Catalog;
use crate::model::instant::UnixTime;
use crate::model::reader;
use crate::model::source::{References, Source};
use crate::model::violation::Violation;

/// What fills an empty registry. It has no `Debug`: it holds passwords.
#[derive(Default)]
pub struct Bootstrap {
    users: Vec<NewUser>,
    applications: Vec<Planned>,
}

/// An application with what hangs on it, under a number that is still to be given.
struct Planned {
    application: NewApplication,
    keys: Vec<NewKeyPair>,
    subscriptions: Vec<NewSubscription>,
    api_keys: Vec<(String, NewApiKey)>,
}

impl Bootstrap {
    /// Believes the file. With a catalog, what it names of the catalog must be there.
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong with it, sorted by place. None of it repeats a secret.
    pub fn believe(
        source: &Source,
        references: &dyn References,
        catalog: Option<&Catalog>,
    ) -> std::result::Result<Self, Vec<Violation>> {
        let reading = reader::recover::<document::Document>(source, references);
        let mut found = reading.violations;
        let mut bootstrap = Self::default();
        if let Some((document, places)) = reading.kept {
            let mut page = believe::Page::new(&places, references, catalog, &mut found);
            bootstrap.users = page.users(&document);
            bootstrap.applications = page.applications(&document);
        }
        found.sort();
        found.dedup();
        if found.is_empty() { Ok(bootstrap) } else { Err(found) }
    }

    /// Tells how many users and applications it makes.
    pub fn counts(&self) -> (usize, usize) {
        (self.users.len(), self.applications.len())
    }
}

impl Registry {
    /// Fills the registry where it is empty; tells whether it was.
    ///
    /// # Errors
    ///
    /// Fails when the database cannot be asked; then nothing is made.
    pub async fn fill(&self, bootstrap: Bootstrap, now: UnixTime) -> Result<bool> {
        if !self.is_empty().await? {
            return Ok(false);
        }
        let mut hashes = Vec::with_capacity(bootstrap.users.len());
        for user in &bootstrap.users {
            hashes.push(self.passwords.hash(&user.password).await?);
        }
        let mut edit = self.edit().await?;
        // Again, now that nobody else can: several gateways may start at once.
        if edit.has_users().await? {
            return Ok(false);
        }
        for (user, hash) in bootstrap.users.iter().zip(&hashes) {
            edit.add_user(&user.name, hash, &user.roles, now).await?;
        }
        for planned in bootstrap.applications {
            let application = edit.add_application(&planned.application, now).await?;
            for keys in planned.keys {
                edit.add_key_pair(NewKeyPair { application, ..keys }, now).await?;
            }
            for subscription in planned.subscriptions {
                let subscription = NewSubscription {
                    application,
                    ..subscription
                };
                edit.subscribe(&subscription, now).await?;
            }
            for (secret, key) in planned.api_keys {
                edit.add_api_key(&secret, &NewApiKey { application, ..key }, now)
                    .await?;
            }
        }
        edit.commit().await?;
        Ok(true)
    }
}

/// Returns the JSON Schema (draft 2020-12) of the file.
pub fn schema() -> Value {
    SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<document::Document>()
        .to_value()
}

#[cfg(test)]
mod tests;
