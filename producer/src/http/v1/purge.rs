//! The query parameters of a purge.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use eventpipeline_database::Finished;
use strum::VariantArray as _;
use utoipa::IntoParams;
use utoipa::openapi::KnownFormat;
use utoipa::openapi::path::{Parameter as Description, ParameterIn};

use crate::db::Purge;
use crate::http::openapi::{integer, string};
use crate::http::problem::Problem;
use crate::http::query::{Parameter, Parameters as _, Query, RequiredParameter};
use crate::http::values::number;

/// A century, which is longer than the age of the oldest event.
const MAX_SECONDS: u64 = 100 * 366 * 24 * 60 * 60;

const STATE: Parameter<Finished> = Parameter {
    name: "state",
    description: "Only events in this state",
    expected: "done, dead or cancelled",
    parse: |text| text.parse().ok(),
    schema: || string().enum_values(Some(Finished::VARIANTS.iter().map(ToString::to_string))).build(),
};
const OLDER_THAN: Parameter<u64> = Parameter {
    name: "olderThanSeconds",
    description: "Only events that finished at least this many seconds ago",
    expected: "a whole number of seconds, at most 3162240000",
    parse: |text| number(text).filter(|seconds| *seconds <= MAX_SECONDS),
    schema: || integer(KnownFormat::Int64, 0, Some(MAX_SECONDS)),
};

/// The parameters, in the order of their values.
const PARAMETERS: (RequiredParameter<Finished>, RequiredParameter<u64>) =
    (RequiredParameter(STATE), RequiredParameter(OLDER_THAN));

/// The query parameters of a purge.
pub(in crate::http) struct PurgeParameters(pub(super) Purge);

impl<S: Send + Sync> FromRequestParts<S> for PurgeParameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let (finished, seconds) = Query::of(&parts.uri).read_only(&PARAMETERS)?;
        Ok(Self(Purge { finished, older_than: Duration::from_secs(seconds) }))
    }
}

impl IntoParams for PurgeParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Description> {
        PARAMETERS.describe()
    }
}
