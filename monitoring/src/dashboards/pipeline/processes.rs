//! Panels of the pipeline's processes.

use super::super::panel;
use super::rate;
use crate::grafana::{Kind, Panel, Unit};
use crate::promql::CHOSEN;

pub(super) fn processes() -> Vec<Vec<Panel>> {
    let cpu = panel(
        (Kind::Lines, Unit::Share),
        "CPU",
        "CPU usage of each pod as a share of one core.",
        [("{{pod}}", rate("pod", "process_cpu_seconds_total", ""))],
    );
    let memory = panel(
        (Kind::Lines, Unit::Bytes),
        "Memory",
        "Resident memory of each pod. It levels off, because request and response buffers are bounded.",
        [("{{pod}}", format!("sum by (pod) (process_resident_memory_bytes{{{CHOSEN}}})"))],
    );
    let versions = panel(
        (Kind::Table, Unit::Count),
        "Versions",
        "Processes of each version. During a rollout, a component has two.",
        [("Processes", format!("sum by (component, version) (eventpipeline_build_info{{{CHOSEN}}})"))],
    );
    let uptime = panel(
        (Kind::Lines, Unit::Seconds),
        "Uptime",
        "Time since the start of each process. It falls to zero when a pod restarts.",
        [("{{pod}}", format!("max by (pod) (time() - process_start_time_seconds{{{CHOSEN}}})"))],
    );
    vec![vec![cpu, memory], vec![versions, uptime]]
}
