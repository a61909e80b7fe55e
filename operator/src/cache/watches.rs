//! Health of the lists and watches that feed the caches.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Errors less than this apart belong to the same interruption. A broken watch fails more often than that.
const CALM: Duration = Duration::from_mins(1);

/// Importance of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// No pipeline is reconciled before the kind is listed.
    Always,
    /// The cluster may not serve the kind. Only pipelines that use it are affected.
    IfServed,
}

/// State of the watch of a kind.
#[derive(Debug)]
struct Watch {
    need: Need,
    /// Start of the list that is in progress.
    listing: Option<Instant>,
    interruption: Option<Interruption>,
}

#[derive(Debug)]
struct Interruption {
    first: Instant,
    last: Instant,
    why: String,
}

/// State of all watches.
#[derive(Debug)]
pub(crate) struct Watches {
    kinds: Mutex<BTreeMap<&'static str, Watch>>,
    /// Required kinds that were never listed, each with the reason.
    missing: watch::Sender<BTreeMap<&'static str, String>>,
}

impl Default for Watches {
    fn default() -> Self {
        Self { kinds: Mutex::default(), missing: watch::Sender::new(BTreeMap::new()) }
    }
}

impl Watches {
    /// Registers a kind, whose first list starts now.
    pub(crate) fn begun(&self, kind: &'static str, need: Need) {
        let watch = Watch { need, listing: Some(Instant::now()), interruption: None };
        self.lock().insert(kind, watch);
        if need == Need::Always {
            self.missing.send_modify(|missing| {
                missing.insert(kind, "is being listed".to_owned());
            });
        }
    }

    /// Records that a new list of the kind starts.
    pub(crate) fn lists(&self, kind: &'static str) {
        if let Some(watch) = self.lock().get_mut(kind) {
            watch.listing.get_or_insert_with(Instant::now);
        }
    }

    /// Records that the list of the kind is complete.
    pub(crate) fn listed(&self, kind: &'static str) {
        if let Some(watch) = self.lock().get_mut(kind) {
            watch.listing = None;
            watch.interruption = None;
        }
        self.missing.send_if_modified(|missing| missing.remove(kind).is_some());
    }

    /// Records that listing or watching the kind failed. The watcher retries by itself.
    pub(crate) fn interrupted(&self, kind: &'static str, why: &str) {
        let now = Instant::now();
        if let Some(watch) = self.lock().get_mut(kind) {
            let continues = |before: &Interruption| now.duration_since(before.last) < CALM;
            let first = watch.interruption.take().filter(continues).map_or(now, |before| before.first);
            watch.interruption = Some(Interruption { first, last: now, why: why.to_owned() });
        }
        self.missing.send_if_modified(|missing| match missing.get_mut(kind) {
            Some(reason) if *reason != why => {
                why.clone_into(reason);
                true
            }
            _ => false,
        });
    }

    /// Returns once every required kind has been listed.
    pub(crate) async fn all_listed(&self) {
        // The sender lives as long as `self`.
        let _ = self.missing.subscribe().wait_for(BTreeMap::is_empty).await;
    }

    /// Returns a required kind that was never listed, and why.
    pub(crate) fn missing(&self) -> Option<String> {
        self.missing.borrow().first_key_value().map(|(kind, why)| format!("{kind}: {why}"))
    }

    /// Returns a required kind that could not be listed or watched for at least `bound`, and why.
    pub(crate) fn broken_for(&self, bound: Duration) -> Option<String> {
        let kinds = self.lock();
        kinds.iter().filter(|(_, watch)| watch.need == Need::Always).find_map(|(kind, watch)| {
            let why = watch.interruption.as_ref().map_or("no answer", |interruption| &interruption.why);
            if watch.listing.is_some_and(|since| since.elapsed() >= bound) {
                return Some(format!("{kind} cannot be listed: {why}"));
            }
            let Interruption { first, last, .. } = watch.interruption.as_ref()?;
            let broken = last.elapsed() < CALM && first.elapsed() >= bound;
            broken.then(|| format!("{kind} cannot be watched: {why}"))
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Watch>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_mins(1);

    async fn pass(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_does_not_complete_is_reported_with_its_reason() {
        let watches = Watches::default();
        watches.begun("Job", Need::Always);
        watches.begun("HTTPRoute", Need::IfServed);
        pass(59).await;
        watches.interrupted("Job", "500");
        assert_eq!(watches.broken_for(BOUND), None);
        pass(1).await;
        assert_eq!(watches.broken_for(BOUND).unwrap(), "Job cannot be listed: 500");
        assert_eq!(watches.missing().unwrap(), "Job: 500");
        watches.listed("Job");
        assert_eq!((watches.broken_for(BOUND), watches.missing()), (None, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_is_broken_while_it_keeps_failing() {
        let watches = Watches::default();
        watches.begun("Job", Need::Always);
        watches.listed("Job");
        for _ in 0..3 {
            assert_eq!(watches.broken_for(BOUND), None);
            watches.interrupted("Job", "refused");
            pass(20).await;
        }
        assert_eq!(watches.broken_for(BOUND).unwrap(), "Job cannot be watched: refused");
        pass(41).await;
        assert_eq!(watches.broken_for(BOUND), None, "it has not failed again");
        watches.interrupted("Job", "refused");
        assert_eq!(watches.broken_for(BOUND), None, "a new interruption");
    }
}
