//! Drops database users of retired generations.

use std::time::{Duration, Instant};

use sqlx::mysql::MySqlConnection;
use tracing::info;

use super::{Generation, user};
use crate::error::Error;
use crate::role::Role;
use crate::session::Database;
use crate::sql_batch::SqlBatch;

/// The user that producers and consumers shared before each kind had its own.
const FORMER: &str = "eventpipeline";
/// Interval between two checks of the connected users.
const PERIOD: Duration = Duration::from_secs(1);

impl Database {
    /// Waits until no user of another generation has been connected for `quiet`, then drops those users. Returns their number.
    /// They belong to earlier generations, or to a pipeline that used this volume before and reached a later one.
    ///
    /// # Errors
    /// Returns [`Error::Query`] if the server refuses a statement or disconnects. The caller then retries from the start.
    pub async fn retire(&self, stays: Generation, quiet: Duration) -> Result<usize, Error> {
        let mut connection = self.connect_for_changes().await?;
        let users = others(stays, &mut connection).await.map_err(failed_to("read the users"))?;
        if users.is_empty() {
            return Ok(0);
        }
        unused(&users, quiet, &mut connection).await.map_err(failed_to("read the connected users"))?;
        drop_all(&users, &mut connection).await.map_err(failed_to("drop a user"))?;
        Ok(users.len())
    }
}

/// A user of another generation, or the shared user from before generations existed.
#[derive(Debug, PartialEq, Eq)]
enum Other {
    Former,
    Of(Role, Generation),
}

impl Other {
    fn parse(name: &str, stays: Generation) -> Option<Self> {
        if name == FORMER {
            return Some(Self::Former);
        }
        Role::ALL.into_iter().find_map(|role| {
            let generation = name.strip_prefix(role.prefix())?.parse().ok()?;
            (generation != stays).then_some(Self::Of(role, generation))
        })
    }

    fn name(&self) -> String {
        match self {
            Self::Former => FORMER.to_owned(),
            Self::Of(role, generation) => format!("{}{generation}", role.prefix()),
        }
    }
}

async fn others(stays: Generation, connection: &mut MySqlConnection) -> Result<Vec<Other>, sqlx::Error> {
    // Both engines store names in different types; the conversion yields a text.
    let names: Vec<String> =
        sqlx::query_scalar("SELECT CONVERT(User USING utf8mb4) FROM mysql.user WHERE Host = '%'")
            .fetch_all(connection)
            .await?;
    Ok(names.iter().filter_map(|name| Other::parse(name, stays)).collect())
}

/// Waits until none of the users has been connected for `quiet`.
async fn unused(
    users: &[Other],
    quiet: Duration,
    connection: &mut MySqlConnection,
) -> Result<(), sqlx::Error> {
    let mut last_seen = Instant::now();
    let mut shown = None;
    loop {
        let seen = sessions(users, connection).await?;
        if shown != Some(seen) {
            info!(sessions = seen, "{seen} sessions still use retired users");
            shown = Some(seen);
        }
        if seen > 0 {
            last_seen = Instant::now();
        } else if last_seen.elapsed() >= quiet {
            return Ok(());
        }
        tokio::time::sleep(PERIOD.min(quiet)).await;
    }
}

async fn sessions(users: &[Other], connection: &mut MySqlConnection) -> Result<i64, sqlx::Error> {
    let mut connected: Vec<String> =
        sqlx::query_scalar("SELECT CONVERT(USER USING utf8mb4) FROM information_schema.PROCESSLIST")
            .fetch_all(connection)
            .await?;
    connected.retain(|name| users.iter().any(|user| user.name() == *name));
    Ok(i64::try_from(connected.len()).unwrap_or(i64::MAX))
}

async fn drop_all(users: &[Other], connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    for gone in users {
        let mut statement = SqlBatch::new("DROP USER IF EXISTS ");
        match gone {
            Other::Former => {
                statement.sql("'").sql(FORMER).sql("'@'%'");
            }
            Other::Of(role, generation) => user(&mut statement, *role, *generation),
        }
        statement.execute(connection).await?;
        info!(user = gone.name(), "dropped the user {}", gone.name());
    }
    Ok(())
}

fn failed_to(operation: &'static str) -> impl Fn(sqlx::Error) -> Error {
    move |source| Error::Query { operation, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_users_of_other_generations_are_dropped() {
        let other = |name| Other::parse(name, 3);
        assert_eq!(other("eventpipeline"), Some(Other::Former));
        assert_eq!(other("eventpipeline_producer_2"), Some(Other::Of(Role::Producer, 2)));
        assert_eq!(other("eventpipeline_consumer_1"), Some(Other::Of(Role::Consumer, 1)));
        assert_eq!(other("eventpipeline_consumer_4"), Some(Other::Of(Role::Consumer, 4)));
        for stays in ["eventpipeline_producer_3", "eventpipeline_schema", "eventpipeline_producer_", "root"] {
            assert_eq!(other(stays), None, "{stays}");
        }
    }
}
