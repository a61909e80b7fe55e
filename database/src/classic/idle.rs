//! The end of transactions that classic programs leave open: a producer whose insert meets a taken id keeps that event locked until
//! its transaction ends, and who waits for locks waits behind it.
//!
//! The server does it, by an event of its scheduler, so that it needs no program of ours and no privilege of theirs.

use sqlx::mysql::MySqlConnection;

use super::run;

const DROP: &str = "DROP EVENT IF EXISTS end_idle_transactions";

/// Only sessions in this database, of the users that programs are given (or of this one, where the server is somebody else's), that
/// hold rows and have said nothing for half a minute: what a handler may take, and less than the 50 s for which others wait for
/// their locks. Ours are never silent in a transaction.
///
/// What cannot be done is left: the server logs it.
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

/// Made anew each time: an event does what its author may do, and nothing once that user has gone.
pub(super) async fn end(connection: &mut MySqlConnection, wanted: bool) -> Result<(), sqlx::Error> {
    run(connection, DROP).await?;
    if wanted {
        run(connection, CREATE).await?;
    }
    Ok(())
}
