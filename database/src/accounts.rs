//! Database users: one for each kind of program, with exactly the privileges that it needs.
//!
//! A user's name contains the generation of its password: `eventpipeline_producer_3`. Users of two generations coexist while
//! programs move from one to the next. This works on any server, whereas few support two passwords for one user. The users
//! of earlier generations are dropped once they are unused.

mod grants;
mod retire;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::mysql::MySqlConnection;
use tracing::debug;

use crate::classic::Classic;
use crate::error::{Error, number, number_of};
use crate::role::Role;
use crate::session::Database;
use crate::sql_batch::SqlBatch;
use grants::{CLASSIC_INSERT, DIAGNOSES, GRANTS};

/// A generation of passwords.
pub type Generation = u32;

/// A database user of one kind of program.
#[derive(Debug)]
pub struct Account {
    /// Kind of program.
    pub role: Role,
    /// Generation of the password.
    pub generation: Generation,
    /// Password of the user.
    pub password: SecretString,
}

impl Account {
    /// Returns the user's name.
    pub fn name(&self) -> String {
        format!("{}{}", self.role.prefix(), self.generation)
    }
}

impl Database {
    /// Creates the users or changes their passwords, and grants them their programs' privileges. Revokes no privilege that
    /// these programs need, because they may be connected.
    ///
    /// Producers may insert a `valor` only if some producers are classic.
    ///
    /// This connection's user needs the privileges of `database/accounts/init.sql`, and the schema must exist.
    ///
    /// # Errors
    /// Returns [`Error::Query`] if the server refuses a statement.
    pub async fn grant(&self, accounts: &[Account], classic: Classic) -> Result<(), Error> {
        let mut connection = self.connect_for_changes().await?;
        for account in accounts {
            let failed = |source| Error::Query { operation: "create a user", source };
            make(account, &mut connection).await.map_err(failed)?;
            if account.role == Role::Producer {
                classic_producers(account, classic.producers, &mut connection).await.map_err(failed)?;
            }
            diagnose(account, &mut connection).await;
        }
        Ok(())
    }
}

async fn make(account: &Account, connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    for verb in ["CREATE USER IF NOT EXISTS ", "ALTER USER "] {
        with_password(verb, account).execute(connection).await?;
    }
    for (_, privileges, table) in GRANTS.iter().filter(|(role, _, _)| *role == account.role) {
        grant(privileges, table, account).execute(connection).await?;
    }
    Ok(())
}

/// Grants or revokes the privileges of producers that name all classic columns in their inserts, including `valor`.
async fn classic_producers(
    account: &Account,
    wanted: bool,
    connection: &mut MySqlConnection,
) -> Result<(), sqlx::Error> {
    let (verb, of) = if wanted { ("GRANT ", " ON Events TO ") } else { ("REVOKE ", " ON Events FROM ") };
    let mut change = SqlBatch::new(verb);
    change.sql(CLASSIC_INSERT).sql(of);
    user(&mut change, account.role, account.generation);
    match change.execute(connection).await {
        Err(error) if number_of(&error) == Some(number::NO_SUCH_GRANT) => Ok(()),
        changed => changed.map(drop),
    }
}

/// Grants the privileges that show the holder of a lock. An older server's user may not grant it, and MariaDB lacks such a table, so
/// programs work without it.
async fn diagnose(account: &Account, connection: &mut MySqlConnection) {
    for (role, privileges, table) in DIAGNOSES {
        if role == account.role
            && let Err(error) = grant(privileges, table, account).execute(connection).await
        {
            debug!(%error, user = account.name(), "{} may not see {table}", account.name());
        }
    }
}

fn grant(privileges: &'static str, table: &'static str, account: &Account) -> SqlBatch {
    let mut grant = SqlBatch::new("GRANT ");
    grant.sql(privileges).sql(" ON ").sql(table).sql(" TO ");
    user(&mut grant, account.role, account.generation);
    grant
}

/// Returns the statement. The password is a literal that the server quotes, because MySQL does not accept a parameter here.
fn with_password(verb: &'static str, account: &Account) -> SqlBatch {
    let mut batch = SqlBatch::new("SET @statement = CONCAT('");
    // The quotes of the user's name are inside a text here.
    batch.sql(verb).sql("''").sql(account.role.prefix()).number(account.generation).sql("''@''%''");
    batch.sql(" IDENTIFIED BY ', QUOTE(").text(account.password.expose_secret());
    batch.sql("), ' REQUIRE SSL'); PREPARE statement FROM @statement; SET @statement = NULL; ");
    batch.sql("EXECUTE statement; DEALLOCATE PREPARE statement");
    batch
}

/// Adds the user's name: `'eventpipeline_producer_3'@'%'`.
fn user(batch: &mut SqlBatch, role: Role, generation: Generation) {
    batch.sql("'").sql(role.prefix()).number(generation).sql("'@'%'");
}
