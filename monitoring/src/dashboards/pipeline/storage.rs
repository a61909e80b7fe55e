//! The database's volume: how full it is, and with what.

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
            "Room for events",
            "What is free on the volume, with what removed events have left in the tablespace. Below what is required creations are \
             refused with 507.",
            [("free", room.clone()), ("required", required.clone()), ("capacity", capacity)],
        ),
        panel(
            (Kind::Stacked, Unit::Bytes),
            "What takes the volume",
            "The database's files by what they are for. The binary log and the undo log are cut by themselves.",
            [("{{kind}}", format!("max by (kind) (eventpipeline_volume_file_bytes{{{CHOSEN}}})"))],
        ),
        panel(
            (Kind::Lines, Unit::Bytes),
            "Room in a day, as the last hour went",
            "What is left for events in a day if it goes on like this. Below what is required: creations will be refused within a day.",
            [
                (
                    "in a day",
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
            "1 while producers answer creations with 507 for want of room.",
            [("{{pod}}", format!("max by (pod) (eventpipeline_storage_refusing{{{CHOSEN}}})"))],
        ),
    ]
}
