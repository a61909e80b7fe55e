//! How a process ends: on a signal it drains, within a deadline; when a task ends by itself, it fails.
//!
//! A task that nobody joins can die and leave a ready pod that does nothing, so every task is spawned here.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{self, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::info;

type Outcome = Result<(task::Id, anyhow::Result<()>), JoinError>;

/// The tasks of a process and the way it ends.
#[derive(Debug)]
pub struct Lifecycle {
    signals: Signals,
    drain: CancellationToken,
    deadline: Duration,
    /// Tasks that finish what they have begun once they are told to drain.
    tasks: JoinSet<anyhow::Result<()>>,
    /// Tasks that go on until all others have ended.
    until_end: JoinSet<anyhow::Result<()>>,
    names: HashMap<task::Id, &'static str>,
}

impl Lifecycle {
    /// `deadline`: how long draining may take. Signals are listened for from here on: before that SIGTERM ends a process
    /// at once, and the first one of a container not at all.
    ///
    /// # Errors
    /// Signals can't be listened for.
    pub fn new(deadline: Duration) -> anyhow::Result<Self> {
        Ok(Self {
            signals: Signals::listen()?,
            drain: CancellationToken::new(),
            deadline,
            tasks: JoinSet::new(),
            until_end: JoinSet::new(),
            names: HashMap::new(),
        })
    }

    /// Cancelled when the process is to finish what it has begun and to begin nothing more.
    pub fn draining(&self) -> CancellationToken {
        self.drain.clone()
    }

    /// How long draining may take, for tasks that must say something before they are cut off.
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Runs a task that ends, with success, only after [`Lifecycle::draining`] is cancelled.
    pub fn spawn(
        &mut self,
        name: &'static str,
        task: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        let id = self.tasks.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Runs a task that is needed while others drain, and is dropped at the very end.
    pub fn spawn_until_end(
        &mut self,
        name: &'static str,
        task: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        let id = self.until_end.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Runs until SIGTERM or SIGINT, then drains.
    ///
    /// # Errors
    /// A task that failed, panicked or ended by itself; a drain past its deadline; a second signal.
    pub async fn run(mut self) -> anyhow::Result<()> {
        let ended = tokio::select! {
            signal = self.signals.next() => {
                info!(signal, deadline_seconds = self.deadline.as_secs(), "draining");
                Ok(())
            }
            Some(outcome) = self.tasks.join_next_with_id() => self.ended_by_itself(outcome),
            Some(outcome) = self.until_end.join_next_with_id() => self.ended_by_itself(outcome),
        };
        self.drain.cancel();
        let drained = tokio::select! {
            drained = tokio::time::timeout(self.deadline, Self::join_all(&mut self.tasks, &self.names)) => {
                drained.unwrap_or_else(|_| Err(anyhow::anyhow!("not drained after {} s", self.deadline.as_secs())))
            }
            signal = self.signals.next() => Err(anyhow::anyhow!("{signal} while draining: gave up what was unfinished")),
        };
        ended.and(drained)
    }

    /// A task that ends before it was told to is an error, whatever it returned.
    fn ended_by_itself(&self, outcome: Outcome) -> anyhow::Result<()> {
        let name = name_of(&self.names, &outcome);
        match flatten(outcome) {
            Ok(()) => Err(anyhow::anyhow!("task {name:?} ended by itself")),
            Err(error) => Err(error.context(format!("task {name:?} failed"))),
        }
    }

    async fn join_all(
        tasks: &mut JoinSet<anyhow::Result<()>>,
        names: &HashMap<task::Id, &'static str>,
    ) -> anyhow::Result<()> {
        let mut first = Ok(());
        while let Some(outcome) = tasks.join_next_with_id().await {
            let name = name_of(names, &outcome);
            first =
                first.and(flatten(outcome).with_context(|| format!("task {name:?} failed while draining")));
        }
        first
    }
}

fn name_of(names: &HashMap<task::Id, &'static str>, outcome: &Outcome) -> &'static str {
    let id = match outcome {
        Ok((id, _)) => *id,
        Err(error) => error.id(),
    };
    names.get(&id).copied().unwrap_or("unnamed")
}

fn flatten(outcome: Outcome) -> anyhow::Result<()> {
    match outcome {
        Ok((_, result)) => result,
        Err(error) => Err(error.into()),
    }
}

/// SIGTERM and SIGINT.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("failed to listen for SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("failed to listen for SIGINT")?,
        })
    }

    /// The next signal's name.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifecycle(deadline: Duration) -> Lifecycle {
        Lifecycle::new(deadline).unwrap()
    }

    #[tokio::test]
    async fn a_task_that_ends_by_itself_is_an_error_and_the_others_drain() {
        let mut lifecycle = lifecycle(Duration::from_mins(1));
        let draining = lifecycle.draining();
        let (told, mut was_told) = tokio::sync::oneshot::channel();
        lifecycle.spawn("worker", async move {
            draining.cancelled().await;
            let _ = told.send(());
            Ok(())
        });
        lifecycle.spawn("claimer", async { Ok(()) });

        let error = lifecycle.run().await.unwrap_err();
        assert_eq!(format!("{error:#}"), "task \"claimer\" ended by itself");
        assert!(was_told.try_recv().is_ok());
    }

    #[tokio::test]
    async fn a_panic_is_an_error_that_names_the_task() {
        let mut lifecycle = lifecycle(Duration::from_mins(1));
        lifecycle.spawn("claimer", async { panic!("out of luck") });
        let error = format!("{:#}", lifecycle.run().await.unwrap_err());
        assert!(error.contains("\"claimer\"") && error.contains("out of luck"), "{error}");
    }

    #[tokio::test]
    async fn a_task_needed_until_the_end_that_fails_ends_the_process() {
        let mut lifecycle = lifecycle(Duration::from_mins(1));
        lifecycle.spawn_until_end("admin server", async { anyhow::bail!("port lost") });
        let error = format!("{:#}", lifecycle.run().await.unwrap_err());
        assert_eq!(error, "task \"admin server\" failed: port lost");
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_drain_is_cut_off_at_the_deadline() {
        let mut lifecycle = lifecycle(Duration::from_secs(5));
        lifecycle.spawn("stuck", std::future::pending());
        lifecycle.spawn("claimer", async { Ok(()) });
        let started = tokio::time::Instant::now();
        assert!(lifecycle.run().await.is_err());
        assert_eq!(started.elapsed().as_secs(), 5);
    }
}
