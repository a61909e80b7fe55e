//! The readiness of a process: the sum of named checks.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::error_chain::error_chain;

/// Time that the dependencies of a process may take to start. Until then it is normal that they are not
/// available.
pub const STARTUP: Duration = Duration::from_mins(2);

/// The readiness of a process, which is ready while all its checks pass. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    checks: Arc<RwLock<BTreeMap<&'static str, State>>>,
}

/// One condition of readiness. Clones share it.
#[derive(Debug, Clone)]
pub struct Check {
    name: &'static str,
    created: Instant,
    /// Cancelled when the check passes for the first time.
    passed: CancellationToken,
    readiness: Readiness,
}

/// The state of a check, which is logged when it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    /// `None` if nothing is wrong.
    trouble: Option<Trouble>,
    /// True if the trouble is normal, because the system is starting or the process is ending.
    is_normal: bool,
}

/// A problem of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Trouble {
    why: String,
    /// True if the process can do its work nevertheless.
    ready: bool,
}

impl Readiness {
    /// Adds a check, which fails until it is set.
    pub fn check(&self, name: &'static str) -> Check {
        let passed = CancellationToken::new();
        let check = Check { name, created: Instant::now(), passed, readiness: self.clone() };
        let trouble = Trouble { why: "starting".to_owned(), ready: false };
        check.set(Some(trouble), true);
        check
    }

    /// Returns whether every check passes, and a line for each.
    pub(crate) fn report(&self) -> (bool, String) {
        let checks = self.checks.read().unwrap_or_else(PoisonError::into_inner);
        let mut lines = String::new();
        for (name, state) in checks.iter() {
            // Writing to a string does not fail.
            let _ = match &state.trouble {
                None => writeln!(lines, "{name}: ok"),
                Some(Trouble { why, ready: false }) => writeln!(lines, "{name}: {why}"),
                Some(Trouble { why, ready: true }) => writeln!(lines, "{name}: ready, but {why}"),
            };
        }
        (checks.values().filter_map(|state| state.trouble.as_ref()).all(|trouble| trouble.ready), lines)
    }
}

impl Check {
    /// Sets the check to passing.
    pub fn ready(&self) {
        self.passed.cancel();
        self.set(None, true);
    }

    /// Sets the check to passing, or to failing with the error and its causes.
    pub fn report<E: std::error::Error>(&self, state: &Result<(), E>) {
        match state {
            Ok(()) => self.ready(),
            Err(error) => self.not_ready(error_chain(error)),
        }
    }

    /// Sets the check to failing. The reason is shown by `/readyz`, and logged when it is new.
    pub fn not_ready(&self, why: impl Into<String>) {
        self.set(Some(Trouble { why: why.into(), ready: false }), self.is_starting());
    }

    /// Sets the check to passing with a problem that taking this process out of service would not solve. The
    /// reason is shown and logged as well.
    pub fn degraded(&self, why: impl Into<String>) {
        self.set(Some(Trouble { why: why.into(), ready: true }), self.is_starting());
    }

    /// Sets the check to failing because the process ends.
    pub(crate) fn draining(&self) {
        self.set(Some(Trouble { why: "draining".to_owned(), ready: false }), true);
    }

    /// Waits until the check has passed once.
    pub(crate) async fn once_ready(&self) {
        self.passed.cancelled().await;
    }

    fn is_starting(&self) -> bool {
        !self.passed.is_cancelled() && self.created.elapsed() < STARTUP
    }

    fn set(&self, trouble: Option<Trouble>, is_normal: bool) {
        let state = State { trouble, is_normal };
        let mut checks = self.readiness.checks.write().unwrap_or_else(PoisonError::into_inner);
        let before = checks.insert(self.name, state.clone());
        drop(checks);
        // It is obvious that a new check is not ready yet.
        if before.as_ref().is_none_or(|before| *before == state) {
            return;
        }
        match state {
            State { trouble: None, .. } => info!(check = self.name, "{} is ready", self.name),
            State { trouble: Some(Trouble { why, .. }), is_normal: true } => {
                info!(check = self.name, "{} is not ready: {why}", self.name);
            }
            State { trouble: Some(Trouble { why, ready }), is_normal: false } => {
                let state = if ready { "degraded" } else { "not ready" };
                warn!(check = self.name, why, "{} is {state}: {why}", self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use super::*;

    /// A log of `LEVEL message` lines.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Log {
        fn levels(&self) -> Vec<String> {
            let text = String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap();
            text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_check_that_fails_for_long_or_again_is_a_warning() {
        let log = Log::default();
        let writer = log.clone();
        let format = tracing_subscriber::fmt().without_time().with_ansi(false);
        let subscriber = format.with_writer(move || writer.clone()).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let readiness = Readiness::default();
        let (late, again) = (readiness.check("late"), readiness.check("again"));
        assert!(log.levels().is_empty());
        late.not_ready("no server");
        late.not_ready("no server");
        again.not_ready("no server");
        again.ready();
        assert_eq!(log.levels(), ["INFO"; 3]);
        again.not_ready("no server");
        assert_eq!(log.levels(), ["WARN"]);
        tokio::time::advance(STARTUP).await;
        late.not_ready("no server");
        late.not_ready("no server");
        assert_eq!(log.levels(), ["WARN"]);
        again.draining();
        assert_eq!(log.levels(), ["INFO"]);
    }

    #[tokio::test]
    async fn the_first_success_is_remembered() {
        let check = Readiness::default().check("database");
        let waits = tokio::spawn({
            let check = check.clone();
            async move { check.once_ready().await }
        });
        check.ready();
        check.not_ready("gone again");
        waits.await.unwrap();
        check.once_ready().await;
    }
}
