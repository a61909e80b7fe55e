//! All metrics of the process, and their reference.

use anyhow::Context as _;
use eventpipeline_database::Role;
use eventpipeline_service::{Budget, Label, WakeupMetrics, metrics_reference};
use prometheus::Registry;

use crate::http::{HttpMetrics, described_responses};
use crate::storage::StorageMetrics;
use crate::tasks::{QueueStatsCollector, RetentionMetrics, WriterMetrics};
use crate::waits::WaitMetrics;

/// Name of the program.
pub(crate) const NAME: &str = "eventpipeline-producer";

/// Maximum number of series: the described responses, and a few kinds of responses to other requests. Held by
/// `tests/it/metrics.rs`.
const SERIES: Budget = Budget { process: 2500, pipeline: 0 };

/// Labels whose values are not all exported from the start.
const OPEN: [Label; 5] = [
    Label { name: "lane", values: "names of the lanes, and `(default)`" },
    Label { name: "type", values: "types of events that clients created, `(none)` and `(other)`" },
    Label {
        name: "http_request_method",
        values: "those of the API's description, from the start; `HEAD` and `_OTHER` after such a request",
    },
    Label {
        name: "http_route",
        values: "a path of the API's description, `/openapi.json`, or empty for an unknown path",
    },
    Label {
        name: "http_response_status_code",
        values: "those that the API's description lists for the path, from the start; 204, 403, 404 and 405 after a \
                 request that is not described, or not served on the public port",
    },
];

/// The metrics by the part of the program that exports them.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) http: HttpMetrics,
    pub(crate) database: eventpipeline_database::Metrics,
    pub(crate) wakeups: WakeupMetrics,
    pub(crate) waits: WaitMetrics,
    pub(crate) writer: WriterMetrics,
    pub(crate) queue_stats: QueueStatsCollector,
    pub(crate) retention: RetentionMetrics,
    pub(crate) storage: StorageMetrics,
}

impl Metrics {
    /// Registers all metrics.
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        let database = eventpipeline_database::Metrics::new(registry)
            .context("failed to register the database metrics")?;
        Ok(Self {
            http: HttpMetrics::new(registry, described_responses())?,
            database: database.of(Role::Producer, registry)?,
            wakeups: WakeupMetrics::new(registry)?,
            waits: WaitMetrics::new(registry)?,
            writer: WriterMetrics::new(registry)?,
            queue_stats: QueueStatsCollector::new(registry)?,
            retention: RetentionMetrics::new(registry)?,
            storage: StorageMetrics::new(registry)?,
        })
    }
}

/// Returns the section of the metrics reference.
pub(crate) fn reference() -> anyhow::Result<String> {
    let registry = eventpipeline_service::registry(NAME)?;
    Metrics::new(&registry)?.queue_stats.set_empty();
    Ok(metrics_reference(NAME, SERIES, &registry, &OPEN))
}
