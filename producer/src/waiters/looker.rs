//! The task that looks for what is waited for, on a session of its own.

use std::time::Duration;

use eventpipeline_database::{Error, EventId, Session, Snapshot};
use eventpipeline_service::error_chain;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{Outcome, Waiters};
use crate::metrics::Found;

/// How soon the database is asked after somebody began to wait or was answered, while no wake-ups are heard.
const SOONEST: Duration = Duration::from_millis(10);
/// How long between two questions.
const LATEST: Duration = Duration::from_millis(100);
/// The longest pause, when the database is slow or away.
const SLOWEST: Duration = Duration::from_secs(1);
/// A pause is at least this many times as long as the look before it: many who wait, or a slow database, make looks rarer.
const REST: u32 = 3;
/// For how long no wake-up is heard after one that was of no use: double and forged ones cost few reads.
const DEAF: Duration = Duration::from_millis(5);
/// How often it is checked that what is waited for is still there, and how many events at a time.
const CHECK: Duration = Duration::from_secs(1);
const CHECKED: usize = 512;

pub(super) struct Looker {
    waiters: Waiters,
    session: Session,
    pause: Duration,
    /// When everything that is waited for is looked for again; never, while nobody waits.
    next: Option<Instant>,
    /// Whether wake-ups arrive: then the look for everything else can be as rare as it may.
    wakeups_arrive: bool,
    /// Whether one was of use since the last look for everything.
    wakeup_found: bool,
    /// When wake-ups are heard again.
    hears_from: Instant,
    checked: Instant,
    check_after: Option<EventId>,
}

impl Looker {
    pub(super) fn new(waiters: Waiters, session: Session) -> Self {
        Self {
            waiters,
            session,
            pause: SOONEST,
            next: None,
            wakeups_arrive: false,
            wakeup_found: false,
            hears_from: Instant::now(),
            checked: Instant::now(),
            check_after: None,
        }
    }

    pub(super) async fn run(mut self, end: CancellationToken) {
        loop {
            let next = self.next;
            let time = async {
                match next {
                    Some(next) => tokio::time::sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            let hears_from = self.hears_from;
            let news = async {
                tokio::time::sleep_until(hears_from).await;
                self.waiters.shared.news.notified().await;
            };
            tokio::select! {
                biased;
                () = end.cancelled() => break,
                // Before the news, which may come faster than it can be heard: no wake-up is needed, nor may it be in the way.
                () = time => self.look().await,
                () = news => self.hear().await,
            }
            if self.waiters.shared.lock().clients() == 0 {
                self.next = None;
            }
        }
        self.session.close().await;
    }

    /// Looks for what is said to have ended. Who came meanwhile is looked for soon.
    async fn hear(&mut self) {
        let (announced, joined) = {
            let mut places = self.waiters.shared.lock();
            (places.take_announced(), places.take_joined())
        };
        if joined {
            self.pause = self.shortest();
            let soon = Instant::now() + self.pause;
            self.next = Some(self.next.map_or(soon, |next| next.min(soon)));
        }
        if !announced.is_empty() {
            let found = self.session.read_finished(&announced).await;
            let answered = self.answer(found, announced.len(), Found::Wakeup);
            self.wakeup_found |= answered > 0;
            if answered == 0 {
                self.hears_from = Instant::now() + DEAF;
            }
        }
    }

    /// Looks for everything that is waited for.
    async fn look(&mut self) {
        let began = Instant::now();
        let all = self.waiters.shared.lock().all();
        let found = self.session.read_finished(&all).await;
        let failed = found.is_err();
        let answered = self.answer(found, all.len(), Found::Look);
        if began.duration_since(self.checked) >= CHECK && !failed {
            self.checked = began;
            self.check().await;
        }
        // An answer that no wake-up had announced says that wake-ups are lost, unless others have come.
        self.wakeups_arrive =
            std::mem::take(&mut self.wakeup_found) || (self.wakeups_arrive && answered == 0);
        let pause = if answered > 0 { self.shortest() } else { (self.pause * 2).min(LATEST) };
        self.pause = if failed { SLOWEST } else { pause.max(began.elapsed() * REST).min(SLOWEST) };
        self.next = Some(Instant::now() + self.pause);
    }

    /// Finds events that were removed before it was seen how they ended: nobody would ever answer who waits for them.
    async fn check(&mut self) {
        let ids = self.waiters.shared.lock().some_after(self.check_after, CHECKED);
        self.check_after = ids.last().copied();
        let Ok(found) = self.session.read(&ids).await else {
            return;
        };
        let found: std::collections::HashSet<EventId> = found.iter().map(|snapshot| snapshot.id).collect();
        self.waiters.shared.change(|places| {
            for id in ids.iter().filter(|id| !found.contains(id)) {
                places.answer(*id, &Outcome::Removed);
            }
        });
    }

    fn shortest(&self) -> Duration {
        if self.wakeups_arrive { LATEST } else { SOONEST }
    }

    /// Answers who waits for what was found, and says how many events that were.
    fn answer(&self, found: Result<Vec<Snapshot>, Error>, asked: usize, by: Found) -> usize {
        let shared = &self.waiters.shared;
        match found {
            Ok(found) => {
                let ended =
                    found.into_iter().filter_map(|snapshot| Some((snapshot.id, Outcome::of(snapshot)?)));
                let answered =
                    shared.change(|places| ended.filter(|(id, outcome)| places.answer(*id, outcome)).count());
                shared.metrics.found(by, answered);
                answered
            }
            Err(failure) => {
                let failure = error_chain(&failure);
                warn!(events = asked, error = failure, "failed to look for the ends of {asked} events");
                0
            }
        }
    }
}
