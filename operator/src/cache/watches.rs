//! Health of the lists and watches that feed the caches.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Errors less than this apart belong to the same interruption. A broken watch fails more often than that.
const CALM: Duration = Duration::from_mins(1);

/// The objects of a kind in a namespace, or in all namespaces.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Watched {
    kind: &'static str,
    namespace: Option<String>,
}

impl Watched {
    pub(crate) fn new(kind: &'static str, namespace: Option<&str>) -> Self {
        Self { kind, namespace: namespace.map(str::to_owned) }
    }

    fn includes(&self, namespace: &str) -> bool {
        self.namespace.as_ref().is_none_or(|watched| watched == namespace)
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(formatter, "{} in namespace {namespace}", self.kind),
            None => formatter.write_str(self.kind),
        }
    }
}

/// Importance of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// No pipeline is reconciled before the kind is listed.
    Always,
    /// The cluster may not serve the kind. Only pipelines that use it are affected.
    IfServed,
}

/// State of a watch.
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
    all: Mutex<BTreeMap<Watched, Watch>>,
    /// Required objects that were never listed, each with the reason.
    missing: watch::Sender<BTreeMap<Watched, String>>,
}

impl Default for Watches {
    fn default() -> Self {
        Self { all: Mutex::default(), missing: watch::Sender::new(BTreeMap::new()) }
    }
}

impl Watches {
    /// Registers a watch, whose first list starts now.
    pub(crate) fn begun(&self, watched: &Watched, need: Need) {
        let watch = Watch { need, listing: Some(Instant::now()), interruption: None };
        self.lock().insert(watched.clone(), watch);
        if need == Need::Always {
            self.missing.send_modify(|missing| {
                missing.insert(watched.clone(), "is being listed".to_owned());
            });
        }
    }

    /// Records that a new list starts.
    pub(crate) fn lists(&self, watched: &Watched) {
        if let Some(watch) = self.lock().get_mut(watched) {
            watch.listing.get_or_insert_with(Instant::now);
        }
    }

    /// Records that the list is complete.
    pub(crate) fn listed(&self, watched: &Watched) {
        if let Some(watch) = self.lock().get_mut(watched) {
            watch.listing = None;
            watch.interruption = None;
        }
        self.missing.send_if_modified(|missing| missing.remove(watched).is_some());
    }

    /// Records that listing or watching failed. The watcher retries by itself.
    pub(crate) fn interrupted(&self, watched: &Watched, why: &str) {
        let now = Instant::now();
        if let Some(watch) = self.lock().get_mut(watched) {
            let continues = |before: &Interruption| now.duration_since(before.last) < CALM;
            let first = watch.interruption.take().filter(continues).map_or(now, |before| before.first);
            watch.interruption = Some(Interruption { first, last: now, why: why.to_owned() });
        }
        self.missing.send_if_modified(|missing| match missing.get_mut(watched) {
            Some(reason) if *reason != why => {
                why.clone_into(reason);
                true
            }
            _ => false,
        });
    }

    /// Returns once every required kind has been listed in the namespace.
    pub(crate) async fn all_listed(&self, namespace: &str) {
        // The sender lives as long as `self`.
        let listed = |missing: &BTreeMap<Watched, String>| !missing.keys().any(|it| it.includes(namespace));
        let _ = self.missing.subscribe().wait_for(listed).await;
    }

    /// Returns required objects that were never listed, and why.
    pub(crate) fn missing(&self) -> Option<String> {
        self.missing.borrow().first_key_value().map(|(watched, why)| format!("{watched}: {why}"))
    }

    /// Returns required objects that could not be listed or watched for at least `bound`, and why.
    pub(crate) fn broken_for(&self, bound: Duration) -> Option<String> {
        let all = self.lock();
        all.iter().filter(|(_, watch)| watch.need == Need::Always).find_map(|(watched, watch)| {
            let why = watch.interruption.as_ref().map_or("no answer", |interruption| &interruption.why);
            if watch.listing.is_some_and(|since| since.elapsed() >= bound) {
                return Some(format!("{watched} cannot be listed: {why}"));
            }
            let Interruption { first, last, .. } = watch.interruption.as_ref()?;
            let broken = last.elapsed() < CALM && first.elapsed() >= bound;
            broken.then(|| format!("{watched} cannot be watched: {why}"))
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Watched, Watch>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_mins(1);

    fn jobs() -> Watched {
        Watched::new("Job", None)
    }

    async fn pass(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_does_not_complete_is_reported_with_its_reason() {
        let watches = Watches::default();
        watches.begun(&jobs(), Need::Always);
        watches.begun(&Watched::new("HTTPRoute", None), Need::IfServed);
        pass(59).await;
        watches.interrupted(&jobs(), "500");
        assert_eq!(watches.broken_for(BOUND), None);
        pass(1).await;
        assert_eq!(watches.broken_for(BOUND).unwrap(), "Job cannot be listed: 500");
        assert_eq!(watches.missing().unwrap(), "Job: 500");
        watches.listed(&jobs());
        assert_eq!((watches.broken_for(BOUND), watches.missing()), (None, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_is_broken_while_it_keeps_failing() {
        let watches = Watches::default();
        watches.begun(&jobs(), Need::Always);
        watches.listed(&jobs());
        for _ in 0..3 {
            assert_eq!(watches.broken_for(BOUND), None);
            watches.interrupted(&jobs(), "refused");
            pass(20).await;
        }
        assert_eq!(watches.broken_for(BOUND).unwrap(), "Job cannot be watched: refused");
        pass(41).await;
        assert_eq!(watches.broken_for(BOUND), None, "it has not failed again");
        watches.interrupted(&jobs(), "refused");
        assert_eq!(watches.broken_for(BOUND), None, "a new interruption");
    }

    #[tokio::test(start_paused = true)]
    async fn a_namespace_does_not_wait_for_another() {
        let watches = Watches::default();
        let [good, bad] = ["good", "bad"].map(|namespace| Watched::new("Job", Some(namespace)));
        for watched in [&good, &bad] {
            watches.begun(watched, Need::Always);
        }
        watches.interrupted(&bad, "forbidden");
        watches.listed(&good);
        watches.all_listed("good").await;
        assert!(tokio::time::timeout(BOUND, watches.all_listed("bad")).await.is_err());
        assert_eq!(watches.missing().unwrap(), "Job in namespace bad: forbidden");
        assert_eq!(watches.broken_for(BOUND).unwrap(), "Job in namespace bad cannot be listed: forbidden");
    }
}
