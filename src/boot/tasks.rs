//! The tasks that should outlive every request: listeners, and what keeps health, catalog and certificates fresh. One
//! that ends although nobody stopped it, by a panic or otherwise, is noticed.

use std::collections::HashMap;

use tokio::task::{self, JoinError, JoinSet};
use tracing::error;

/// The tasks that should outlive every request.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    /// Those that end when the process stops accepting.
    accepting: JoinSet<()>,
    /// Those that go on while it drains.
    draining: JoinSet<()>,
    names: HashMap<task::Id, &'static str>,
}

impl Tasks {
    /// Begins a task that ends when the process stops accepting.
    pub(super) fn until_drain(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.names.insert(self.accepting.spawn(task).id(), name);
    }

    /// Begins a task that goes on while the process drains.
    pub(super) fn until_end(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.names.insert(self.draining.spawn(task).id(), name);
    }

    /// Resolves when a task has ended, and says which; to be asked while none was told to.
    pub(super) async fn ended(&mut self) {
        let ended = tokio::select! {
            Some(ended) = self.accepting.join_next_with_id() => ended,
            Some(ended) = self.draining.join_next_with_id() => ended,
            else => return,
        };
        let id = ended.map_or_else(|panic: JoinError| panic.id(), |(id, ())| id);
        let task = self.names.get(&id).copied().unwrap_or_default();
        error!(task, "a task that should outlive every request has ended");
    }

    /// Waits for the tasks that end when the process stops accepting.
    pub(super) async fn accepting_ended(&mut self) {
        while self.accepting.join_next().await.is_some() {}
    }

    /// Waits for all of them; to be asked when every one was told to end.
    pub(super) async fn all_ended(&mut self) {
        self.accepting_ended().await;
        while self.draining.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::time::Duration;

    use super::*;

    async fn is_noticed(tasks: &mut Tasks) -> bool {
        tokio::time::timeout(Duration::from_millis(100), tasks.ended())
            .await
            .is_ok()
    }

    #[tokio::test]
    async fn the_end_of_any_task_is_noticed() {
        let (mut accepting, mut draining) = (Tasks::default(), Tasks::default());
        for tasks in [&mut accepting, &mut draining] {
            tasks.until_drain("listener", pending());
            tasks.until_end("page", pending());
            assert!(!is_noticed(tasks).await);
        }
        accepting.until_drain("another", ready(()));
        draining.until_end("another", async { panic!("broken") });
        assert!(is_noticed(&mut accepting).await && is_noticed(&mut draining).await);
    }

    #[tokio::test]
    async fn what_goes_on_while_it_drains_is_not_waited_for() {
        let mut tasks = Tasks::default();
        tasks.until_end("page", pending());
        tasks.until_drain("listener", ready(()));
        tasks.accepting_ended().await;
        assert!(!is_noticed(&mut tasks).await);
    }
}
