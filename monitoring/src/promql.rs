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

/// Returns a matcher for the upper bound of a bucket. Prometheus 3 writes `10.0` where Prometheus 2 writes `10`.
pub(crate) fn bucket(seconds: f64) -> String {
    let text = seconds.to_string();
    if text.contains('.') { format!(r#"le="{text}""#) } else { format!(r#"le=~"{text}(\\.0)?""#) }
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

    #[test]
    fn a_bucket_matches_the_notation_of_prometheus_2_and_3() {
        assert_eq!(bucket(0.25), r#"le="0.25""#);
        assert_eq!(bucket(10.0), r#"le=~"10(\\.0)?""#);
    }
}
