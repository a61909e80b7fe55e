//! The health of the database, for the readiness check and for the operator.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eventpipeline_database::{Error, Role, Session};
use eventpipeline_service::{Check, Service, error_chain};

/// Watches the database, and returns its check. Adds the page that tells the operator whether the schema is outdated, as after
/// a restore.
pub(super) fn watch(
    Service { lifecycle, readiness, admin_routes, .. }: &mut Service,
    session: Session,
) -> Check {
    let check = readiness.check("database");
    let schema_is_old = Arc::new(AtomicBool::new(false));
    let shown = Arc::clone(&schema_is_old);
    admin_routes.add("/schema", move || {
        let old = shown.load(Ordering::Relaxed);
        async move { Ok::<_, Infallible>(serde_json::json!({"old": old})) }
    });
    let (mut was_ready, reported) = (false, check.clone());
    let report = move |state: Result<(), Error>| {
        schema_is_old.store(matches!(state, Err(Error::SchemaOld { .. })), Ordering::Relaxed);
        was_ready = report_to(&reported, was_ready, &state);
    };
    let watch = eventpipeline_database::watch(session, Role::Producer, lifecycle.draining(), report);
    lifecycle.spawn("database health", async {
        watch.await;
        Ok(())
    });
    check
}

/// Reports a state, and returns `true` if the producer was ever ready.
///
/// A producer that was ready stays ready while the database is down, and answers 503 itself. Without a ready pod, the route
/// would answer with its own errors, and continue to do so for a while after the database is back.
fn report_to(check: &Check, was_ready: bool, state: &Result<(), Error>) -> bool {
    match state {
        Err(failure) if was_ready && !failure.is_schema_error() => check.degraded(error_chain(failure)),
        state => check.report(state),
    }
    was_ready || state.is_ok()
}
