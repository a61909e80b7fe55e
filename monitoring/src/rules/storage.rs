//! Rules about the database's volume.

use std::time::Duration;

use super::{Alert, Group, Rule, Severity, Threshold, alert, record};
use crate::promql::PIPELINE;

const FREE: &str = "namespace_eventpipeline:eventpipeline_storage_free_bytes:max";
const REQUIRED: &str = "namespace_eventpipeline:eventpipeline_storage_required_bytes:max";
const REFUSING: &str = "namespace_eventpipeline:eventpipeline_storage_refusing:max";

/// Returns the group. Events can use the free space of the volume and the space that removed events left in the tablespace.
pub(super) fn group() -> Group {
    let max = |metric: &str| format!("max by ({PIPELINE}) ({metric})");
    let mut rules = vec![
        record(
            FREE,
            format!(
                "max by ({PIPELINE}) (eventpipeline_volume_free_bytes) + \
                 max by ({PIPELINE}) (eventpipeline_storage_reusable_bytes)"
            ),
        ),
        record(REQUIRED, max("eventpipeline_storage_required_bytes")),
        record(REFUSING, max("eventpipeline_storage_refusing")),
    ];
    rules.extend([full(), nearly_full(), filling_up()].map(Rule::Alert));
    Group { name: "eventpipeline.storage".to_owned(), rules }
}

fn full() -> Alert {
    alert(
        "EventPipelineStorageFull",
        (Severity::Critical, Duration::from_mins(1)),
        format!("{REFUSING} == 1"),
        "Creations are refused: the database's volume is nearly full.",
        "{{ $labels.namespace }}/{{ $labels.eventpipeline }} answers creations with 507. Stored events are processed, read \
         and removed as before.",
    )
}

fn nearly_full() -> Alert {
    alert(
        "EventPipelineStorageNearlyFull",
        (Severity::Warning, Duration::from_mins(5)),
        format!("{FREE} < {} * {REQUIRED}", Threshold::StorageFactor),
        "The database's volume is nearly full.",
        format!(
            "{{{{ $labels.namespace }}}}/{{{{ $labels.eventpipeline }}}} has {{{{ $value | humanize1024 }}}}B left for events, \
             less than {} times the space that must stay free. Below that space creations are refused.",
            Threshold::StorageFactor
        ),
    )
}

/// A line through a few samples of a new database, whose files grow to their first size, predicts nothing. The forecast of a
/// volume that is full long before is below zero.
fn filling_up() -> Alert {
    alert(
        "EventPipelineStorageFillingUp",
        (Severity::Warning, Duration::from_mins(15)),
        format!(
            "clamp_min(predict_linear({FREE}[1h], {} * 3600), 0) < {REQUIRED} and {FREE} >= {REQUIRED} \
             and {FREE} offset 30m",
            Threshold::StorageForecastHours
        ),
        "The database's volume will soon be full.",
        format!(
            "{{{{ $labels.namespace }}}}/{{{{ $labels.eventpipeline }}}} will refuse creations within {} hours: at the rate of the \
             last hour, {{{{ $value | humanize1024 }}}}B will be left for events.",
            Threshold::StorageForecastHours
        ),
    )
}
