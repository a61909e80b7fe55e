//! The end of a process: on a signal it drains within a deadline; if a task ends unexpectedly, it fails.
//!
//! A task that is never joined can die and leave a ready pod that does nothing, so every task is spawned
//! here.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{self, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::readiness::Check;

type Outcome = Result<(task::Id, anyhow::Result<()>), JoinError>;

/// The tasks of a process.
#[derive(Debug)]
pub struct Lifecycle {
    signals: Signals,
    drain: CancellationToken,
    deadline: Duration,
    /// Tasks that finish their work when the process drains.
    tasks: JoinSet<anyhow::Result<()>>,
    /// Tasks that run until all others have ended.
    until_end: JoinSet<anyhow::Result<()>>,
    names: HashMap<task::Id, &'static str>,
}

impl Lifecycle {
    /// Creates a lifecycle with the time to drain, and starts to listen for signals. Before that, SIGTERM
    /// kills a process at once, or is ignored by the first process of a container.
    ///
    /// # Errors
    /// If signal handlers cannot be installed.
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

    /// Returns a token that is cancelled when the process drains: tasks then finish their work and start
    /// nothing new.
    pub fn draining(&self) -> CancellationToken {
        self.drain.clone()
    }

    /// Returns the time to drain, for tasks that must act before they are cut off.
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Spawns a task that must not end before [`Lifecycle::draining`] is cancelled.
    pub fn spawn(
        &mut self,
        name: &'static str,
        task: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        let id = self.tasks.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Spawns a task like [`Lifecycle::spawn`] that starts when the check has passed for the first time, or
    /// to drain. Until then the check itself reports why the task cannot work.
    pub fn spawn_once_ready(
        &mut self,
        name: &'static str,
        check: &Check,
        task: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        let (check, draining) = (check.clone(), self.draining());
        self.spawn(name, async move {
            tokio::select! {
                () = check.once_ready() => {}
                () = draining.cancelled() => {}
            }
            task.await
        });
    }

    /// Spawns a task that others need while they drain, and that is dropped at the very end.
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
    /// If a task failed, panicked or ended unexpectedly, if the drain exceeds its deadline, or on a second
    /// signal.
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

    /// Returns the error of a task that ended too early, whatever its result.
    fn ended_by_itself(&self, outcome: Outcome) -> anyhow::Result<()> {
        let name = name_of(&self.names, &outcome);
        match flatten(outcome) {
            Ok(()) => Err(anyhow::anyhow!("task {name:?} ended unexpectedly")),
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

    /// Waits for a signal and returns its name.
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
    async fn a_task_that_ends_unexpectedly_is_an_error_and_the_others_drain() {
        let mut lifecycle = lifecycle(Duration::from_mins(1));
        let draining = lifecycle.draining();
        let (drained, mut was_drained) = tokio::sync::oneshot::channel();
        lifecycle.spawn("worker", async move {
            draining.cancelled().await;
            let _ = drained.send(());
            Ok(())
        });
        lifecycle.spawn("claimer", async { Ok(()) });

        let error = lifecycle.run().await.unwrap_err();
        assert_eq!(format!("{error:#}"), "task \"claimer\" ended unexpectedly");
        assert!(was_drained.try_recv().is_ok());
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
    async fn a_task_can_wait_for_a_check_to_pass() {
        let mut lifecycle = lifecycle(Duration::from_mins(1));
        let check = crate::Readiness::default().check("database");
        lifecycle.spawn_once_ready("queue", &check, async { anyhow::bail!("it has started") });
        let mut running = std::pin::pin!(lifecycle.run());
        assert!(tokio::time::timeout(Duration::from_secs(1), &mut running).await.is_err());
        check.ready();
        let error = format!("{:#}", running.await.unwrap_err());
        assert_eq!(error, "task \"queue\" failed: it has started");
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
