//! The task that reads awaited events, on a session of its own.

use std::collections::HashSet;
use std::time::Duration;

use eventpipeline_database::{Error, EventId, Session, Snapshot};
use eventpipeline_service::error_chain;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::metrics::NoticedBy;
use super::{Outcome, Waits};

/// Minimum pause between polls, used after a client started to wait or was answered while no wake-ups arrive.
const MIN_PAUSE: Duration = Duration::from_millis(10);
/// Maximum pause between polls.
const MAX_PAUSE: Duration = Duration::from_millis(100);
/// Maximum pause if the database is slow or down.
const MAX_SLOW_PAUSE: Duration = Duration::from_secs(1);
/// Minimum ratio of a pause to the duration of the poll before it. Many clients or a slow database make polls rarer.
const PAUSE_RATIO: u32 = 3;
/// Time for which wake-ups are ignored after a useless one, so that duplicate and forged wake-ups cost few reads.
const IGNORE_TIME: Duration = Duration::from_millis(5);
/// Period between checks for removed events.
const CHECK_PERIOD: Duration = Duration::from_secs(1);
/// Maximum number of events per check.
const CHECK_BATCH: usize = 512;

pub(super) struct WaitPoller {
    waits: Waits,
    session: Session,
    pause: Duration,
    /// Time of the next poll. `None` while no client waits.
    next_poll: Option<Instant>,
    /// `true` while wake-ups arrive, which allows the longest pauses between polls.
    wakeups_arrive: bool,
    /// `true` if a wake-up led to a finished event since the last poll.
    wakeup_found: bool,
    /// End of the time for which wake-ups are ignored.
    ignore_until: Instant,
    last_check: Instant,
    /// Last event of the previous check.
    checked_up_to: Option<EventId>,
}

impl WaitPoller {
    pub(super) fn new(waits: Waits, session: Session) -> Self {
        Self {
            waits,
            session,
            pause: MIN_PAUSE,
            next_poll: None,
            wakeups_arrive: false,
            wakeup_found: false,
            ignore_until: Instant::now(),
            last_check: Instant::now(),
            checked_up_to: None,
        }
    }

    pub(super) async fn run(mut self, end: CancellationToken) {
        loop {
            let next_poll = self.next_poll;
            let poll_is_due = async {
                match next_poll {
                    Some(next_poll) => tokio::time::sleep_until(next_poll).await,
                    None => std::future::pending().await,
                }
            };
            let ignore_until = self.ignore_until;
            let changed = async {
                tokio::time::sleep_until(ignore_until).await;
                self.waits.shared.changed.notified().await;
            };
            tokio::select! {
                biased;
                () = end.cancelled() => break,
                // Before changes, so that a flood of wake-ups cannot delay the polls.
                () = poll_is_due => self.poll().await,
                () = changed => self.read_reported().await,
            }
            if self.waits.shared.lock().clients() == 0 {
                self.next_poll = None;
            }
        }
        self.session.close().await;
    }

    /// Reads the events that are reported as finished. Schedules an early poll if clients started to wait.
    async fn read_reported(&mut self) {
        let (reported, joined) = {
            let mut registry = self.waits.shared.lock();
            (registry.take_reported(), registry.take_joined())
        };
        if joined {
            self.pause = self.min_pause();
            let soon = Instant::now() + self.pause;
            self.next_poll = Some(self.next_poll.map_or(soon, |next| next.min(soon)));
        }
        if !reported.is_empty() {
            let found = self.session.read_finished(&reported).await;
            let answered = self.answer(found, reported.len(), NoticedBy::Wakeup);
            self.wakeup_found |= answered > 0;
            if answered == 0 {
                self.ignore_until = Instant::now() + IGNORE_TIME;
            }
        }
    }

    /// Reads all awaited events.
    async fn poll(&mut self) {
        let began = Instant::now();
        let all = self.waits.shared.lock().all();
        let found = self.session.read_finished(&all).await;
        let failed = found.is_err();
        let answered = self.answer(found, all.len(), NoticedBy::Poll);
        if began.duration_since(self.last_check) >= CHECK_PERIOD && !failed {
            self.last_check = began;
            self.check().await;
        }
        // An event that finished without a wake-up shows that wake-ups are lost, unless others have arrived since.
        self.wakeups_arrive =
            std::mem::take(&mut self.wakeup_found) || (self.wakeups_arrive && answered == 0);
        let pause = if answered > 0 { self.min_pause() } else { (self.pause * 2).min(MAX_PAUSE) };
        self.pause = if failed {
            MAX_SLOW_PAUSE
        } else {
            pause.max(began.elapsed() * PAUSE_RATIO).min(MAX_SLOW_PAUSE)
        };
        self.next_poll = Some(Instant::now() + self.pause);
    }

    /// Finds events that were removed before their end was seen. Their clients would wait forever.
    async fn check(&mut self) {
        let ids = self.waits.shared.lock().some_after(self.checked_up_to, CHECK_BATCH);
        self.checked_up_to = ids.last().copied();
        let Ok(found) = self.session.read(&ids).await else {
            return;
        };
        let found: HashSet<EventId> = found.iter().map(|snapshot| snapshot.id).collect();
        self.waits.shared.update(|registry| {
            for id in ids.iter().filter(|id| !found.contains(id)) {
                registry.answer(*id, &Outcome::Removed);
            }
        });
    }

    fn min_pause(&self) -> Duration {
        if self.wakeups_arrive { MAX_PAUSE } else { MIN_PAUSE }
    }

    /// Answers the clients of the events that were found, and returns the number of these events.
    fn answer(&self, found: Result<Vec<Snapshot>, Error>, requested: usize, noticed_by: NoticedBy) -> usize {
        let shared = &self.waits.shared;
        match found {
            Ok(found) => {
                let finished =
                    found.into_iter().filter_map(|snapshot| Some((snapshot.id, Outcome::of(snapshot)?)));
                let answered = shared.update(|registry| {
                    finished.filter(|(id, outcome)| registry.answer(*id, outcome)).count()
                });
                shared.metrics.finished(noticed_by, answered);
                answered
            }
            Err(failure) => {
                warn!(
                    events = requested,
                    error = error_chain(&failure),
                    "failed to read {requested} events that clients wait for"
                );
                0
            }
        }
    }
}
