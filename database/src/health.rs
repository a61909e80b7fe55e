//! Watching the database for those who use it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::session::Session;

/// How often the database is asked.
const PERIOD: Duration = Duration::from_secs(2);

/// Reports, now and then until `end`, whether the database answers with the schema that this program knows.
pub async fn watch(
    mut session: Session,
    end: CancellationToken,
    mut report: impl FnMut(Result<(), Error>) + Send,
) {
    loop {
        report(session.check_schema().await);
        tokio::select! {
            () = end.cancelled() => break,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
    session.close().await;
}
