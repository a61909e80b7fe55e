//! The term of leadership, by the clock of this process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// This process is the only operator.
    WithoutEnd,
    Until(Instant),
    /// The term has not begun, or is over.
    None,
}

/// A term of leadership, during which this process may write. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Term(Arc<Mutex<State>>);

impl Term {
    pub(crate) fn none() -> Self {
        Self(Arc::new(Mutex::new(State::None)))
    }

    /// Returns the term of the only operator.
    pub(crate) fn without_end() -> Self {
        Self(Arc::new(Mutex::new(State::WithoutEnd)))
    }

    /// Returns whether writes are still allowed.
    pub(crate) fn holds(&self) -> bool {
        !self.left().is_zero()
    }

    /// Returns the time until the end of the term.
    pub(crate) fn left(&self) -> Duration {
        match *self.state() {
            State::WithoutEnd => Duration::MAX,
            State::Until(end) => end.saturating_duration_since(Instant::now()),
            State::None => Duration::ZERO,
        }
    }

    pub(crate) fn until(&self, end: Instant) {
        *self.state() = State::Until(end);
    }

    pub(crate) fn end(&self) {
        *self.state() = State::None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_allows_writes_until_its_end() {
        let term = Term::none();
        assert!(!term.holds());
        term.until(Instant::now() + Duration::from_mins(1));
        assert!(term.clone().holds());
        term.until(Instant::now());
        assert!(!term.holds());
        term.until(Instant::now() + Duration::from_mins(1));
        term.end();
        assert!(!term.holds());
        assert!(Term::without_end().holds());
    }
}
