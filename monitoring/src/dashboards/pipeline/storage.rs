//! Panels of the database's volume.

use super::super::panel;
use crate::grafana::{Kind, Levels, Panel, Unit};
use crate::promql::CHOSEN;

fn max(metric: &str) -> String {
    format!("max({metric}{{{CHOSEN}}})")
}

/// Returns the bytes that events can use: free space on the volume, and space that removed events left in the tablespace.
pub(super) fn room() -> String {
    format!("({} + {})", max("eventpipeline_volume_free_bytes"), max("eventpipeline_storage_reusable_bytes"))
}

pub(super) fn capacity() -> String {
    max("eventpipeline_volume_capacity_bytes")
}

pub(super) fn storage() -> Vec<Vec<Panel>> {
    let required = max("eventpipeline_storage_required_bytes");
    let space = panel(
        (Kind::Lines, Unit::Bytes),
        "Space for events",
        "Free space on the volume plus reusable space in the tablespace. Below the required space, creations are refused with \
         507.",
        [("free", room()), ("required", required.clone()), ("capacity", capacity())],
    )
    .limit("required")
    .limit("capacity");
    let files = panel(
        (Kind::Stacked, Unit::Bytes),
        "Volume usage",
        "Size of the database's files by kind. MySQL truncates the binary log and the undo log.",
        [("{{kind}}", format!("max by (kind) (eventpipeline_volume_file_bytes{{{CHOSEN}}})"))],
    );
    let forecast = panel(
        (Kind::Lines, Unit::Bytes),
        "Space for events in one day, at the rate of the last hour",
        "Predicted space for events. Below the required space, creations will be refused within a day.",
        [("in one day", format!("predict_linear({}[1h:15s], 86400)", room())), ("required", required)],
    )
    .limit("required");
    let refused = panel(
        (Kind::Lines, Unit::YesNo),
        "Creations refused",
        "Yes while a producer answers creations with 507 because the volume is nearly full.",
        [("{{pod}}", format!("max by (pod) (eventpipeline_storage_refusing{{{CHOSEN}}})"))],
    )
    .levels(Levels::bad_from(1.0));
    vec![vec![space, files], vec![forecast, refused]]
}
