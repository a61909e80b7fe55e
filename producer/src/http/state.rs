//! The state that handlers share.

use std::sync::Arc;

use axum::http::HeaderValue;
use eventpipeline_database::Created;
use eventpipeline_service::{Announcer, Sampler, Tracer};
use tokio_util::sync::CancellationToken;

use super::metrics::HttpMetrics;
use super::trace::Trust;
use crate::db::Db;
use crate::memory_budget::MemoryBudget;
use crate::storage::Storage;
use crate::tasks::{CreateRequest, Mailbox, Reads};
use crate::waits::Waits;

/// The state of the API.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) requests: Requests,
    pub(crate) waits: Waits,
    pub(crate) announcer: Announcer,
    /// Cancelled when waiting clients must be answered without a value.
    pub(crate) end_of_waiting: CancellationToken,
    pub(crate) limits: Limits,
    /// Memory budget of request bodies.
    pub(crate) bodies: MemoryBudget,
    /// Memory budget of responses.
    pub(crate) responses: MemoryBudget,
    pub(crate) storage: Storage,
    pub(crate) metrics: HttpMetrics,
    pub(crate) served_by: HeaderValue,
    pub(crate) tracer: Tracer,
    pub(crate) trust: Trust,
    /// Limits the log lines of creations.
    pub(crate) lines: Arc<Sampler>,
}

/// The state as the routers of all ports share it.
pub(super) type Shared = Arc<Api>;

/// The requests that handlers make to the tasks behind the API.
#[derive(Debug)]
pub(crate) struct Requests {
    pub(crate) create: Mailbox<CreateRequest, Created>,
    pub(crate) reads: Reads,
    pub(crate) db: Arc<Db>,
}

/// Limits of requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Maximum length of a payload, in bytes.
    pub(crate) payload_bytes: usize,
    /// Maximum wait of a create-sync request, in seconds. `None` if it waits as long as its client.
    pub(crate) wait_seconds: Option<u32>,
}
