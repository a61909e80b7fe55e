//! The task that measures the volume, and its last measurement.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use eventpipeline_service::{Check, error_chain};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::files::Kind;
use crate::measure::{Measurement, measure};
use crate::metrics::Metrics;

/// Time between two measurements.
const PERIOD: Duration = Duration::from_secs(1);
/// Age after which a measurement is outdated: `statvfs` does not return while a disk hangs.
const OLDEST: Duration = Duration::from_secs(5);

/// The body of `GET /volume`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Volume {
    capacity_bytes: u64,
    free_bytes: u64,
    files: Files,
}

/// Disk usage of the files, by kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the unit is in the names of the JSON")]
struct Files {
    data_bytes: u64,
    binary_log_bytes: u64,
    relay_log_bytes: u64,
    redo_log_bytes: u64,
    undo_log_bytes: u64,
    temporary_bytes: u64,
    other_bytes: u64,
}

impl From<&Measurement> for Volume {
    fn from(Measurement { capacity, free, files }: &Measurement) -> Self {
        let of = |kind| files.get(&kind).copied().unwrap_or_default();
        Self {
            capacity_bytes: *capacity,
            free_bytes: *free,
            files: Files {
                data_bytes: of(Kind::Data),
                binary_log_bytes: of(Kind::BinaryLog),
                relay_log_bytes: of(Kind::RelayLog),
                redo_log_bytes: of(Kind::RedoLog),
                undo_log_bytes: of(Kind::UndoLog),
                temporary_bytes: of(Kind::Temporary),
                other_bytes: of(Kind::Other),
            },
        }
    }
}

/// The error if there is no recent measurement.
#[derive(Debug, thiserror::Error)]
#[error("the volume could not be measured within {} s", OLDEST.as_secs())]
pub(crate) struct NotMeasured;

/// The last measurement. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Last(Arc<Mutex<Option<(Instant, Volume)>>>);

impl Last {
    /// Returns the last measurement, if it is recent.
    pub(crate) fn volume(&self) -> Result<Volume, NotMeasured> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = last.as_ref().filter(|(at, _)| at.elapsed() <= OLDEST);
        recent.map(|(_, volume)| volume.clone()).ok_or(NotMeasured)
    }

    fn set(&self, volume: Volume) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), volume));
    }
}

/// Measures the volume periodically.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The data directory.
    pub(crate) folder: PathBuf,
    pub(crate) last: Last,
    pub(crate) metrics: Metrics,
    pub(crate) check: Check,
}

impl Watch {
    /// Measures until `end`. A disk that hangs blocks only this task.
    pub(crate) async fn run(self, end: CancellationToken) -> anyhow::Result<()> {
        loop {
            let folder = self.folder.clone();
            let measuring = tokio::task::spawn_blocking(move || measure(&folder));
            let measured = tokio::select! {
                () = end.cancelled() => return Ok(()),
                measured = measuring => measured?,
            };
            match measured {
                Ok(measurement) => {
                    self.metrics.measured(&measurement);
                    self.last.set(Volume::from(&measurement));
                    self.check.ready();
                }
                Err(error) => {
                    self.check.not_ready(format!(
                        "failed to measure {}: {}",
                        self.folder.display(),
                        error_chain(&error)
                    ));
                }
            }
            tokio::select! {
                () = end.cancelled() => return Ok(()),
                () = tokio::time::sleep(PERIOD) => {}
            }
        }
    }
}
