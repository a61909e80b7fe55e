//! `Retry-After`: how long a server wants to be left alone.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// No event waits longer than a day because a server said so.
const MOST: Duration = Duration::from_hours(24);

/// The pause that the headers ask for: seconds, or the time until a date (RFC 9110, 10.2.3).
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = if let Ok(seconds) = text.parse() {
        Duration::from_secs(seconds)
    } else {
        let date = DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text).ok()?;
        // A date in the past asks for no pause.
        Duration::try_from(date.duration_since(now)).unwrap_or_default()
    };
    Some(pause.min(MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn pause(text: &'static str) -> Option<u64> {
        let now = "1994-11-06T08:49:07Z".parse().unwrap();
        let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
        retry_after(&headers, now).map(|pause| pause.as_secs())
    }

    #[test]
    fn seconds_and_dates_are_understood() {
        assert_eq!(pause("120"), Some(120));
        assert_eq!(pause("Sun, 06 Nov 1994 08:49:37 GMT"), Some(30));
    }

    #[test]
    fn a_past_date_is_no_pause_and_a_far_one_is_a_day() {
        assert_eq!(pause("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(pause("Sun, 06 Nov 2094 08:00:00 GMT"), Some(86_400));
        assert_eq!(pause("99999999999999"), Some(86_400));
    }

    #[test]
    fn nonsense_is_as_good_as_nothing() {
        for nonsense in ["", "soon", "-5", "1.5"] {
            assert_eq!(pause(nonsense), None, "{nonsense:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), Timestamp::UNIX_EPOCH), None);
    }
}
