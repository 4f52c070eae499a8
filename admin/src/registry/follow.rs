//! Following: the view takes in what other processes changed, from the log or, where that no longer reaches back, anew.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::AnyConnection;

use super::application::Application;
use super::change::{State, Subject};
use super::edit::take_in;
use super::sql::api_key::ApiKeyRow;
use super::sql::client::ClientRow;
use super::sql::{api_key, application, change, client, revocation, subscription, token, user};
use super::user::User;
use super::view::{TOKENS, View};
use super::{Registry, Result};
use crate::model::instant::UnixTime;

impl Registry {
    /// Takes in what other processes have changed until now. However many ask at once, one look that begins after they
    /// asked serves them all.
    ///
    /// # Errors
    ///
    /// Fails when the database cannot be asked; the view stays as it is.
    pub async fn follow(&self) -> Result<()> {
        let begun = self.looks.load(Ordering::SeqCst);
        let mut position = self.position.lock().await;
        if position.look > begun {
            return Ok(());
        }
        let look = self.looks.fetch_add(1, Ordering::SeqCst) + 1;
        let following = async {
            let mut db = self.store.read().acquire().await?;
            self.catch_up(&mut db, &mut position.line).await
        };
        // A server that has vanished without a word must not keep edits waiting for as long as TCP does.
        let followed = tokio::time::timeout(PATIENCE, following).await;
        followed.map_err(|_| sqlx::Error::Io(io::ErrorKind::TimedOut.into()))??;
        position.look = look;
        Ok(())
    }

    /// Takes in the lines of the log after a position.
    pub(super) async fn catch_up(&self, db: &mut AnyConnection, position: &mut i64) -> Result<()> {
        loop {
            let head = change::head(db).await?;
            if head == *position {
                return Ok(());
            }
            let lines = change::after(db, *position).await?;
            // Numbers follow one upon another; a gap was swept away, and a head that went back is another database.
            let (Some(first), Some(last)) = (lines.first(), lines.last()) else {
                return self.read_anew(db, position).await;
            };
            if first.number != *position + 1 || head < *position {
                return self.read_anew(db, position).await;
            }
            let subjects: BTreeSet<_> = lines
                .iter()
                .filter_map(|line| Subject::read(&line.noun, &line.name))
                .collect();
            let mut states = Vec::with_capacity(subjects.len());
            for subject in subjects {
                states.push(subject.load(db).await?);
            }
            take_in(&self.view, states);
            *position = last.number;
        }
    }

    async fn read_anew(&self, db: &mut AnyConnection, position: &mut i64) -> Result<()> {
        let fresh = self.view.alike();
        *position = read(db, &fresh).await?;
        self.view.replace(fresh);
        Ok(())
    }
}

/// Reads everything into a new view; returns the last line of the log that it has seen.
pub(super) async fn load(db: &mut AnyConnection, view: &View, now: UnixTime) -> sqlx::Result<i64> {
    let head = read(db, view).await?;
    token::each_latest(db, now, TOKENS, |(digest, record)| {
        view.put_token(digest, Arc::new(record))
    })
    .await?;
    Ok(head)
}

/// Reads everything but the tokens, a page at a time. The head comes first: what is changed while the rest is read is
/// read again.
async fn read(db: &mut AnyConnection, view: &View) -> sqlx::Result<i64> {
    let head = change::head(db).await?;
    read_consumers(db, view).await?;
    let mut after = Vec::new();
    while let Some(page) = some(revocation::page(db, &mut after).await?) {
        page.for_each(|(digest, expires)| view.apply(State::Revocation(digest, Some(expires))));
    }
    let mut after = String::new();
    while let Some(page) = some(revocation::page_of_families(db, &mut after).await?) {
        page.for_each(|(family, expires)| view.apply(State::Family(family, Some(expires))));
    }
    Ok(head)
}

/// Reads users and applications, and then what hangs on applications.
async fn read_consumers(db: &mut AnyConnection, view: &View) -> sqlx::Result<()> {
    let put = |user: User| view.apply(State::User(user.name.clone(), Some(user)));
    user::EVERY.each(db, PAGES, put).await?;
    let put = |application: Application| view.apply(State::Application(application.id, Some(application)));
    application::EVERY.each(db, PAGES, put).await?;
    let put = |row: ClientRow| view.apply(State::Client(row.consumer_key.clone(), Some(row)));
    client::EVERY.each(db, PAGES, put).await?;
    let put = |row: ApiKeyRow| view.apply(State::ApiKey(row.digest, Some(row)));
    api_key::EVERY.each(db, PAGES, put).await?;
    let put = |(id, bond)| view.add_subscription(id, bond);
    subscription::EVERY.each(db, PAGES, put).await
}

/// Returns what is on a page, unless it is the one after the last.
fn some<T>(page: Vec<T>) -> Option<std::vec::IntoIter<T>> {
    (!page.is_empty()).then(|| page.into_iter())
}

/// From the first number on, so many at a time.
const PAGES: (i64, i64) = (0, 2_000);

const PATIENCE: Duration = Duration::from_secs(60);
