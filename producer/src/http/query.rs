//! Query parameters. Each parameter may occur once, because two values would contradict each other.

use axum::http::Uri;
use url::form_urlencoded;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter as Description, ParameterIn};
use utoipa::openapi::{Object, Required};

use super::openapi;
use super::problem::Problem;

/// A query parameter, as it is both parsed and described.
#[derive(Debug)]
pub(super) struct Parameter<T> {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    /// The values, to complete "must be" in a refusal.
    pub(super) expected: &'static str,
    pub(super) parse: fn(&str) -> Option<T>,
    pub(super) schema: fn() -> Object,
}

impl<T> Parameter<T> {
    /// Describes a parameter that is read with [`Query::take`].
    pub(super) fn optional(&self) -> Description {
        self.describe(Required::False)
    }

    /// Describes a parameter that is read with [`Query::require`].
    pub(super) fn required(&self) -> Description {
        self.describe(Required::True)
    }

    fn describe(&self, required: Required) -> Description {
        openapi::parameter(ParameterIn::Query, self.name, required, self.description, (self.schema)())
    }
}

/// The parameters of a request that are not read yet.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn of(uri: &Uri) -> Self {
        let text = uri.query().unwrap_or_default();
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// Reads a parameter, or returns `None` if it is missing.
    pub(super) fn take<T>(&mut self, parameter: &Parameter<T>) -> Result<Option<T>, Problem> {
        let Parameter { name, expected, parse, .. } = parameter;
        let mut found = self.0.extract_if(.., |(key, _)| key == name);
        let first = found.next();
        if found.count() > 0 {
            return Err(Problem::invalid_parameter(name, "it is given more than once"));
        }
        let Some((_, text)) = first else {
            return Ok(None);
        };
        let invalid = || Problem::invalid_parameter(name, &format!("must be {expected}; it is {text:?}"));
        parse(&text).map(Some).ok_or_else(invalid)
    }

    /// Reads a parameter that must not be missing.
    pub(super) fn require<T>(&mut self, parameter: &Parameter<T>) -> Result<T, Problem> {
        let Parameter { name, expected, .. } = parameter;
        let missing = || Problem::invalid_parameter(name, &format!("it is missing; it must be {expected}"));
        self.take(parameter)?.ok_or_else(missing)
    }

    /// Refuses parameters that were not read, so that a misspelled parameter is not ignored. The classic paths do not call this,
    /// because they have always accepted any parameter.
    pub(super) fn finish<P: IntoParams>(self) -> Result<(), Problem> {
        let Some((name, _)) = self.0.first() else {
            return Ok(());
        };
        let known = P::into_params(|| None).into_iter();
        let known: Vec<String> = known
            .filter(|parameter| parameter.parameter_in == ParameterIn::Query)
            .map(|parameter| parameter.name)
            .collect();
        let known = if known.is_empty() { "no parameters".to_owned() } else { known.join(", ") };
        Err(Problem::invalid_parameter(name, &format!("unknown parameter; this path accepts {known}")))
    }
}

#[cfg(test)]
mod tests {
    use utoipa::openapi::KnownFormat;

    use super::super::values::number;
    use super::*;

    const SMALL: Parameter<u8> = Parameter {
        name: "n",
        description: "A small number",
        expected: "a small number",
        parse: number,
        schema: || openapi::integer(KnownFormat::Int32, 0, Some(255)),
    };

    struct Parameters;

    impl IntoParams for Parameters {
        fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Description> {
            vec![SMALL.optional()]
        }
    }

    fn query(text: &str) -> Query {
        Query::of(&format!("/?{text}").parse().unwrap())
    }

    #[test]
    fn a_parameter_is_decoded() {
        let mut query = query("n=%37&m=1");
        assert_eq!(query.take(&SMALL).unwrap(), Some(7));
        assert_eq!(query.take(&SMALL).unwrap(), None);
        let refused = format!("{:?}", query.finish::<Parameters>().unwrap_err());
        assert!(refused.contains("accepts n"), "{refused}");
    }

    #[test]
    fn an_invalid_repeated_or_missing_parameter_is_refused() {
        for text in ["n=", "n", "n=x", "n=256", "n=%2B7", "n=-7", "n=%FF", "n=1&n=1", "n=1&%6E=2"] {
            assert!(query(text).take(&SMALL).is_err(), "{text}");
        }
        assert!(query("").require(&SMALL).is_err());
    }
}
