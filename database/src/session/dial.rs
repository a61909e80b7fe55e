//! Opens connections, and ends abandoned statements on the server.

use std::sync::atomic::Ordering;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::ConnectOptions as _;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use tracing::{debug, warn};

use super::Database;
use super::connected::{Connected, Connecting};
use super::settings::{self, Server};
use crate::error::Error;
use crate::sql_batch::SqlBatch;

/// Time that an operation waits for a connection.
pub(super) const LIMIT: Duration = Duration::from_secs(5);
/// Time that an operation waits for a new connection while it still has one.
pub(super) const RENEWAL_LIMIT: Duration = Duration::from_secs(1);
/// Time limit for ending an abandoned statement; a caller waits for the error meanwhile.
const END_LIMIT: Duration = Duration::from_secs(2);

impl Database {
    fn password(&self) -> Result<SecretString, Error> {
        let path = &self.args.database_password_file;
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::PasswordFile { path: path.clone(), source })?;
        // Files edited by hand often end with a line break.
        Ok(text.trim_end_matches(['\r', '\n']).into())
    }

    /// Opens a connection outside of any session, with a session's settings.
    pub(crate) async fn connect(&self) -> Result<MySqlConnection, Error> {
        self.within(LIMIT, self.dial()).await.map(|(connection, _)| connection)
    }

    /// Opens a connection for changes of tables and users.
    pub(crate) async fn connect_for_changes(&self) -> Result<MySqlConnection, Error> {
        let mut connection = self.connect().await?;
        let failed = |source| Error::Connect { address: self.address(), source };
        settings::for_changes(&mut connection).await.map_err(failed)?;
        Ok(connection)
    }

    pub(super) fn begin_to_connect(&self, epoch: u64) -> Connecting {
        let database = self.clone();
        Connecting::begin(epoch, async move {
            let (connection, server) = database.dial().await?;
            database.packet.store(server.packet, Ordering::Relaxed);
            Ok(Connected::new(connection, server, epoch, database.metrics.opened()))
        })
    }

    async fn dial(&self) -> Result<(MySqlConnection, Server), Error> {
        let password = self.password()?;
        let mut options = MySqlConnectOptions::new()
            .host(&self.args.database_host)
            .port(self.args.database_port)
            .database(&self.args.database_name)
            .username(&self.args.database_user)
            .ssl_mode(self.args.database_tls.into())
            // The session's settings are sent in one packet: `settings.rs`.
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .set_names(false)
            .timezone(None::<String>)
            .disable_statement_logging();
        if let Some(path) = &self.args.database_tls_ca_file {
            options = options.ssl_ca(path);
        }
        // The protocol distinguishes an empty password from none; for servers only the latter exists.
        if !password.expose_secret().is_empty() {
            options = options.password(password.expose_secret());
        }
        let failed = |source| Error::Connect { address: self.address(), source };
        let mut connection = options.connect().await.map_err(failed)?;
        match settings::establish(&mut connection).await.map_err(failed)? {
            Ok(server) => Ok((connection, server)),
            Err(why) => Err(Error::Unusable { address: self.address(), why }),
        }
    }

    async fn within<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let late = |_| Err(Error::ConnectTimeout { address: self.address(), limit });
        tokio::time::timeout(limit, work).await.unwrap_or_else(late)
    }

    /// Ends an abandoned statement on the server, so that it releases its locks and its connection. Kills only a connection that
    /// is still executing, because its number may belong to another session or another server by now.
    pub(super) async fn end_abandoned(&self, abandoned: Connected) {
        let id = abandoned.server.connection;
        drop(abandoned);
        let end = async {
            let (mut connection, _) = self.dial().await?;
            let failed = |source| Error::Query { operation: "end an abandoned statement", source };
            let mut look = SqlBatch::new(
                "SELECT 1 FROM information_schema.PROCESSLIST WHERE COMMAND <> 'Sleep' AND TIME >= 2 AND ID = ",
            );
            look.number(id);
            if look.rows(&mut connection).await.map_err(failed)?.is_empty() {
                return Ok(false);
            }
            let mut kill = SqlBatch::new("KILL ");
            kill.number(id);
            kill.execute(&mut connection).await.map_err(failed).map(|_| true)
        };
        match self.within(END_LIMIT, end).await {
            Ok(true) => {
                warn!(connection = id, "killed connection {id}, whose statement exceeded its time limit");
            }
            Ok(false) => debug!(connection = id, "the abandoned statement had already ended"),
            Err(error) => debug!(%error, connection = id, "failed to end an abandoned statement"),
        }
    }
}
