//! Users: one for each kind of program, with the grants that it needs and no more.
//!
//! A user belongs to a generation of passwords and has it in its name: `eventpipeline_producer_3`. So users of two
//! generations are there side by side while programs move from one to the next, on any server: none has to know a second
//! password of one user, which only some do. The users of earlier generations go when nobody uses them any more.

mod grants;
mod retire;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::mysql::MySqlConnection;
use tracing::debug;

use crate::classic::Classic;
use crate::error::{Error, number, number_of};
use crate::script::Script;
use crate::session::Database;
use grants::{CLASSIC_INSERT, DIAGNOSES, GRANTS};

/// A kind of program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Creates events, shows them, and does to them what people ask for.
    Producer,
    /// Claims events, settles them, and removes old ones.
    Consumer,
}

impl Role {
    /// All.
    pub const ALL: [Self; 2] = [Self::Producer, Self::Consumer];

    /// The beginning of its users' names.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Producer => "eventpipeline_producer_",
            Self::Consumer => "eventpipeline_consumer_",
        }
    }
}

/// Which passwords: each generation has its own.
pub type Generation = u32;

/// A user that a kind of program connects as.
#[derive(Debug)]
pub struct Account {
    /// The kind of program.
    pub role: Role,
    /// Which of its users.
    pub generation: Generation,
    /// What it has to say.
    pub password: SecretString,
}

impl Account {
    /// The user's name.
    pub fn name(&self) -> String {
        format!("{}{}", self.role.prefix(), self.generation)
    }
}

impl Database {
    /// Makes the users, or gives those that are there this password, and grants them what their programs need. Takes
    /// nothing away that these need: programs may be connected as them.
    ///
    /// Only where some producers know the classic columns alone may producers insert a `valor`.
    ///
    /// This connection's user needs the privileges of `database/accounts/init.sql`, and the schema has to be there.
    ///
    /// # Errors
    /// [`Error::Query`] when the server refuses.
    pub async fn grant(&self, accounts: &[Account], classic: Classic) -> Result<(), Error> {
        let mut connection = self.connect_for_changes().await?;
        for account in accounts {
            let failed = |source| Error::Query { operation: "make a user", source };
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

/// What programs need that name all the classic columns of what they insert, their answer to be among them.
async fn classic_producers(
    account: &Account,
    wanted: bool,
    connection: &mut MySqlConnection,
) -> Result<(), sqlx::Error> {
    let (verb, of) = if wanted { ("GRANT ", " ON Events TO ") } else { ("REVOKE ", " ON Events FROM ") };
    let mut change = Script::new(verb);
    change.sql(CLASSIC_INSERT).sql(of);
    user(&mut change, account.role, account.generation);
    match change.execute(connection).await {
        Err(error) if number_of(&error) == Some(number::NO_SUCH_GRANT) => Ok(()),
        changed => changed.map(drop),
    }
}

/// To see who holds a lock that all wait for. An older server's user may not grant that, and MariaDB has no such table:
/// programs do without it.
async fn diagnose(account: &Account, connection: &mut MySqlConnection) {
    for (role, privileges, table) in DIAGNOSES {
        if role == account.role
            && let Err(error) = grant(privileges, table, account).execute(connection).await
        {
            debug!(%error, user = account.name(), "{} may not see {table}", account.name());
        }
    }
}

fn grant(privileges: &'static str, table: &'static str, account: &Account) -> Script {
    let mut grant = Script::new("GRANT ");
    grant.sql(privileges).sql(" ON ").sql(table).sql(" TO ");
    user(&mut grant, account.role, account.generation);
    grant
}

/// These statements take a password as a literal only, so that it is the server that makes one of it.
fn with_password(verb: &'static str, account: &Account) -> Script {
    let mut script = Script::new("SET @statement = CONCAT('");
    // The quotes of the user's name are in a text here.
    script.sql(verb).sql("''").sql(account.role.prefix()).number(account.generation).sql("''@''%''");
    script.sql(" IDENTIFIED BY ', QUOTE(").text(account.password.expose_secret());
    script.sql("), ' REQUIRE SSL'); PREPARE statement FROM @statement; SET @statement = NULL; ");
    script.sql("EXECUTE statement; DEALLOCATE PREPARE statement");
    script
}

/// `'eventpipeline_producer_3'@'%'`
fn user(script: &mut Script, role: Role, generation: Generation) {
    script.sql("'").sql(role.prefix()).number(generation).sql("'@'%'");
}
