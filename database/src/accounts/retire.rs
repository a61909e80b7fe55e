//! The end of users that nobody is to use any more.

use std::time::{Duration, Instant};

use sqlx::mysql::MySqlConnection;
use tracing::info;

use super::{Generation, Role, user};
use crate::error::Error;
use crate::script::Script;
use crate::session::Database;

/// The user that producers and consumers shared before each kind had its own.
const FORMER: &str = "eventpipeline";
/// How often it is looked who is connected.
const PERIOD: Duration = Duration::from_secs(1);

impl Database {
    /// Waits until nobody has been connected as a user of another generation for as long as `quiet`, then removes those users.
    /// Gives how many there were. They are of earlier generations, or of a pipeline that had this volume before and got further.
    ///
    /// # Errors
    /// [`Error::Query`] when the server refuses, or goes away in between: it is to be tried again from the start.
    pub async fn retire(&self, stays: Generation, quiet: Duration) -> Result<usize, Error> {
        let mut connection = self.connect_for_changes().await?;
        let users = others(stays, &mut connection).await.map_err(failed_to("look for users"))?;
        if users.is_empty() {
            return Ok(0);
        }
        unused(&users, quiet, &mut connection).await.map_err(failed_to("look who is connected"))?;
        drop_all(&users, &mut connection).await.map_err(failed_to("remove a user"))?;
        Ok(users.len())
    }
}

/// A user of another generation, or the one of before there were generations.
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
    // Text, in whichever type the server's own table has it.
    let names: Vec<String> =
        sqlx::query_scalar("SELECT CONVERT(User USING utf8mb4) FROM mysql.user WHERE Host = '%'")
            .fetch_all(connection)
            .await?;
    Ok(names.iter().filter_map(|name| Other::parse(name, stays)).collect())
}

/// Waits until nobody has been connected as them for as long as `quiet`.
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
            info!(sessions = seen, "{seen} sessions are still those of users that are to go");
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
        let mut statement = Script::new("DROP USER IF EXISTS ");
        match gone {
            Other::Former => {
                statement.sql("'").sql(FORMER).sql("'@'%'");
            }
            Other::Of(role, generation) => user(&mut statement, *role, *generation),
        }
        statement.execute(connection).await?;
        info!(user = gone.name(), "removed the user {}", gone.name());
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
    fn only_users_of_other_generations_go() {
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
