//! Thresholds that a platform team can change by values of the chart.

use std::fmt;

use strum::{EnumIter, IntoEnumIterator as _, IntoStaticStr};

/// A threshold of the rules. Its name is that of the chart's value below `monitoring.rules.thresholds`.
///
/// Rules contain thresholds as placeholders, such as `<backlogLateSeconds>`, which `Thresholds::fill` and the chart replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "camelCase")]
pub enum Threshold {
    /// Age of the oldest pending event, in seconds.
    BacklogLateSeconds,
    /// Share of failed attempts of the handler.
    HandlerFailureRatio,
    /// Age of the queue statistics, in seconds.
    QueueStatsSeconds,
    /// Difference between the clocks of the database and of a program, in seconds.
    ClockOffsetSeconds,
    /// Share of requests that are answered with 5xx.
    RequestFailureRatio,
    /// Share of failed database operations.
    DatabaseFailureRatio,
    /// Transactions retried because of locks, relative to successful ones.
    LockRetryRatio,
    /// Multiple of the space that must stay free.
    StorageFactor,
    /// Time within which the volume will be full, in hours.
    StorageForecastHours,
    /// Share of failed reconciliations.
    ReconcileErrorRatio,
    /// Percentage of requests in 30 days that must not fail.
    AvailabilityPercent,
    /// Percentage of creations in 30 days that must be fast.
    LatencyPercent,
    /// Latency of a fast creation, in seconds; a bucket of `http_server_request_duration_seconds`.
    LatencySeconds,
    /// Percentage of events in 30 days that must have their value in time.
    FreshnessPercent,
    /// Time limit for a value, in seconds; a bucket of `eventpipeline_create_to_value_seconds`.
    FreshnessSeconds,
    /// Requests or events per second below which no objective is evaluated: a few failures among few requests are no trend.
    TrafficFloor,
}

impl Threshold {
    /// Returns the value of the shipped rules.
    pub fn default_value(self) -> f64 {
        match self {
            Self::BacklogLateSeconds | Self::QueueStatsSeconds => 300.0,
            Self::HandlerFailureRatio | Self::DatabaseFailureRatio => 0.5,
            Self::ClockOffsetSeconds => 60.0,
            Self::RequestFailureRatio => 0.05,
            Self::LockRetryRatio => 0.2,
            Self::StorageFactor => 2.0,
            Self::StorageForecastHours => 24.0,
            Self::ReconcileErrorRatio | Self::TrafficFloor => 0.1,
            Self::AvailabilityPercent => 99.9,
            Self::LatencyPercent | Self::FreshnessPercent => 99.0,
            Self::LatencySeconds => 0.25,
            Self::FreshnessSeconds => 10.0,
        }
    }
}

/// Writes the placeholder.
impl fmt::Display for Threshold {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name: &str = self.into();
        write!(formatter, "<{name}>")
    }
}

/// Values for all thresholds.
#[derive(Debug, Clone, Default)]
pub struct Thresholds {
    changed: Vec<(Threshold, f64)>,
}

impl Thresholds {
    /// Sets the value of a threshold.
    #[must_use]
    pub fn with(mut self, threshold: Threshold, value: f64) -> Self {
        self.changed.push((threshold, value));
        self
    }

    /// Replaces the placeholders in a text.
    pub(super) fn fill(&self, text: &str) -> String {
        Threshold::iter().fold(text.to_owned(), |text, threshold| {
            text.replace(&threshold.to_string(), &self.value(threshold).to_string())
        })
    }

    fn value(&self, threshold: Threshold) -> f64 {
        let changed = self.changed.iter().rev().find(|(it, _)| *it == threshold);
        changed.map_or_else(|| threshold.default_value(), |(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_replaced_by_defaults_and_changes() {
        let text = "a > <backlogLateSeconds> or b > <requestFailureRatio>";
        assert_eq!(Thresholds::default().fill(text), "a > 300 or b > 0.05");
        let changed = Thresholds::default().with(Threshold::BacklogLateSeconds, 3.5);
        assert_eq!(changed.fill(text), "a > 3.5 or b > 0.05");
    }
}
