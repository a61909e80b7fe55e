//! Panels of the database's volume.

use super::super::panel;
use crate::grafana::{Kind, Panel, Unit};
use crate::promql::CHOSEN;

pub(super) fn storage() -> Vec<Panel> {
    let max = |metric: &str| format!("max({metric}{{{CHOSEN}}})");
    let (free, capacity) =
        (max("eventpipeline_volume_free_bytes"), max("eventpipeline_volume_capacity_bytes"));
    let (reusable, required) =
        (max("eventpipeline_storage_reusable_bytes"), max("eventpipeline_storage_required_bytes"));
    let room = format!("({free} + {reusable})");
    vec![
        panel(
            (Kind::Lines, Unit::Bytes),
            "Space for events",
            "Free space on the volume plus reusable space in the tablespace. Below the required space, creations are refused with \
             507.",
            [("free", room.clone()), ("required", required.clone()), ("capacity", capacity)],
        ),
        panel(
            (Kind::Stacked, Unit::Bytes),
            "Volume usage",
            "Size of the database's files by kind. MySQL truncates the binary log and the undo log.",
            [("{{kind}}", format!("max by (kind) (eventpipeline_volume_file_bytes{{{CHOSEN}}})"))],
        ),
        panel(
            (Kind::Lines, Unit::Bytes),
            "Space for events in one day, at the rate of the last hour",
            "Predicted space for events. Below the required space, creations will be refused within a day.",
            [
                (
                    "in one day",
                    format!(
                        "predict_linear((max(eventpipeline_volume_free_bytes{{{CHOSEN}}}) + \
                         max(eventpipeline_storage_reusable_bytes{{{CHOSEN}}}))[1h:15s], 86400)"
                    ),
                ),
                ("required", required),
            ],
        ),
        panel(
            (Kind::Lines, Unit::YesNo),
            "Creations refused",
            "1 while producers answer creations with 507 because the volume is nearly full.",
            [("{{pod}}", format!("max by (pod) (eventpipeline_storage_refusing{{{CHOSEN}}})"))],
        ),
    ]
}
