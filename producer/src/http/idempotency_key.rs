//! The `Idempotency-Key` header.

use axum::http::HeaderMap;
use eventpipeline_database::IdempotencyKey;
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::openapi;
use super::problem::Problem;

const NAME: &str = "Idempotency-Key";

/// The key that makes repeated requests create their events once.
#[derive(Debug)]
pub(super) struct KeyHeader(pub(super) Option<IdempotencyKey>);

impl KeyHeader {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut lines = headers.get_all(NAME).iter();
        let Some(line) = lines.next() else {
            return Ok(Self(None));
        };
        if lines.next().is_some() {
            return Err(Problem::invalid_key("it is given more than once"));
        }
        let text = line.to_str().map_err(|_| Problem::invalid_key("it must be printable ASCII"))?;
        let key = IdempotencyKey::new(text).map_err(|error| Problem::invalid_key(&error.to_string()))?;
        Ok(Self(Some(key)))
    }
}

impl IntoParams for KeyHeader {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let schema = openapi::string()
            .max_length(Some(IdempotencyKey::MAX_CHARS))
            .pattern(Some("^[!-~]([ -~]*[!-~])?$"));
        let description = "A repeated request with the same key creates nothing, and gets the same response";
        vec![openapi::parameter(ParameterIn::Header, NAME, Required::False, description, schema)]
    }
}
