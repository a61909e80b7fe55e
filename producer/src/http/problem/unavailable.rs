//! Problems of the service.

use axum::http::StatusCode;

use super::Problem;
use crate::error::Unavailable;
use crate::storage::{Full, Space};

const OVERLOADED: &str = "overloaded";
const UNAVAILABLE: &str = "Service unavailable";

impl Problem {
    pub(in crate::http) fn internal() -> Self {
        let detail = "the service failed; its log has the cause";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
    }

    pub(in crate::http) fn no_connection() -> Self {
        let detail = "this producer serves the maximum number of connections; try again later";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, OVERLOADED, UNAVAILABLE, detail)
    }

    fn storage_full(space: Option<Space>) -> Self {
        let bytes = space.map_or_else(String::new, |space| {
            let Space { capacity, required, .. } = space;
            let available = space.available();
            format!(
                "; {available} of {capacity} bytes are free, and events are created again above {required}"
            )
        });
        let detail = format!(
            "the database's volume is nearly full{bytes}. Stored events are still processed and read. Enlarge the volume \
             (`database.managed.storage.size`), or remove events with a shorter `retention` or with DELETE /v1/events"
        );
        let problem = Self::new(StatusCode::INSUFFICIENT_STORAGE, "storage-full", "Storage full", detail);
        Self { space: space.map(Box::new), ..problem }
    }
}

impl From<Unavailable> for Problem {
    fn from(unavailable: Unavailable) -> Self {
        let kind = match unavailable {
            Unavailable::Full(Full { space }) => return Self::storage_full(space),
            Unavailable::Overloaded => OVERLOADED,
            Unavailable::Database | Unavailable::CounterLocked => "database-unavailable",
            Unavailable::ClockUncertain => "clock-uncertain",
            Unavailable::Timeout => "no-answer-in-time",
        };
        let detail = format!("{unavailable}; try again later");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, UNAVAILABLE, detail)
    }
}
