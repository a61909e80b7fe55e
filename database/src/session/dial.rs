//! Making connections, and ending at the server what was given up here.

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
use crate::script::Script;

/// How long an operation waits for a connection.
pub(super) const LIMIT: Duration = Duration::from_secs(5);
/// How long it waits for one while it has another.
pub(super) const RENEWAL_LIMIT: Duration = Duration::from_secs(1);
/// How long ending an abandoned statement may take: somebody waits for the error.
const END_LIMIT: Duration = Duration::from_secs(2);

impl Database {
    fn password(&self) -> Result<SecretString, Error> {
        let path = &self.args.database_password_file;
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::PasswordFile { path: path.clone(), source })?;
        // Files made by hand end with a line break.
        Ok(text.trim_end_matches(['\r', '\n']).into())
    }

    /// A connection without a session, with the session's settings.
    pub(crate) async fn connect(&self) -> Result<MySqlConnection, Error> {
        self.within(LIMIT, self.dial()).await.map(|(connection, _)| connection)
    }

    /// The same for who changes tables and users.
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
            // Ours come in one packet: `settings.rs`.
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .set_names(false)
            .timezone(None::<String>)
            .disable_statement_logging();
        if let Some(path) = &self.args.database_tls_ca_file {
            options = options.ssl_ca(path);
        }
        // An empty password and none are not the same to the protocol; to servers only the latter exists.
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

    /// Ends what was given up, so that it holds no lock, reads no table and takes no connection any more. Only what is at work
    /// still: the number may be another session's by now, or the server another.
    pub(super) async fn end_abandoned(&self, abandoned: Connected) {
        let id = abandoned.server.connection;
        drop(abandoned);
        let end = async {
            let (mut connection, _) = self.dial().await?;
            let failed = |source| Error::Query { operation: "end an abandoned statement", source };
            let mut look = Script::new(
                "SELECT 1 FROM information_schema.PROCESSLIST WHERE COMMAND <> 'Sleep' AND TIME >= 2 AND ID = ",
            );
            look.number(id);
            if look.rows(&mut connection).await.map_err(failed)?.is_empty() {
                return Ok(false);
            }
            let mut kill = Script::new("KILL ");
            kill.number(id);
            kill.execute(&mut connection).await.map_err(failed).map(|_| true)
        };
        match self.within(END_LIMIT, end).await {
            Ok(true) => warn!(connection = id, "ended at the server what was given up here, connection {id}"),
            Ok(false) => debug!(connection = id, "what was given up had ended"),
            Err(error) => debug!(%error, connection = id, "failed to end what was given up"),
        }
    }
}
