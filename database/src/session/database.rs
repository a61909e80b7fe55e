//! The database's address and the state that a process's sessions share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::epoch::Epoch;
use super::{Session, settings};
use crate::args::DatabaseArgs;
use crate::clock::Clock;
use crate::contention::Contention;
use crate::id_block::Allocation;
use crate::metrics::Metrics;

/// The database's address and the knowledge of it that all [`Session`]s share.
#[derive(Debug, Clone)]
pub struct Database {
    pub(super) args: DatabaseArgs,
    pub(crate) metrics: Metrics,
    pub(super) epoch: Epoch,
    /// The server's `max_allowed_packet` in bytes, as the last connection reported it.
    pub(super) packet: Arc<AtomicUsize>,
    pub(super) contention: Contention,
    /// This process's observations of the server's clock.
    pub(crate) clock: Clock,
}

impl Database {
    /// Creates a handle without connecting.
    pub fn new(args: DatabaseArgs, metrics: Metrics) -> Self {
        let packet = Arc::new(AtomicUsize::new(settings::SMALLEST_PACKET));
        let (epoch, contention, clock) = (Epoch::default(), Contention::default(), Clock::default());
        Self { args, metrics, epoch, packet, contention, clock }
    }

    /// Creates a session for one task. It connects at its first operation, and again after each failure.
    pub fn session(&self) -> Session {
        Session {
            database: self.clone(),
            connection: None,
            connecting: None,
            allocation: Allocation::default(),
            count_again: None,
            has_keys_until: None,
        }
    }

    /// Exports the maximum number of this process's sessions as a metric.
    pub fn report_max_sessions(&self, sessions: usize) {
        self.metrics.report_max_sessions(sessions);
    }

    /// Returns host and port, for messages.
    pub fn address(&self) -> String {
        format!("{}:{}", self.args.database_host, self.args.database_port)
    }

    /// Returns the server's `max_allowed_packet` in bytes.
    pub(crate) fn packet(&self) -> usize {
        self.packet.load(Ordering::Relaxed)
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
