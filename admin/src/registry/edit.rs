//! An edit: one transaction that changes consumers, logs what it changed, and shows it to the view when it is done.
//!
//! Edits are one at a time: in a process by a lock, between processes by the log's head. So what an edit reads stays
//! true until it ends, the log's numbers become visible in their order, and the view sees changes in the same order.

use sqlx::{Any, AnyConnection, Transaction};
use tokio::sync::MutexGuard;

use super::change::{State, Subject};
use super::sql::change::{self, Line};
use super::sql::store::Store;
use super::view::View;
use super::{Position, Registry, Result};

/// An edit that has begun. Dropping it undoes it.
pub(super) struct Edit<'r> {
    position: MutexGuard<'r, Position>,
    store: &'r Store,
    transaction: Transaction<'static, Any>,
    view: &'r View,
    touched: Vec<Subject>,
}

impl Registry {
    /// Begins an edit.
    pub(super) async fn edit(&self) -> Result<Edit<'_>> {
        let mut position = self.position.lock().await;
        let mut transaction = self.store.begin().await?;
        if change::advance(&mut transaction, 0).await? != position.line {
            // What is changed may be of another process's making: the view must know it before it sees the change.
            self.catch_up(&mut transaction, &mut position.line).await?;
        }
        Ok(Edit {
            position,
            store: &self.store,
            transaction,
            view: &self.view,
            touched: Vec::new(),
        })
    }
}

impl Edit<'_> {
    /// Returns the connection that it is made on.
    pub(super) fn db(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }

    /// Says what it changes.
    pub(super) fn touch(&mut self, subject: Subject) {
        self.touched.push(subject);
    }

    /// Keeps everybody else away from a family of tokens.
    pub(super) async fn hold(&mut self, family: &str) -> Result<()> {
        Ok(self.store.hold(&mut self.transaction, family).await?)
    }

    /// Ends it: everybody sees all of it from now on.
    pub(super) async fn commit(mut self) -> Result<()> {
        self.touched.sort_unstable();
        self.touched.dedup();
        let head = self.log().await?;
        let mut states = Vec::with_capacity(self.touched.len());
        for subject in std::mem::take(&mut self.touched) {
            // Read before it is committed: what can fail happens before what can be seen.
            states.push(subject.load(&mut self.transaction).await?);
        }
        self.transaction.commit().await?;
        take_in(self.view, states);
        self.position.line = head;
        Ok(())
    }

    /// Appends to the log what it touched; returns the number of the last line.
    async fn log(&mut self) -> Result<i64> {
        let count = i64::try_from(self.touched.len()).unwrap_or_default();
        let head = change::advance(&mut self.transaction, count).await?;
        for (subject, number) in self.touched.iter().zip(head - count + 1..) {
            let (noun, name) = subject.write();
            let noun = noun.to_owned();
            change::append(&mut self.transaction, &Line { number, noun, name }).await?;
        }
        change::forget(&mut self.transaction, head - KEPT).await?;
        Ok(head)
    }
}

/// Shows states to the view.
pub(super) fn take_in(view: &View, states: Vec<State>) {
    for state in states {
        view.apply(state);
    }
    view.changed();
}

/// So many lines of the log are kept. Who is further behind reads everything anew.
const KEPT: i64 = 10_000;
