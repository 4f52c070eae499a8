//! Authorization codes: each is taken once, and a second time revokes what the first led to (RFC 6749, 4.1.2).

use super::rule::invalid;
use super::token::{AuthorizationCode, Digest, Redeemed, known, number_of};
use super::{Registry, Result, sql};
use crate::model::instant::UnixTime;

impl Registry {
    /// Records an authorization code.
    ///
    /// # Errors
    ///
    /// Fails when its client or user is not there, or it names no family.
    pub async fn add_code(&self, code: AuthorizationCode) -> Result<()> {
        let family = code.granted.family.as_deref();
        let family = family.ok_or_else(|| invalid("a code has a family"))?;
        let mut transaction = self.store.begin().await?;
        let user = number_of(&mut transaction, &code.granted).await?;
        let inserted = sql::code::insert(&mut transaction, &code, family, user).await;
        inserted.map_err(|error| known(error, &code.granted))?;
        Ok(transaction.commit().await?)
    }

    /// Takes an authorization code, once. A second time revokes what the first led to (RFC 6749, 4.1.2).
    ///
    /// # Errors
    ///
    /// Fails when the database cannot be asked.
    pub async fn take_code(&self, digest: &Digest, now: UnixTime) -> Result<Redeemed> {
        let mut transaction = self.store.begin().await?;
        let is_taken = sql::code::mark_taken(&mut transaction, digest, now).await?;
        let row = sql::code::find(&mut transaction, digest).await?;
        transaction.commit().await?;
        match row {
            Some(row) if is_taken => Ok(Redeemed::Code(Box::new(row.code))),
            Some(row) if row.taken => {
                let family = row.code.granted.family.unwrap_or_default();
                self.revoke_family(&family, now.plus(LONGEST)).await?;
                Ok(Redeemed::Reused)
            }
            _ => Ok(Redeemed::Unknown),
        }
    }
}

/// What a code led to is not known here, so it stays revoked for longer than any token lives: a year.
const LONGEST: u64 = 365 * 86_400;
