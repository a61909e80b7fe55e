//! `Retry-After` (RFC 9110, 10.2.3): seconds, or a date in one of the three forms of RFC 9110, 5.6.7.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;

/// Maximum pause. A longer one is shortened to a day.
const MOST: Duration = Duration::from_hours(24);

/// Returns the pause that the headers ask for, at most a day. A date in the past means no pause. Values that
/// are neither seconds nor a date are ignored. The longest of several values counts.
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let pauses = headers.get_all(RETRY_AFTER).iter().filter_map(|value| pause(value.to_str().ok()?, now));
    pauses.max()
}

fn pause(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim_matches([' ', '\t']);
    let pause = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Only a number that is too large fails to parse.
        text.parse().map_or(MOST, Duration::from_secs)
    } else {
        httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(pause.min(MOST))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    /// Sun, 06 Nov 1994 08:49:07 GMT.
    const NOW: Duration = Duration::from_secs(784_111_747);

    fn of(lines: &[&str]) -> Option<Duration> {
        let lines = lines.iter().map(|line| (RETRY_AFTER, HeaderValue::from_str(line).unwrap()));
        retry_after(&lines.collect(), SystemTime::UNIX_EPOCH + NOW)
    }

    #[track_caller]
    fn assert_pause(text: &str, seconds: Option<u64>) {
        assert_eq!(of(&[text]), seconds.map(Duration::from_secs), "{text:?}");
    }

    #[test]
    fn seconds_and_all_three_forms_of_dates_are_parsed() {
        assert_pause("120", Some(120));
        assert_pause("  120\t", Some(120));
        assert_pause("0", Some(0));
        assert_pause("00000000000000000000000000060", Some(60));
        assert_pause("Sun, 06 Nov 1994 08:49:37 GMT", Some(30));
        assert_pause("Sunday, 06-Nov-94 08:49:37 GMT", Some(30));
        assert_pause("Sun Nov  6 08:49:37 1994", Some(30));
    }

    #[test]
    fn a_past_date_is_no_pause_and_a_long_pause_is_a_day() {
        assert_pause("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
        assert_pause("Sat, 06 Nov 2094 08:00:00 GMT", Some(86_400));
        assert_pause("99999999999999", Some(86_400));
        assert_pause("99999999999999999999999", Some(86_400));
    }

    #[test]
    fn other_values_are_ignored() {
        for nonsense in ["", "soon", "-5", "+5", "1.5", "3600.0", "1e3", "60, 60", "0x10", "Sun, 06 Nov"] {
            assert_pause(nonsense, None);
        }
        assert_eq!(retry_after(&HeaderMap::new(), SystemTime::UNIX_EPOCH), None);
        assert_eq!(of(&["soon", "5", "60"]), Some(Duration::from_mins(1)));
    }

    proptest! {
        #[test]
        fn any_number_of_digits_is_a_pause_of_at_most_a_day(digits in "[0-9]{1,60}") {
            let expected = digits.parse::<u128>().unwrap_or(u128::MAX).min(86_400);
            prop_assert_eq!(of(&[&digits]).map(|pause| u128::from(pause.as_secs())), Some(expected));
        }

        #[test]
        fn a_date_means_the_time_until_then(seconds in 0_u64..86_400) {
            let at = SystemTime::UNIX_EPOCH + NOW + Duration::from_secs(seconds);
            prop_assert_eq!(of(&[&httpdate::fmt_http_date(at)]), Some(Duration::from_secs(seconds)));
        }

        #[test]
        fn no_text_panics_or_exceeds_a_day(text in "[ -~\t]{0,40}") {
            prop_assert!(of(&[&text]).is_none_or(|pause| pause <= MOST));
        }
    }
}

#[cfg(test)]
mod fuzz {
    use eventpipeline_testkit::text_of;
    use http::HeaderValue;

    use super::*;

    /// Any header is a pause of at most a day or none, and a pause that is sent in seconds is read again.
    #[test]
    fn a_pause_survives_being_printed_and_read() {
        let words = [
            "Sun, ",
            "Sunday, ",
            "06 Nov 1994 ",
            "06-Nov-94 ",
            "08:49:37 GMT",
            "Nov  6 ",
            " 1994",
            "99999999999999999999",
            "120",
            "-",
            "+",
            "0",
            " ",
            "\t",
        ];
        bolero::check!().with_type::<(Vec<Vec<u8>>, u32)>().for_each(|(lines, now)| {
            let values = lines.iter().filter_map(|line| HeaderValue::from_str(&text_of(line, &words)).ok());
            let headers: HeaderMap = values.map(|value| (RETRY_AFTER, value)).collect();
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(*now));
            let Some(pause) = retry_after(&headers, now) else { return };
            assert!(pause <= MOST);
            let again = [(RETRY_AFTER, HeaderValue::from(pause.as_secs()))].into_iter().collect();
            assert_eq!(retry_after(&again, now), Some(pause));
        });
    }
}
