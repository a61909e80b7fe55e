//! Decides whether producers may take ids in blocks.

use sqlx::Executor as _;
use sqlx::mysql::MySqlConnection;

const ALLOW: &str = "UPDATE DBStatus SET blocks = 1";
/// Producers notice that their blocks have ended, because each of them has no ids left. The counter is locked first, as when a
/// block is replaced.
const END: [&str; 4] = [
    "START TRANSACTION",
    "UPDATE DBStatus SET blocks = 0",
    "UPDATE IdBlocks SET skipped = skipped + last - used, used = last",
    "COMMIT",
];

/// Lets producers take ids in blocks, or ends all blocks.
pub(super) async fn allow(connection: &mut MySqlConnection, allowed: bool) -> Result<(), sqlx::Error> {
    if allowed {
        return connection.execute(ALLOW).await.map(drop);
    }
    for statement in END {
        connection.execute(statement).await?;
    }
    Ok(())
}
