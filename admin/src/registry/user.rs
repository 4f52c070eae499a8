//! A user: somebody with a password and roles in one tenant.

use std::fmt;

use super::change::Subject;
use super::edit::Edit;
use super::rule::{self, invalid};
use super::{Registry, RegistryError, Result, sql};
use crate::model::instant::UnixTime;
use crate::model::name::TenantName;

/// A user's name in its tenant.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UserName {
    /// The tenant.
    pub tenant: TenantName,
    /// The name, without the tenant.
    pub name: String,
}

/// A user as requests see it.
#[derive(Clone, Debug)]
pub struct User {
    /// Its name.
    pub name: UserName,
    /// Its roles, sorted.
    pub roles: Vec<String>,
    /// When it was made: what was issued before is somebody else's.
    pub created: UnixTime,
    /// When its password was set; of two passwords never the same.
    pub password_set: UnixTime,
}

/// A user to be made.
pub struct NewUser {
    /// Its name.
    pub name: UserName,
    /// Its password, in clear; only its argon2id hash is kept.
    pub password: String,
    /// Its roles.
    pub roles: Vec<String>,
}

/// Writes `name@tenant.domain`.
impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.tenant)
    }
}

/// Shows who it is, not the password.
impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, roles, .. } = self;
        f.debug_struct("NewUser")
            .field("name", name)
            .field("roles", roles)
            .finish_non_exhaustive()
    }
}

impl Registry {
    /// Makes a user.
    ///
    /// # Errors
    ///
    /// Fails when the name is taken, or name, password or roles are no such.
    pub async fn add_user(&self, user: NewUser, now: UnixTime) -> Result<()> {
        believe(&user.name, &user.roles)?;
        let hash = self.passwords.hash(&user.password).await?;
        let mut edit = self.edit().await?;
        edit.add_user(&user.name, &hash, &user.roles, now).await?;
        edit.commit().await
    }

    /// Changes a user's password, and ends what was granted with the old one: codes, refresh tokens, the access tokens of
    /// their families, and being signed in at a browser.
    ///
    /// # Errors
    ///
    /// Fails when there is no such user, or the password is too short or too long.
    pub async fn set_password(&self, user: &UserName, password: &str, now: UnixTime) -> Result<()> {
        let hash = self.passwords.hash(password).await?;
        let mut edit = self.edit().await?;
        let id = edit.user(user).await?;
        sql::user::set_password(edit.db(), id, &hash, now).await?;
        sql::code::delete_of(edit.db(), id).await?;
        for family in sql::refresh::families_of(edit.db(), user).await? {
            edit.revoke_family(&family, now).await?;
        }
        // The view gets another entry, by which whoever remembers the old password learns that it is one.
        edit.touch(Subject::User(user.clone()));
        edit.commit().await
    }

    /// Gives a user these roles and no others.
    ///
    /// # Errors
    ///
    /// Fails when there is no such user, or a role is none.
    pub async fn set_roles(&self, user: &UserName, roles: Vec<String>) -> Result<()> {
        believe(user, &roles)?;
        let mut edit = self.edit().await?;
        let id = edit.user(user).await?;
        sql::user::set_roles(edit.db(), id, &sorted(&roles)).await?;
        edit.touch(Subject::User(user.clone()));
        edit.commit().await
    }

    /// Deletes a user with all tokens, unless it owns applications.
    ///
    /// # Errors
    ///
    /// Fails when there is no such user, or it owns applications.
    pub async fn delete_user(&self, user: &UserName) -> Result<()> {
        let mut edit = self.edit().await?;
        let id = edit.user(user).await?;
        if sql::user::owns_applications(edit.db(), id).await? {
            return Err(invalid(format!("user `{user}` owns applications")));
        }
        sql::user::delete(edit.db(), id).await?;
        sql::user::depart(edit.db(), user).await?;
        edit.touch(Subject::User(user.clone()));
        edit.commit().await
    }

    /// Takes a role from everybody in a tenant.
    ///
    /// # Errors
    ///
    /// Fails when the database cannot be asked.
    pub async fn delete_role(&self, tenant: &TenantName, role: &str) -> Result<()> {
        let mut edit = self.edit().await?;
        for name in sql::user::delete_role(edit.db(), tenant, role).await? {
            let tenant = tenant.clone();
            edit.touch(Subject::User(UserName { tenant, name }));
        }
        edit.commit().await
    }

    /// Tells whether it is the user's password. It takes as long for a user who does not exist.
    ///
    /// # Errors
    ///
    /// Fails when the database cannot be asked, or too many ask at once.
    pub async fn is_password(&self, user: &UserName, password: &str) -> Result<bool> {
        let hash = sql::user::password(self.store.read(), user).await?;
        self.passwords.verify(password, hash).await
    }
}

impl Edit<'_> {
    /// Makes a user with a password that is hashed already.
    pub(super) async fn add_user(
        &mut self,
        name: &UserName,
        hash: &str,
        roles: &[String],
        now: UnixTime,
    ) -> Result<()> {
        if sql::user::number(self.db(), name).await?.is_some() {
            return Err(RegistryError::Conflict(format!("user `{name}`")));
        }
        // Tokens of somebody of that name who was deleted within this second are not this one's.
        let is_back = sql::user::forget_departed(self.db(), name).await?;
        let created = if is_back { now.plus(1) } else { now };
        let id = sql::user::insert(self.db(), name, hash, created).await?;
        sql::user::set_roles(self.db(), id, &sorted(roles)).await?;
        self.touch(Subject::User(name.clone()));
        Ok(())
    }

    /// Tells whether anybody is there.
    pub(super) async fn has_users(&mut self) -> Result<bool> {
        Ok(sql::user::are_there(self.db()).await?)
    }

    /// Returns the number of a user.
    pub(super) async fn user(&mut self, name: &UserName) -> Result<i64> {
        let id = sql::user::number(self.db(), name).await?;
        id.ok_or_else(|| missing(name))
    }
}

/// Refuses a name or roles that nobody should have.
pub(super) fn believe(name: &UserName, roles: &[String]) -> Result<()> {
    rule::label("a user's name", &name.name, 160)?;
    if name.name.contains(':') {
        return Err(invalid("a user's name has no `:`"));
    }
    believe_roles(roles)
}

/// Refuses roles that nobody should have.
pub(super) fn believe_roles(roles: &[String]) -> Result<()> {
    rule::at_most("roles of a user", roles, 200)?;
    roles.iter().try_for_each(|role| rule::label("a role", role, 160))
}

/// Says that there is no such user.
pub(super) fn missing(name: &UserName) -> RegistryError {
    RegistryError::Missing(format!("user `{name}`"))
}

fn sorted(roles: &[String]) -> Vec<String> {
    let mut roles = roles.to_vec();
    roles.sort_unstable();
    roles.dedup();
    roles
}
