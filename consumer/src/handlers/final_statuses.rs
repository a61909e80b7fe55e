//! The statuses that fail an event without a retry.

use std::str::FromStr;

use reqwest::StatusCode;

/// The statuses of `HANDLER_FINAL_STATUSES`, which no further attempt changes. All others of 3xx, 4xx and 5xx
/// are retried: a route, a token or a deployment that is temporarily wrong must not fail events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FinalStatuses(Vec<StatusCode>);

impl FinalStatuses {
    /// A bad request, a resource that is gone, and a payload that is too large, of the wrong type, or
    /// invalid.
    pub(super) const DEFAULT: &'static str = "400,410,413,415,422";

    pub(super) fn has(&self, status: StatusCode) -> bool {
        self.0.contains(&status)
    }
}

impl FromStr for FinalStatuses {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self(Vec::new()));
        }
        let wrong =
            |part: &str| format!("must be statuses from 300 to 599, separated by commas, not {part:?}");
        let status = |part: &str| {
            let code = part.trim().parse().ok().filter(|code| (300..=599).contains(code));
            code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or_else(|| wrong(part))
        };
        text.split(',').map(status).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn has(list: &str, status: u16) -> bool {
        list.parse::<FinalStatuses>().unwrap().has(StatusCode::from_u16(status).unwrap())
    }

    #[test]
    fn temporary_statuses_are_not_final_by_default() {
        for passing in
            [301, 302, 304, 401, 403, 404, 405, 408, 409, 421, 425, 429, 431, 500, 502, 503, 504, 599]
        {
            assert!(!has(FinalStatuses::DEFAULT, passing), "{passing}");
        }
        for last in [400, 410, 413, 415, 422] {
            assert!(has(FinalStatuses::DEFAULT, last), "{last}");
        }
    }

    #[test]
    fn a_list_may_be_empty_and_its_errors_are_explained() {
        assert!(!has("", 400));
        assert!(has(" 404 , 501", 501));
        for wrong in ["200", "299", "600", "4", "4xx", "404,,410", "-404"] {
            let message = wrong.parse::<FinalStatuses>().unwrap_err();
            assert!(message.starts_with("must be statuses from 300 to 599"), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn exactly_the_listed_statuses_are_final(listed in proptest::collection::vec(300_u16..600, 0..20), asked in 300_u16..600) {
            let text = listed.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
            prop_assert_eq!(has(&text, asked), listed.contains(&asked));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = text.parse::<FinalStatuses>();
        }
    }
}
