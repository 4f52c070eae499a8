//! Refresh tokens: each is used once, and a second use revokes the family (RFC 9700, 4.14.2).

use super::rule::invalid;
use super::token::{Digest, RefreshToken, Rotated, known, number_of, refuse_revoked};
use super::{Registry, Result, sql};
use crate::model::instant::UnixTime;

impl Registry {
    /// Records the first refresh token of a family.
    ///
    /// # Errors
    ///
    /// Fails when its client or user is not there, or its family was revoked: a code that was shown twice leads to
    /// nothing.
    pub async fn add_refresh_token(&self, token: RefreshToken) -> Result<()> {
        let family = token.granted.family.as_deref();
        let family = family.ok_or_else(|| invalid("a refresh token has a family"))?;
        let mut transaction = self.store.begin().await?;
        self.store.hold(&mut transaction, family).await?;
        refuse_revoked(&mut transaction, family).await?;
        let user = number_of(&mut transaction, &token.granted).await?;
        let inserted = sql::refresh::insert(&mut transaction, &token, family, user).await;
        inserted.map_err(|error| known(error, &token.granted))?;
        Ok(transaction.commit().await?)
    }

    /// Exchanges a refresh token for the next of its family; one that was used before revokes the family.
    ///
    /// Of several that are exchanged at once, one wins; to the others it was used before.
    ///
    /// # Errors
    ///
    /// Fails when the database cannot be asked.
    pub async fn rotate(&self, used: &Digest, next: &Digest, now: UnixTime, expires: UnixTime) -> Result<Rotated> {
        let mut transaction = self.store.begin().await?;
        let Some(row) = sql::refresh::find(&mut *transaction, used).await? else {
            return Ok(Rotated::Unknown);
        };
        let family = row.token.granted.family.clone().unwrap_or_default();
        self.store.hold(&mut transaction, &family).await?;
        if sql::refresh::mark_used(&mut transaction, used, now).await? {
            sql::refresh::succeed(&mut transaction, used, next, expires).await?;
            transaction.commit().await?;
            return Ok(Rotated::Next(row.token.granted));
        }
        // Again: somebody else may have held the family.
        let row = sql::refresh::find(&mut *transaction, used).await?;
        transaction.rollback().await?;
        match row {
            None => Ok(Rotated::Unknown),
            Some(row) if row.used => {
                self.revoke_family(&family, expires).await?;
                Ok(Rotated::Reused)
            }
            Some(_) => Ok(Rotated::Expired),
        }
    }

    /// Finds a refresh token, used or not, so that its client can be compared before it is exchanged.
    ///
    /// # Errors
    ///
    /// Fails when the database cannot be asked.
    pub async fn find_refresh_token(&self, digest: &Digest) -> Result<Option<RefreshToken>> {
        let row = sql::refresh::find(self.store.read(), digest).await?;
        Ok(row.map(|row| row.token))
    }

    /// Finds a refresh token that can still be exchanged, for introspection.
    ///
    /// # Errors
    ///
    /// Fails when the database cannot be asked.
    pub async fn find_live_refresh_token(&self, digest: &Digest, now: UnixTime) -> Result<Option<RefreshToken>> {
        let row = sql::refresh::find(self.store.read(), digest).await?;
        let live = row.filter(|row| !row.used && row.token.expires > now);
        Ok(live.map(|row| row.token))
    }
}
