//! Adds lanes and keys to the computed column `state`.

use sqlx::Executor as _;
use sqlx::mysql::MySqlConnection;

/// Pending events of a lane have its negated number, and blocked events that of their key. Another program's row with a number out of
/// range waits in the default lane.
const ADD: &str = "ALTER TABLE Events MODIFY COLUMN state BIGINT GENERATED ALWAYS AS \
     (CASE WHEN LENGTH(valor) > 0 THEN 2 \
           WHEN COALESCE(processing, 0) IN (0, 2) THEN \
             IF(blocked = 1 AND key_number > 4294967295, -key_number, -GREATEST(lane, 0)) \
           WHEN processing IN (3, 4) THEN processing \
           ELSE 1 END) STORED INVISIBLE";
/// Rows that a program has inserted without column names have times of zero (`migrations/README.md`), which a strict server does not
/// copy.
const ACCEPT_ZERO_TIMES: &str = "SET @mode = @@SESSION.sql_mode, SESSION sql_mode = ''";
const RESTORE_MODE: &str = "SET SESSION sql_mode = @mode";

/// Adds lanes unless the column has them.
pub(crate) async fn add_lanes(connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    if !mentions("lane", connection).await? {
        // Programs of earlier versions count the events of other lanes as done.
        connection
            .execute("UPDATE SchemaCompatibility SET oldest_program = GREATEST(oldest_program, 6)")
            .await?;
        add(connection).await?;
    }
    Ok(())
}

/// Adds keys unless the column has them.
pub(crate) async fn add_keys(connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    // Programs of earlier versions do not unblock the next event.
    connection.execute("UPDATE SchemaCompatibility SET oldest_program = GREATEST(oldest_program, 7)").await?;
    if !mentions("blocked", connection).await? {
        add(connection).await?;
    }
    Ok(())
}

async fn mentions(column: &str, connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
    let found: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() \
         AND table_name = 'Events' AND column_name = 'state' AND generation_expression LIKE CONCAT('%', ?, '%')",
    )
    .bind(column)
    .fetch_one(connection)
    .await?;
    Ok(found > 0)
}

async fn add(connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    connection.execute(ACCEPT_ZERO_TIMES).await?;
    connection.execute(ADD).await?;
    connection.execute(RESTORE_MODE).await?;
    Ok(())
}
