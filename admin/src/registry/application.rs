//! An application: what subscribes and is given keys.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::change::Subject;
use super::edit::Edit;
use super::user::UserName;
use super::{Registry, RegistryError, Result, rule, sql};
use crate::model::instant::UnixTime;
use crate::model::name::{TenantName, TierName};

/// The number of an application in the registry.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ApplicationId(pub i64);

/// An application as requests see it.
#[derive(Clone, Debug)]
pub struct Application {
    /// Its number.
    pub id: ApplicationId,
    /// What the world knows it by.
    pub uuid: String,
    /// Its name; unique among its owner's.
    pub name: String,
    /// Who owns it; its tenant is the owner's.
    pub owner: UserName,
    /// Its application tier.
    pub tier: TierName,
    /// What its access tokens are.
    pub token_type: TokenType,
}

impl Application {
    /// Returns the tenant that it belongs to.
    pub fn tenant(&self) -> &TenantName {
        &self.owner.tenant
    }
}

/// What an application's access tokens are.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenType {
    /// Signed statements that anybody with the public key can read (RFC 9068).
    #[default]
    Jwt,
    /// Random strings that say nothing.
    Opaque,
}

/// An application to be made.
#[derive(Clone, Debug)]
pub struct NewApplication {
    /// Its name.
    pub name: String,
    /// Who owns it; must exist.
    pub owner: UserName,
    /// Its application tier.
    pub tier: TierName,
    /// What its access tokens are.
    pub token_type: TokenType,
}

impl TokenType {
    /// Returns the word for it, as the Developer Portal has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Jwt => "JWT",
            Self::Opaque => "OPAQUE",
        }
    }

    /// Finds the one with a word.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Jwt, Self::Opaque].into_iter().find(|known| known.word() == word)
    }
}

impl Registry {
    /// Makes an application.
    ///
    /// # Errors
    ///
    /// Fails when its owner has one of that name, there is no such owner, or the name is none.
    pub async fn add_application(&self, application: NewApplication, now: UnixTime) -> Result<ApplicationId> {
        let mut edit = self.edit().await?;
        let id = edit.add_application(&application, now).await?;
        edit.commit().await?;
        Ok(id)
    }

    /// Changes an application's tier and what its access tokens are.
    ///
    /// # Errors
    ///
    /// Fails when there is no such application.
    pub async fn set_application(&self, id: ApplicationId, tier: &TierName, token_type: TokenType) -> Result<()> {
        let mut edit = self.edit().await?;
        if !sql::application::update(edit.db(), id, tier, token_type).await? {
            return Err(missing(id));
        }
        edit.touch(Subject::Application(id));
        edit.commit().await
    }

    /// Deletes an application with its keys, subscriptions, API keys and tokens.
    ///
    /// # Errors
    ///
    /// Fails when there is no such application.
    pub async fn delete_application(&self, id: ApplicationId) -> Result<()> {
        let mut edit = self.edit().await?;
        if !sql::application::delete(edit.db(), id).await? {
            return Err(missing(id));
        }
        edit.touch(Subject::Application(id));
        edit.commit().await
    }
}

impl Edit<'_> {
    /// Makes an application.
    pub(super) async fn add_application(
        &mut self,
        application: &NewApplication,
        now: UnixTime,
    ) -> Result<ApplicationId> {
        rule::label("an application's name", &application.name, 160)?;
        let owner = self.user(&application.owner).await?;
        let id = sql::application::insert(self.db(), application, owner, now).await;
        let id = id.map_err(|error| {
            let taken = || format!("application `{}` of `{}`", application.name, application.owner);
            rule::broken(error, taken, || format!("user `{}`", application.owner))
        })?;
        self.touch(Subject::Application(id));
        Ok(id)
    }

    /// Refuses an application that is not there.
    pub(super) async fn application(&mut self, id: ApplicationId) -> Result<()> {
        let exists = sql::application::exists(self.db(), id).await?;
        exists.then_some(()).ok_or_else(|| missing(id))
    }
}

fn missing(id: ApplicationId) -> RegistryError {
    RegistryError::Missing(format!("application {}", id.0))
}
