//! Query parameters. Each parameter may occur once, because two values would contradict each other.
//!
//! An operation has one list of parameters, which is both read and described.

use axum::http::Uri;
use url::form_urlencoded;
use utoipa::openapi::path::{Parameter as Description, ParameterIn};
use utoipa::openapi::{Object, Required};

use super::openapi;
use super::problem::Problem;

/// An optional query parameter.
#[derive(Debug)]
pub(super) struct Parameter<T> {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    /// The values, to complete "must be" in a refusal.
    pub(super) expected: &'static str,
    pub(super) parse: fn(&str) -> Option<T>,
    pub(super) schema: fn() -> Object,
}

/// A query parameter that must not be missing.
#[derive(Debug)]
pub(super) struct RequiredParameter<T>(pub(super) Parameter<T>);

/// One or more query parameters.
pub(super) trait Parameters {
    type Values;

    /// Reads the values from a query.
    fn read(&self, query: &mut Query) -> Result<Self::Values, Problem>;

    /// Describes the parameters.
    fn describe(&self) -> Vec<Description>;
}

impl Parameters for () {
    type Values = ();

    fn read(&self, _: &mut Query) -> Result<(), Problem> {
        Ok(())
    }

    fn describe(&self) -> Vec<Description> {
        Vec::new()
    }
}

impl<T> Parameters for Parameter<T> {
    type Values = Option<T>;

    fn read(&self, query: &mut Query) -> Result<Option<T>, Problem> {
        let Self { name, expected, parse, .. } = self;
        let Some(text) = query.take(name)? else {
            return Ok(None);
        };
        let invalid = || Problem::invalid_parameter(name, &format!("must be {expected}; it is {text:?}"));
        parse(&text).map(Some).ok_or_else(invalid)
    }

    fn describe(&self) -> Vec<Description> {
        vec![description(self, Required::False)]
    }
}

impl<T> Parameters for RequiredParameter<T> {
    type Values = T;

    fn read(&self, query: &mut Query) -> Result<T, Problem> {
        let Parameter { name, expected, .. } = &self.0;
        let missing = || Problem::invalid_parameter(name, &format!("it is missing; it must be {expected}"));
        self.0.read(query)?.ok_or_else(missing)
    }

    fn describe(&self) -> Vec<Description> {
        vec![description(&self.0, Required::True)]
    }
}

impl<A: Parameters, B: Parameters> Parameters for (A, B) {
    type Values = (A::Values, B::Values);

    fn read(&self, query: &mut Query) -> Result<Self::Values, Problem> {
        Ok((self.0.read(query)?, self.1.read(query)?))
    }

    fn describe(&self) -> Vec<Description> {
        [self.0.describe(), self.1.describe()].concat()
    }
}

impl<A: Parameters, B: Parameters, C: Parameters> Parameters for (A, B, C) {
    type Values = (A::Values, B::Values, C::Values);

    fn read(&self, query: &mut Query) -> Result<Self::Values, Problem> {
        Ok((self.0.read(query)?, self.1.read(query)?, self.2.read(query)?))
    }

    fn describe(&self) -> Vec<Description> {
        [self.0.describe(), self.1.describe(), self.2.describe()].concat()
    }
}

impl<A: Parameters, B: Parameters, C: Parameters, D: Parameters> Parameters for (A, B, C, D) {
    type Values = (A::Values, B::Values, C::Values, D::Values);

    fn read(&self, query: &mut Query) -> Result<Self::Values, Problem> {
        Ok((self.0.read(query)?, self.1.read(query)?, self.2.read(query)?, self.3.read(query)?))
    }

    fn describe(&self) -> Vec<Description> {
        [self.0.describe(), self.1.describe(), self.2.describe(), self.3.describe()].concat()
    }
}

fn description<T>(parameter: &Parameter<T>, required: Required) -> Description {
    let Parameter { name, description, schema, .. } = parameter;
    openapi::parameter(ParameterIn::Query, name, required, description, schema())
}

/// The parameters of a request that are not read yet.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn of(uri: &Uri) -> Self {
        let text = uri.query().unwrap_or_default();
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// Reads the parameters, and refuses others, so that a misspelled parameter is not ignored. The classic paths do not use
    /// this, because they have always accepted any parameter.
    pub(super) fn read_only<P: Parameters>(mut self, parameters: &P) -> Result<P::Values, Problem> {
        let values = parameters.read(&mut self)?;
        let Some((unknown, _)) = self.0.first() else {
            return Ok(values);
        };
        let known: Vec<String> = parameters.describe().into_iter().map(|parameter| parameter.name).collect();
        let known = if known.is_empty() { "no parameters".to_owned() } else { known.join(", ") };
        Err(Problem::invalid_parameter(unknown, &format!("unknown parameter; this path accepts {known}")))
    }

    /// Removes a parameter, and returns its value if it is not missing.
    fn take(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let mut found = self.0.extract_if(.., |(key, _)| key == name);
        let first = found.next();
        if found.count() > 0 {
            return Err(Problem::invalid_parameter(name, "it is given more than once"));
        }
        Ok(first.map(|(_, value)| value))
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

    fn query(text: &str) -> Query {
        Query::of(&format!("/?{text}").parse().unwrap())
    }

    #[test]
    fn a_parameter_is_decoded() {
        let mut query = query("n=%37&m=1");
        assert_eq!(SMALL.read(&mut query).unwrap(), Some(7));
        assert_eq!(SMALL.read(&mut query).unwrap(), None);
    }

    #[test]
    fn an_invalid_repeated_or_missing_parameter_is_refused() {
        for text in ["n=", "n", "n=x", "n=256", "n=%2B7", "n=-7", "n=%FF", "n=1&n=1", "n=1&%6E=2"] {
            assert!(SMALL.read(&mut query(text)).is_err(), "{text}");
        }
        assert!(RequiredParameter(SMALL).read(&mut query("")).is_err());
    }

    #[test]
    fn an_unknown_parameter_is_refused_with_the_known_ones() {
        let refused = |text: &str| format!("{:?}", query(text).read_only(&(SMALL, ())).unwrap_err());
        assert!(refused("n=7&m=1").contains("accepts n"), "{}", refused("n=7&m=1"));
        assert_eq!(query("n=7").read_only(&(SMALL, ())).unwrap(), (Some(7), ()));
    }
}
