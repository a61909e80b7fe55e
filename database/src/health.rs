//! Watches whether a program can use the database.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::role::Role;
use crate::session::Session;

/// Interval between two checks.
const PERIOD: Duration = Duration::from_secs(2);

/// Reports periodically until `end` whether a program of this kind can use the database: it answers, accepts writes, and has
/// a compatible schema.
pub async fn watch(
    mut session: Session,
    role: Role,
    end: CancellationToken,
    mut report: impl FnMut(Result<(), Error>) + Send,
) {
    loop {
        let state = session.check(role).await;
        session.database.metrics().is_usable(state.is_ok());
        report(state);
        tokio::select! {
            () = end.cancelled() => break,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
    session.close().await;
}
