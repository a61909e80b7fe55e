//! Whether the lists and watches that the inventory lives on work.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Errors with less than this between them are one interruption: a watch that does not work fails more often.
const CALM: Duration = Duration::from_mins(1);

/// What a kind is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing is done without its list.
    Always,
    /// Only who asks for it goes without: a cluster may not know it.
    IfServed,
}

/// How the watch of a kind is going.
#[derive(Debug)]
struct Watch {
    need: Need,
    /// Since when its list is waited for; none once it is there.
    listing: Option<Instant>,
    interruption: Option<Interruption>,
}

#[derive(Debug)]
struct Interruption {
    first: Instant,
    last: Instant,
    why: String,
}

/// How the watches are going.
#[derive(Debug)]
pub(crate) struct Watches {
    kinds: Mutex<BTreeMap<&'static str, Watch>>,
    /// Kinds whose first list is waited for by all.
    missing: watch::Sender<BTreeMap<&'static str, String>>,
}

impl Default for Watches {
    fn default() -> Self {
        Self { kinds: Mutex::default(), missing: watch::Sender::new(BTreeMap::new()) }
    }
}

impl Watches {
    /// The list of a kind is waited for from now on.
    pub(crate) fn begun(&self, kind: &'static str, need: Need) {
        let watch = Watch { need, listing: Some(Instant::now()), interruption: None };
        self.lock().insert(kind, watch);
        if need == Need::Always {
            self.missing.send_modify(|missing| {
                missing.insert(kind, "is being listed".to_owned());
            });
        }
    }

    /// The list of a kind is made once more.
    pub(crate) fn lists(&self, kind: &'static str) {
        if let Some(watch) = self.lock().get_mut(kind) {
            watch.listing.get_or_insert_with(Instant::now);
        }
    }

    /// The list of a kind is complete.
    pub(crate) fn listed(&self, kind: &'static str) {
        if let Some(watch) = self.lock().get_mut(kind) {
            watch.listing = None;
            watch.interruption = None;
        }
        self.missing.send_if_modified(|missing| missing.remove(kind).is_some());
    }

    /// A kind could not be listed or watched; that is tried again.
    pub(crate) fn interrupted(&self, kind: &'static str, why: &str) {
        let now = Instant::now();
        if let Some(watch) = self.lock().get_mut(kind) {
            let goes_on = |before: &Interruption| now.duration_since(before.last) < CALM;
            let first = watch.interruption.take().filter(goes_on).map_or(now, |before| before.first);
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

    /// Returns once every kind has been listed that all need.
    pub(crate) async fn all_listed(&self) {
        // The sender lives as long as this does.
        let _ = self.missing.subscribe().wait_for(BTreeMap::is_empty).await;
    }

    /// What all wait for, and why.
    pub(crate) fn missing(&self) -> Option<String> {
        self.missing.borrow().first_key_value().map(|(kind, why)| format!("{kind}: {why}"))
    }

    /// A kind that all need and that has not been listed or watched for at least this long, and why.
    pub(crate) fn broken_for(&self, bound: Duration) -> Option<String> {
        let kinds = self.lock();
        kinds.iter().filter(|(_, watch)| watch.need == Need::Always).find_map(|(kind, watch)| {
            let why = watch.interruption.as_ref().map_or("no answer", |interruption| &interruption.why);
            if watch.listing.is_some_and(|since| since.elapsed() >= bound) {
                return Some(format!("{kind} can't be listed: {why}"));
            }
            let Interruption { first, last, .. } = watch.interruption.as_ref()?;
            let broken = last.elapsed() < CALM && first.elapsed() >= bound;
            broken.then(|| format!("{kind} can't be watched: {why}"))
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
    async fn a_list_that_does_not_come_is_broken_with_its_reason() {
        let watches = Watches::default();
        watches.begun("Job", Need::Always);
        watches.begun("HTTPRoute", Need::IfServed);
        pass(59).await;
        watches.interrupted("Job", "500");
        assert_eq!(watches.broken_for(BOUND), None);
        pass(1).await;
        assert_eq!(watches.broken_for(BOUND).unwrap(), "Job can't be listed: 500");
        assert_eq!(watches.missing().unwrap(), "Job: 500");
        watches.listed("Job");
        assert_eq!((watches.broken_for(BOUND), watches.missing()), (None, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_is_broken_while_its_errors_follow_each_other() {
        let watches = Watches::default();
        watches.begun("Job", Need::Always);
        watches.listed("Job");
        for _ in 0..3 {
            assert_eq!(watches.broken_for(BOUND), None);
            watches.interrupted("Job", "refused");
            pass(20).await;
        }
        assert_eq!(watches.broken_for(BOUND).unwrap(), "Job can't be watched: refused");
        pass(41).await;
        assert_eq!(watches.broken_for(BOUND), None, "it has not failed again");
        watches.interrupted("Job", "refused");
        assert_eq!(watches.broken_for(BOUND), None, "a new interruption");
    }
}
