//! Until when this process may write, by its own clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// There are no others.
    WithoutEnd,
    Until(Instant),
    /// Not begun, or over.
    None,
}

/// A term of leadership. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Term(Arc<Mutex<State>>);

impl Term {
    pub(super) fn none() -> Self {
        Self(Arc::new(Mutex::new(State::None)))
    }

    /// Of an operator that is the only one.
    pub(crate) fn without_end() -> Self {
        Self(Arc::new(Mutex::new(State::WithoutEnd)))
    }

    /// Whether to write is still right.
    pub(crate) fn holds(&self) -> bool {
        !self.left().is_zero()
    }

    /// How long it lasts yet.
    pub(super) fn left(&self) -> Duration {
        match *self.state() {
            State::WithoutEnd => Duration::MAX,
            State::Until(end) => end.saturating_duration_since(Instant::now()),
            State::None => Duration::ZERO,
        }
    }

    pub(super) fn until(&self, end: Instant) {
        *self.state() = State::Until(end);
    }

    pub(super) fn end(&self) {
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
    fn it_holds_until_its_end_and_no_longer() {
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
