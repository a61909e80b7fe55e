//! Adds lanes to the computed column `state`.

use sqlx::Executor as _;
use sqlx::mysql::MySqlConnection;

const HAS_LANES: &str = "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() \
     AND table_name = 'Events' AND column_name = 'state' AND generation_expression LIKE '%lane%'";
/// Pending events of a lane have its negated number. Another program's row with a negative lane waits in the default lane.
const ADD_LANES: &str = "ALTER TABLE Events MODIFY COLUMN state TINYINT GENERATED ALWAYS AS \
     (CASE WHEN LENGTH(valor) > 0 THEN 2 \
           WHEN COALESCE(processing, 0) IN (0, 2) THEN -GREATEST(lane, 0) \
           WHEN processing IN (3, 4) THEN processing \
           ELSE 1 END) STORED INVISIBLE";
/// Rows that a program has inserted without column names have times of zero (`migrations/README.md`), which a strict server does not
/// copy.
const ACCEPT_ZERO_TIMES: &str = "SET @mode = @@SESSION.sql_mode, SESSION sql_mode = ''";
const RESTORE_MODE: &str = "SET SESSION sql_mode = @mode";
/// Programs of earlier versions count the events of other lanes as done.
const REQUIRE_VERSION: &str = "UPDATE SchemaCompatibility SET oldest_program = GREATEST(oldest_program, 6)";

/// Adds lanes unless the column has them.
pub(super) async fn add_lanes(connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    let found: i64 = sqlx::query_scalar(HAS_LANES).fetch_one(&mut *connection).await?;
    if found == 0 {
        connection.execute(REQUIRE_VERSION).await?;
        connection.execute(ACCEPT_ZERO_TIMES).await?;
        connection.execute(ADD_LANES).await?;
        connection.execute(RESTORE_MODE).await?;
    }
    Ok(())
}
