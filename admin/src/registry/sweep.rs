//! Sweeping: what has ended is forgotten, a little at a time, so that nobody waits long for it.

use super::{Registry, Result, sql};
use crate::model::instant::UnixTime;

impl Registry {
    /// Forgets what has expired.
    ///
    /// # Errors
    ///
    /// Fails when the database cannot be asked; what is left is for the next time.
    pub async fn sweep(&self, now: UnixTime) -> Result<()> {
        self.view.sweep(now);
        loop {
            let mut transaction = self.store.begin().await?;
            let db = &mut *transaction;
            let swept = [
                sql::token::sweep(db, now, MOST).await?,
                sql::refresh::sweep(db, now, MOST).await?,
                sql::code::sweep(db, now, MOST).await?,
                sql::revocation::sweep(db, now, MOST).await?,
            ];
            sql::user::sweep_departed(db, now).await?;
            transaction.commit().await?;
            let is_done = swept
                .iter()
                .all(|count| i64::try_from(*count).is_ok_and(|count| count < MOST));
            if is_done {
                return Ok(());
            }
        }
    }
}

/// So many of each are deleted at a time.
const MOST: i64 = 1_000;
