//! The query parameters of a list.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use eventpipeline_database::{Cursor, Listing, State};
use utoipa::IntoParams;
use utoipa::openapi::KnownFormat;
use utoipa::openapi::path::{Parameter as Description, ParameterIn};

use super::event_body::StateName;
use crate::http::openapi::{integer, string};
use crate::http::problem::Problem;
use crate::http::query::{Parameter, Parameters as _, Query};
use crate::http::values::number;

/// Default length of a page.
const PAGE: usize = 100;

const STATE: Parameter<State> = Parameter {
    name: "state",
    description: "Only events in this state",
    expected: "pending, blocked, processing, done, dead or cancelled",
    parse: |text| text.parse().ok(),
    schema: || StateName::builder().build(),
};
const LIMIT: Parameter<usize> = Parameter {
    name: "limit",
    description: "Maximum number of events of the page; 100 by default",
    expected: "a whole number from 1 to 1000",
    parse: |text| number(text).filter(|limit| (1..=Listing::LARGEST).contains(limit)),
    schema: || integer(KnownFormat::Int32, 1, Some(1000)),
};
const CURSOR: Parameter<Cursor> = Parameter {
    name: "cursor",
    description: "Start of the page: `next` of the previous page",
    expected: "`next` of the previous page",
    parse: |text| text.parse().ok(),
    schema: || {
        string()
            .pattern(Some("^[0-9]{1,17}-[1-9][0-9]{0,17}([.]([1-4][0-9]{18}|[1-9][0-9]{10,17}))?$"))
            .build()
    },
};

/// The parameters, in the order of their values.
const PARAMETERS: (Parameter<State>, Parameter<usize>, Parameter<Cursor>) = (STATE, LIMIT, CURSOR);

/// The query parameters of a list.
pub(in crate::http) struct ListParameters(pub(super) Listing);

impl<S: Send + Sync> FromRequestParts<S> for ListParameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let (state, limit, after) = Query::of(&parts.uri).read_only(&PARAMETERS)?;
        Ok(Self(Listing { state, after, limit: limit.unwrap_or(PAGE) }))
    }
}

impl IntoParams for ListParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Description> {
        PARAMETERS.describe()
    }
}
