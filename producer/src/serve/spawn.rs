//! Spawns the tasks behind the API.

use std::sync::Arc;

use eventpipeline_database::{Database, EventId};
use eventpipeline_service::{Announcer, Lifecycle, Sampler, SamplerArgs, Service, Wakeup, Wakeups};
use tokio_util::sync::CancellationToken;
use tracing::info;
use url::Url;

use super::health;
use crate::db::Db;
use crate::http::{Limits, Requests};
use crate::memory_budget::MemoryBudget;
use crate::storage::Storage;
use crate::tasks::{
    QueueStatsCollector, QueueStatsTask, Reader, RetentionArgs, RetentionMetrics, RetentionTask, VolumeTask,
    Writer, WriterMetrics,
};
use crate::waits::Waits;

/// State that the tasks and the API share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) limits: Limits,
    /// Memory budget of responses.
    pub(super) responses: MemoryBudget,
    pub(super) waits: Waits,
    pub(super) announcer: Announcer,
    pub(super) storage: Storage,
}

/// Settings and metrics that single tasks need.
#[derive(Debug)]
pub(super) struct TaskSettings {
    pub(super) writer: WriterMetrics,
    pub(super) queue_stats: QueueStatsCollector,
    pub(super) retention: RetentionArgs,
    pub(super) retention_metrics: RetentionMetrics,
    pub(super) watches_volume: bool,
}

/// Spawns the tasks that use the database. They own all sessions of the process, which bounds its connections.
pub(super) fn database_tasks(
    service: &mut Service,
    database: &Database,
    Shared { limits, responses, waits, announcer, storage }: &Shared,
    settings: TaskSettings,
    api_ended: &CancellationToken,
) -> Requests {
    let mut connections = 0;
    let mut session = || {
        connections += 1;
        database.session()
    };
    let check = health::watch(service, session());
    let lifecycle = &mut service.lifecycle;
    let (writer, create) = Writer::new(session(), announcer.clone(), settings.writer);
    lifecycle.spawn("writer", writer.run());
    let (reader, reads) = Reader::new(session());
    lifecycle.spawn("reader", reader.run());
    lifecycle.spawn("wait poller", waits.clone().run(session(), api_ended.clone()));
    let queue_stats = QueueStatsTask::new(session(), settings.queue_stats, storage.clone());
    lifecycle.spawn_once_ready("queue statistics", &check, queue_stats.run(lifecycle.draining()));
    let watched = settings.watches_volume.then(|| storage.clone());
    let retention = RetentionTask::new(session(), settings.retention, watched, settings.retention_metrics);
    lifecycle.spawn_once_ready("retention", &check, retention.run(lifecycle.draining()));
    let db = Arc::new(Db::new(&mut session, limits.payload_bytes, responses.clone()));
    lifecycle.spawn("session pool", close_after(Arc::clone(&db), api_ended.clone()));
    database.report_max_sessions(connections);
    info!(connections, "uses at most {connections} database connections");
    Requests { create, reads, db }
}

async fn close_after(db: Arc<Db>, api_ended: CancellationToken) -> anyhow::Result<()> {
    api_ended.cancelled().await;
    db.close().await;
    Ok(())
}

/// Watches the free space of the database's volume, if `url` is set.
pub(super) fn watch_volume(
    lifecycle: &mut Lifecycle,
    url: Option<Url>,
    storage: &Storage,
) -> anyhow::Result<()> {
    if let Some(url) = url {
        let task = VolumeTask::new(url, storage.clone())?;
        lifecycle.spawn("volume", task.run(lifecycle.draining()));
    }
    Ok(())
}

/// Receives wake-ups until the process ends, because clients wait until then.
pub(super) fn receive_wakeups(lifecycle: &mut Lifecycle, wakeups: Wakeups, waits: Waits) {
    let heard = move |wakeup| match wakeup {
        Wakeup::Finished(ids) => waits.finished(ids.into_iter().filter_map(EventId::new)),
        Wakeup::Work => {}
    };
    lifecycle.spawn_until_end("wakeups", wakeups.run(CancellationToken::new(), heard));
}

/// Samples the log lines of creations until the API has ended.
pub(super) fn sample_lines(
    lifecycle: &mut Lifecycle,
    args: SamplerArgs,
    api_ended: CancellationToken,
) -> Arc<Sampler> {
    let lines = Arc::new(Sampler::new(args));
    let task = Arc::clone(&lines);
    lifecycle.spawn("log of creations", async move {
        task.run(api_ended, |events| info!(events, "{events} more events created")).await;
        Ok(())
    });
    lines
}
