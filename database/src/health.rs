//! Watching the database for those who use it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::accounts::Role;
use crate::error::Error;
use crate::session::Session;

/// How often the database is asked.
const PERIOD: Duration = Duration::from_secs(2);

/// Reports, now and then until `end`, whether a program of this kind can use the database: it answers, takes writes, and has
/// the schema that is known here.
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
