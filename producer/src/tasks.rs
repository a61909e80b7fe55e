//! Tasks that run in the background, most of them on a session of their own.

mod linger;
mod mailbox;
mod queue_stats;
mod reader;
mod retention;
mod volume;
mod writer;

pub(crate) use mailbox::{ANSWER_LIMIT, Mailbox};
pub(crate) use queue_stats::{QueueStatsCollector, QueueStatsTask};
pub(crate) use reader::{Reader, Reads};
pub(crate) use retention::{RetentionArgs, RetentionMetrics, RetentionTask};
pub(crate) use volume::VolumeTask;
pub(crate) use writer::{CreateRequest, Writer, WriterMetrics};
