//! The `Prefer` header (RFC 7240), with which a client limits its wait. Unknown and invalid preferences are ignored, as the
//! RFC requires.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::openapi;

const NAME: &str = "Prefer";

/// The preferences that this API supports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Preferences {
    respond_async: bool,
    /// Maximum wait in seconds.
    wait: Option<u32>,
}

/// The limit of a request's wait for its event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WaitPreference {
    /// Maximum wait. `None` if the request waits as long as its client.
    pub(super) limit: Option<Duration>,
    /// Value of `Preference-Applied`.
    pub(super) applied: Option<HeaderValue>,
}

impl WaitPreference {
    /// Combines the client's preference with the server's limit.
    pub(super) fn of(headers: &HeaderMap, longest: Option<u32>) -> Self {
        let Preferences { respond_async, wait } = Preferences::of(headers);
        let seconds = match (wait, respond_async) {
            (Some(wait), _) => Some(longest.map_or(wait, |longest| wait.min(longest))),
            (None, true) => Some(0),
            (None, false) => longest,
        };
        let applied = match (respond_async, wait.and(seconds)) {
            (true, None) => Some("respond-async".to_owned()),
            (true, Some(seconds)) => Some(format!("respond-async, wait={seconds}")),
            (false, Some(seconds)) => Some(format!("wait={seconds}")),
            (false, None) => None,
        };
        Self {
            limit: seconds.map(|seconds| Duration::from_secs(seconds.into())),
            applied: applied.and_then(|text| HeaderValue::try_from(text).ok()),
        }
    }
}

impl IntoParams for WaitPreference {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = "`wait=10`: wait at most ten seconds; `respond-async`: do not wait (RFC 7240). Other preferences are ignored";
        vec![openapi::parameter(ParameterIn::Header, NAME, Required::False, description, openapi::string())]
    }
}

impl Preferences {
    fn of(headers: &HeaderMap) -> Self {
        let (mut known, mut seen_wait) = (Self::default(), false);
        let lines = headers.get_all(NAME).iter().filter_map(|value| value.to_str().ok());
        for preference in lines.flat_map(|line| outside_quotes(line, ',')) {
            // The parameters after `;` are ignored, because the supported preferences have none.
            let preference = outside_quotes(preference, ';').next().unwrap_or_default();
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            let (name, value) = (name.trim(), unquoted(value.trim()));
            if name.eq_ignore_ascii_case("respond-async") && value.is_empty() {
                known.respond_async = true;
            }
            // Only the first occurrence counts.
            if name.eq_ignore_ascii_case("wait") && !std::mem::replace(&mut seen_wait, true) {
                known.wait = seconds(value);
            }
        }
        known
    }
}

/// Splits `text` at separators outside quoted strings.
fn outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |letter| {
        let is_escaped = std::mem::replace(&mut escaped, false);
        match letter {
            '\\' if quoted && !is_escaped => escaped = true,
            '"' if !is_escaped => quoted = !quoted,
            _ => return letter == separator && !quoted,
        }
        false
    })
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value)
}

/// Parses digits. A number that does not fit becomes the maximum.
fn seconds(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn preferences(lines: &[&str]) -> (bool, Option<u32>) {
        let headers = lines
            .iter()
            .map(|line| (NAME.parse::<HeaderName>().unwrap(), HeaderValue::try_from(*line).unwrap()))
            .collect();
        let Preferences { respond_async, wait } = Preferences::of(&headers);
        (respond_async, wait)
    }

    #[test]
    fn preferences_are_parsed_as_in_the_rfc() {
        assert_eq!(preferences(&[]), (false, None));
        assert_eq!(preferences(&["wait=10"]), (false, Some(10)));
        assert_eq!(preferences(&["respond-async, WAIT = \"10\"; x=y"]), (true, Some(10)));
        assert_eq!(
            preferences(&["handling=lenient;wait=1", "foo; bar=\"a, wait=3\"", "wait=7"]),
            (false, Some(7))
        );
        assert_eq!(preferences(&[r#"foo="\", wait=3", wait=4"#]), (false, Some(4)));
        assert_eq!(preferences(&["wait=1, wait=2"]), (false, Some(1)));
        assert_eq!(preferences(&["wait=99999999999999999999"]), (false, Some(u32::MAX)));
    }

    #[test]
    fn invalid_preferences_are_ignored() {
        for line in [
            "wait",
            "wait=",
            "wait=-1",
            "wait=1.5",
            "wait=soon",
            "wait=\"",
            "respond-async=maybe",
            ",,;=",
            "\"",
        ] {
            assert_eq!(preferences(&[line]), (false, None), "{line}");
        }
        // The first occurrence counts even if it is invalid.
        assert_eq!(preferences(&["wait=x, wait=2"]), (false, None));
    }

    #[test]
    fn the_server_limits_the_wait() {
        let of = |line: &'static str, longest| {
            let headers =
                [(NAME.parse::<HeaderName>().unwrap(), HeaderValue::from_static(line))].into_iter().collect();
            let WaitPreference { limit, applied } = WaitPreference::of(&headers, longest);
            (limit.map(|limit| limit.as_secs()), applied.map(|text| text.to_str().unwrap().to_owned()))
        };
        assert_eq!(of("", None), (None, None));
        assert_eq!(of("", Some(5)), (Some(5), None));
        assert_eq!(of("wait=10", None), (Some(10), Some("wait=10".to_owned())));
        assert_eq!(of("wait=10", Some(5)), (Some(5), Some("wait=5".to_owned())));
        assert_eq!(of("respond-async", Some(5)), (Some(0), Some("respond-async".to_owned())));
        assert_eq!(of("respond-async, wait=3", None), (Some(3), Some("respond-async, wait=3".to_owned())));
    }
}
