//! Requests of one connection.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The state that the socket, the service and the task of a connection share.
#[derive(Debug, Default)]
pub(super) struct Activity {
    answering: AtomicBool,
    requests: AtomicUsize,
}

impl Activity {
    /// Returns whether a request is being answered.
    pub(super) fn is_answering(&self) -> bool {
        self.answering.load(Ordering::Relaxed)
    }

    /// Returns the number of requests so far.
    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// Records that a request begins.
    pub(super) fn begin(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.answering.store(true, Ordering::Relaxed);
    }

    /// Records that the response is complete.
    pub(super) fn end(&self) {
        self.answering.store(false, Ordering::Relaxed);
    }
}
