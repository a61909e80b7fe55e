//! Query parameters. Each stands at most once: of two values, nobody can tell which was meant.

use std::str::FromStr;

use axum::http::Uri;
use url::form_urlencoded;

use crate::api::problem::Problem;

/// The parameters of a request that were not taken yet.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn of(uri: &Uri) -> Self {
        let text = uri.query().unwrap_or_default();
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// A parameter, if it is there. `expected` says what would be right when it is not `parse`d.
    pub(super) fn take<T>(
        &mut self,
        name: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let mut found = self.0.extract_if(.., |(key, _)| key == name);
        let first = found.next();
        if found.count() > 0 {
            return Err(Problem::invalid_parameter(name, "it is given more than once"));
        }
        let Some((_, text)) = first else {
            return Ok(None);
        };
        let wrong = || Problem::invalid_parameter(name, &format!("must be {expected}; it is {text:?}"));
        parse(&text).map(Some).ok_or_else(wrong)
    }

    /// A parameter that must be there.
    pub(super) fn require<T>(
        &mut self,
        name: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Problem> {
        let missing = || Problem::invalid_parameter(name, &format!("it is missing; it must be {expected}"));
        self.take(name, expected, parse)?.ok_or_else(missing)
    }

    /// Refuses what was not taken: a misspelt parameter must not go unnoticed. The classic paths do without this check,
    /// as they always took anything.
    pub(super) fn nothing_else(self, known: &str) -> Result<(), Problem> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => {
                Err(Problem::invalid_parameter(name, &format!("this path does not know it, only {known}")))
            }
        }
    }
}

/// Digits, as few as one, and no sign.
pub(super) fn number<T: FromStr>(text: &str) -> Option<T> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::of(&format!("/?{text}").parse().unwrap())
    }

    fn small(query: &mut Query) -> Result<Option<u8>, Problem> {
        query.take("n", "a small number", number)
    }

    #[test]
    fn a_parameter_is_decoded() {
        let mut query = query("n=%37&m=1");
        assert_eq!(small(&mut query).unwrap(), Some(7));
        assert_eq!(small(&mut query).unwrap(), None);
        assert!(query.nothing_else("n").is_err());
    }

    #[test]
    fn a_wrong_or_doubled_or_missing_one_is_refused() {
        for text in ["n=", "n", "n=x", "n=256", "n=%2B7", "n=-7", "n=%FF", "n=1&n=1", "n=1&%6E=2"] {
            assert!(small(&mut query(text)).is_err(), "{text}");
        }
        assert!(query("").require("n", "there", |_| Some(())).is_err());
    }
}
