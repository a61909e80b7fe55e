//! Ends transactions that classic programs leave open. A producer whose insert meets a taken id keeps that event locked until
//! its transaction ends, and clients that wait for locks wait behind it.
//!
//! The server's event scheduler does this, so it depends neither on our programs nor on their privileges.

use sqlx::mysql::MySqlConnection;

use super::run;

const DROP: &str = "DROP EVENT IF EXISTS end_idle_transactions";

/// Creates the event. It ends only sessions in this database that hold locked rows and have been idle for 30 s. This exceeds a
/// handler's usual time, and is less than the 50 s for which other clients wait for their locks. Only sessions of the
/// programs' users qualify, and those of this user on an external server. Our sessions are never idle in a transaction.
///
/// The server logs what the event cannot do.
const CREATE: &str = r"CREATE EVENT end_idle_transactions ON SCHEDULE EVERY 5 SECOND
    COMMENT 'ends transactions that classic programs leave open, which keep events locked'
    DO BEGIN
      DECLARE session BIGINT UNSIGNED;
      DECLARE gone BOOL DEFAULT FALSE;
      DECLARE idle CURSOR FOR
        SELECT thread.id FROM information_schema.innodb_trx AS open
        JOIN information_schema.processlist AS thread ON thread.id = open.trx_mysql_thread_id
        WHERE thread.command = 'Sleep' AND thread.time >= 30 AND open.trx_rows_locked > 0
          AND thread.db = DATABASE()
          AND (thread.user LIKE 'eventpipeline|_%' ESCAPE '|'
            OR thread.user = SUBSTRING_INDEX(CURRENT_USER(), '@', 1));
      DECLARE CONTINUE HANDLER FOR NOT FOUND SET gone = TRUE;
      DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
      OPEN idle;
      ending: LOOP
        FETCH idle INTO session;
        IF gone THEN LEAVE ending; END IF;
        KILL session;
      END LOOP;
      CLOSE idle;
    END";

/// Recreates the event each time, because it runs with its definer's privileges and fails once that user is dropped.
pub(super) async fn end(connection: &mut MySqlConnection, wanted: bool) -> Result<(), sqlx::Error> {
    run(connection, DROP).await?;
    if wanted {
        run(connection, CREATE).await?;
    }
    Ok(())
}
