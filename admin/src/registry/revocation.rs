//! Revocations: of what has a digest, and of whole families of tokens.

use super::change::Subject;
use super::edit::Edit;
use super::token::Digest;
use super::{Registry, Result, sql};
use crate::model::instant::UnixTime;

impl Registry {
    /// Revokes whatever has this digest: an opaque token, or a JWT by the digest of its `jti`. Kept until `expires`.
    ///
    /// # Errors
    ///
    /// Fails when the database cannot be asked; then nothing is revoked.
    pub async fn revoke(&self, digest: &Digest, expires: UnixTime) -> Result<()> {
        let mut edit = self.edit().await?;
        sql::revocation::insert(edit.db(), digest, expires).await?;
        sql::token::delete(edit.db(), digest).await?;
        sql::refresh::delete(edit.db(), digest).await?;
        edit.touch(Subject::Revocation(*digest));
        edit.commit().await
    }

    /// Revokes a family: its refresh tokens and every access token that bears its name, until `expires`, or until its
    /// last refresh token would have ended where that is later.
    ///
    /// # Errors
    ///
    /// Fails when the database cannot be asked; then nothing is revoked.
    pub async fn revoke_family(&self, family: &str, expires: UnixTime) -> Result<()> {
        let mut edit = self.edit().await?;
        edit.revoke_family(family, expires).await?;
        edit.commit().await
    }
}

impl Edit<'_> {
    /// Revokes a family of tokens.
    pub(super) async fn revoke_family(&mut self, family: &str, expires: UnixTime) -> Result<()> {
        self.hold(family).await?;
        let end = sql::refresh::end_of(self.db(), family).await?;
        let expires = i64::try_from(expires.0).unwrap_or(i64::MAX);
        let until = expires.max(end.unwrap_or_default());
        sql::revocation::insert_family(self.db(), family, until).await?;
        sql::refresh::delete_family(self.db(), family).await?;
        sql::token::delete_family(self.db(), family).await?;
        self.touch(Subject::Family(family.to_owned()));
        Ok(())
    }
}
