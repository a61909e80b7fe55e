//! Building blocks of queries and rules.

use std::time::Duration;

/// Label matchers of every panel: all variables of a dashboard apply.
pub(crate) const CHOSEN: &str =
    r#"job=~"$job", instance=~"$instance", namespace=~"$namespace", eventpipeline=~"$eventpipeline""#;

/// Label matchers of the operator's own metrics, which have no pipeline labels.
pub(crate) const OPERATOR: &str = r#"job=~"$job", instance=~"$instance""#;

/// Labels that identify a pipeline.
pub(crate) const PIPELINE: &str = "namespace, eventpipeline";

/// Formats a duration as `PromQL` and rule files write it.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(86_400, "d"), (3600, "h"), (60, "m")];
    let whole = units.into_iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit));
    whole.map_or_else(|| format!("{seconds}s"), |(unit, name)| format!("{}{name}", seconds / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_use_their_largest_whole_unit() {
        let cases = [(0, "0s"), (90, "90s"), (300, "5m"), (21_600, "6h"), (259_200, "3d")];
        for (seconds, text) in cases {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
    }
}
