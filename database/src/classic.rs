//! Additions to the schema for programs that know only the classic columns.
//!
//! They slow down every event, so they exist only while such programs are declared. Without such programs, producers may take ids
//! in blocks, which classic programs would count as events.

mod blocks;
mod idle;

use sqlx::mysql::MySqlConnection;
use tracing::warn;

use crate::error::{Error, number, number_of};
use crate::schema::{self, failed_to};
use crate::session::Database;

/// Kinds of programs that know only the classic columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Classic {
    /// Some producers are classic. One that reads the counter, adds one and writes it back without a lock could decrease it.
    pub producers: bool,
    /// Some consumers are classic. One that selects `valor = '' AND processing = 0` would read all finished events each time.
    pub consumers: bool,
}

const HAS_INDEX: &str = "SELECT COUNT(*) FROM information_schema.statistics \
     WHERE table_schema = DATABASE() AND table_name = 'Events' AND index_name = 'classic_free' AND seq_in_index = 1";
/// One character of the value shows whether the event is finished. InnoDB appends the primary key, which gives the order.
const ADD_INDEX: &str =
    "ALTER TABLE Events ADD INDEX classic_free (valor(1), processing), ALGORITHM = INPLACE, LOCK = NONE";
const DROP_INDEX: &str = "ALTER TABLE Events DROP INDEX classic_free, ALGORITHM = INPLACE, LOCK = NONE";

/// Counts the triggers. A trigger runs with its definer's privileges, and fails once that user is dropped.
const OWN_TRIGGERS: &str = "SELECT COUNT(IF(definer = CURRENT_USER(), 1, NULL)), COUNT(*) \
     FROM information_schema.triggers WHERE trigger_schema = DATABASE() AND trigger_name = 'DBStatus_only_grows'";
const ADD_TRIGGER: &str = "CREATE TRIGGER DBStatus_only_grows BEFORE UPDATE ON DBStatus \
     FOR EACH ROW SET NEW.id = GREATEST(NEW.id, OLD.id)";
const DROP_TRIGGER: &str = "DROP TRIGGER IF EXISTS DBStatus_only_grows";

impl Database {
    /// Adds what these programs need to an up-to-date schema, and drops what they no longer need.
    ///
    /// # Errors
    /// Returns [`Error::TriggerRefused`] if the database's user may not create the trigger for classic producers.
    pub async fn apply_classic_support(&self, classic: Classic) -> Result<(), Error> {
        let mut connection = self.connect_for_changes().await?;
        schema::lock(&mut connection).await?;
        match index(&mut connection, classic.consumers).await {
            Ok(()) => {}
            Err(source) if schema::is_lock(&source) => return Err(self.blocked(source).await),
            Err(source) => {
                return Err(failed_to("change the index of free events for classic consumers")(source));
            }
        }
        match trigger(&mut connection, classic.producers).await {
            Ok(()) => {}
            Err(source) if schema::is_lock(&source) => return Err(self.blocked(source).await),
            Err(source) => return Err(trigger_failed(source)),
        }
        blocks::allow(&mut connection, classic == Classic::default())
            .await
            .map_err(failed_to("change whether producers take ids in blocks"))?;
        idle_transactions(&mut connection, classic != Classic::default()).await
    }
}

async fn index(connection: &mut MySqlConnection, wanted: bool) -> Result<(), sqlx::Error> {
    let found: i64 = sqlx::query_scalar(HAS_INDEX).fetch_one(&mut *connection).await?;
    match (found > 0, wanted) {
        (false, true) => run(connection, ADD_INDEX).await,
        (true, false) => run(connection, DROP_INDEX).await,
        _ => Ok(()),
    }
}

async fn trigger(connection: &mut MySqlConnection, wanted: bool) -> Result<(), sqlx::Error> {
    let (own, all): (i64, i64) = sqlx::query_as(OWN_TRIGGERS).fetch_one(&mut *connection).await?;
    if all > own || (all > 0 && !wanted) {
        run(connection, DROP_TRIGGER).await?;
    }
    if wanted && own == 0 {
        run(connection, ADD_TRIGGER).await?;
    }
    Ok(())
}

/// Tolerates missing privileges: the user of an external server may lack them, and so may one without classic programs.
async fn idle_transactions(connection: &mut MySqlConnection, wanted: bool) -> Result<(), Error> {
    let result = idle::end(connection, wanted).await;
    match result.as_ref().map_err(number_of) {
        Err(Some(number::DATABASE_ACCESS_DENIED | number::ACCESS_DENIED | number::TABLE_ACCESS_DENIED)) => {
            if wanted {
                warn!(
                    "the database's user may not create an event: transactions that classic programs leave open keep their events \
                     locked until they end; grant it EVENT on the database, PROCESS and CONNECTION_ADMIN"
                );
            }
            Ok(())
        }
        _ => result.map_err(failed_to("change the event that ends idle transactions")),
    }
}

/// Runs the statement as text, because MySQL cannot prepare triggers.
async fn run(connection: &mut MySqlConnection, statement: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(statement).execute(connection).await.map(drop)
}

fn trigger_failed(source: sqlx::Error) -> Error {
    match number_of(&source) {
        Some(number::BINARY_LOG_UNSAFE | number::TABLE_ACCESS_DENIED) => Error::TriggerRefused { source },
        _ => failed_to("change the counter's trigger for classic producers")(source),
    }
}
