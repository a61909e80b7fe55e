//! Durations, always rounded up, so that a short time is never shown or sent as zero.

use std::time::Duration;

use humantime::FormattedDuration;

/// Formats a duration for people with about two units; it is never empty.
pub(crate) fn rounded_up(duration: Duration) -> FormattedDuration {
    const MILLISECOND: u128 = 1_000_000;
    const SECOND: u128 = 1000 * MILLISECOND;
    let nanos = duration.as_nanos();
    let unit = match nanos / SECOND {
        0 => MILLISECOND,
        1..3600 => SECOND,
        3600..86_400 => 60 * SECOND,
        _ => 3600 * SECOND,
    };
    let rounded = nanos.div_ceil(unit).max(1) * unit;
    humantime::format_duration(u64::try_from(rounded).map_or(duration, Duration::from_nanos))
}

/// Returns the duration in whole seconds, rounded up.
pub(crate) fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_never_shorter_than_it_is() {
        for (seconds, shown) in [
            (0.0, "1ms"),
            (0.000_001, "1ms"),
            (0.25, "250ms"),
            (0.9991, "1s"),
            (1.0, "1s"),
            (59.01, "1m"),
            (3599.5, "1h"),
            (3661.0, "1h 2m"),
            (86_401.0, "1day 1h"),
        ] {
            assert_eq!(rounded_up(Duration::from_secs_f64(seconds)).to_string(), shown, "{seconds}");
        }
        assert_eq!(whole_seconds(Duration::from_millis(1)), 1);
        assert_eq!(whole_seconds(Duration::from_secs(7)), 7);
        assert_eq!(whole_seconds(Duration::ZERO), 0);
        assert_eq!(
            rounded_up(Duration::MAX).to_string(),
            humantime::format_duration(Duration::MAX).to_string()
        );
    }
}
