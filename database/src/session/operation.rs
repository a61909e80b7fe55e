//! Operations: the units that a session runs and retries.

use sqlx::Connection as _;
use sqlx::mysql::MySqlConnection;

use super::settings::DEMOTED;
use crate::operations::OperationName;

/// A transaction or a single statement that may be retried as a whole.
///
/// It is a trait and not a closure, because the compiler cannot prove that the futures of closures over borrowed data are
/// [`Send`].
pub(crate) trait Operation: Sync {
    /// Name of the operation, for messages and metrics.
    const NAME: OperationName;
    /// True if the session waits for the next primary when this server no longer accepts writes. The callers of other
    /// operations retry by themselves.
    const PATIENT: bool = false;
    /// True if a wait for another client's lock is repeated after the session's lock wait timeout of a second.
    const RETRIES_LOCK_WAITS: bool = true;
    /// Result of the operation.
    type Output;

    /// Executes the operation once. No step after a commit may fail, because a failure is reported as "not done".
    fn attempt(
        &self,
        connection: &mut MySqlConnection,
    ) -> impl Future<Output = Result<Self::Output, sqlx::Error>> + Send;
}

pub(super) struct Ping;

impl Operation for Ping {
    const NAME: OperationName = OperationName::Ping;
    type Output = ();

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        connection.ping().await
    }
}

/// Reads whether the server refuses writes.
pub(super) struct ReadDemotion;

impl Operation for ReadDemotion {
    const NAME: OperationName = OperationName::ReadDemotion;
    type Output = bool;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar(DEMOTED).fetch_one(connection).await
    }
}
