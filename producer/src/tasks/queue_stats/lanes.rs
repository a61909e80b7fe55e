//! Statistics of lanes and types as metrics. A pipeline without lanes exports none.

use std::collections::BTreeMap;

use eventpipeline_database::{LaneStats, Stats, TypeStats};
use prometheus::core::{Collector as _, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, IntGaugeVec, Opts};

/// Label of the default lane, which is no name of a group.
const DEFAULT_LANE: &str = "(default)";
/// Maximum number of types that are exported by name.
const TYPES: usize = 50;
/// Label of all other types together.
const OTHER_TYPES: &str = "(other)";
/// Label of events without a type.
const NO_TYPE: &str = "(none)";

/// The metrics of lanes and types.
#[derive(Debug, Clone)]
pub(super) struct LaneGauges {
    events: IntGaugeVec,
    oldest: GaugeVec,
    types: IntGaugeVec,
}

impl LaneGauges {
    pub(super) fn new() -> prometheus::Result<Self> {
        let events = Opts::new(
            "eventpipeline_lane_events",
            "Waiting events by lane and state, if the pipeline has lanes. Every producer exports the whole queue.",
        );
        let oldest = Opts::new(
            "eventpipeline_lane_oldest_pending_age_seconds",
            "Age of the oldest pending event of a lane; 0 if no event is pending.",
        );
        let types = Opts::new(
            "eventpipeline_type_pending_events",
            "Pending events by type among the first 1000 of each lane, for at most 50 types.",
        );
        Ok(Self {
            events: IntGaugeVec::new(events, &["lane", "state"])?,
            oldest: GaugeVec::new(oldest, &["lane"])?,
            types: IntGaugeVec::new(types, &["lane", "type"])?,
        })
    }

    /// Replaces all values.
    pub(super) fn set(&self, stats: &Stats) {
        self.events.reset();
        self.oldest.reset();
        self.types.reset();
        if stats.lanes.len() < 2 {
            return;
        }
        for LaneStats { lane, pending, scheduled, oldest_pending } in &stats.lanes {
            let lane = lane_label(lane.as_ref());
            self.events.with_label_values(&[lane, "pending"]).set(*pending);
            self.events.with_label_values(&[lane, "scheduled"]).set(*scheduled);
            self.oldest.with_label_values(&[lane]).set(oldest_pending.unwrap_or_default().as_secs_f64());
            // A panel shows that nothing is pending.
            self.types.with_label_values(&[lane, NO_TYPE]).set(0);
        }
        for ((lane, event_type), pending) in by_type(&stats.types) {
            self.types.with_label_values(&[lane, event_type]).set(pending);
        }
    }

    pub(super) fn desc(&self) -> Vec<&Desc> {
        [self.events.desc(), self.oldest.desc(), self.types.desc()].concat()
    }

    pub(super) fn collect(&self) -> Vec<MetricFamily> {
        [self.events.collect(), self.oldest.collect(), self.types.collect()].concat()
    }
}

fn lane_label(lane: Option<&String>) -> &str {
    lane.map_or(DEFAULT_LANE, String::as_str)
}

/// Returns the pending events by lane and type. All types but the [`TYPES`] most frequent ones are one.
fn by_type(types: &[TypeStats]) -> BTreeMap<(&str, &str), i64> {
    let mut types: Vec<_> = types.iter().collect();
    types.sort_by_key(|of| -of.pending);
    let mut sums = BTreeMap::new();
    for (index, TypeStats { event_type, lane, pending, .. }) in types.into_iter().enumerate() {
        let name = if index < TYPES { event_type.as_deref().unwrap_or(NO_TYPE) } else { OTHER_TYPES };
        *sums.entry((lane_label(lane.as_ref()), name)).or_default() += pending;
    }
    sums
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_number_of_types_is_bounded_and_their_sum_is_exact() {
        let of = |number: i64| TypeStats {
            event_type: Some(format!("kind.{number}")),
            lane: None,
            pending: number,
            oldest_pending: Duration::ZERO,
        };
        let types: Vec<_> = (1..=60).map(of).collect();
        let sums = by_type(&types);
        assert_eq!(sums.len(), TYPES + 1);
        assert_eq!(sums.get(&(DEFAULT_LANE, OTHER_TYPES)), Some(&(1..=10).sum()));
        assert_eq!(sums.values().sum::<i64>(), (1..=60).sum::<i64>());
    }
}
