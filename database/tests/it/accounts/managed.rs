//! A server as the operator starts it: with its own certificate, mandatory encryption, and the init file.

use std::path::{Path, PathBuf};

use eventpipeline_database::{Account, Database, DatabaseArgs, Generation, Metrics, Role, Tls};
use eventpipeline_testkit::{Certificates, Database as Server, Engine, Options};
use prometheus::Registry;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{ConnectOptions as _, Executor as _};
use tempfile::TempDir;

const INIT: &str = include_str!("../../../accounts/init.sql");

pub(crate) struct Managed {
    pub(crate) server: Server,
    pub(crate) certificates: Certificates,
    folder: TempDir,
}

impl Managed {
    /// Starts a server whose schema user has the password `first`.
    pub(crate) async fn start(engine: Engine) -> Self {
        Self::start_with(engine, Options::default()).await
    }

    /// Starts it with options.
    pub(crate) async fn start_with(engine: Engine, options: Options) -> Self {
        let (certificates, folder) = (Certificates::new(), tempfile::tempdir().unwrap());
        write_init_file(folder.path(), "first");
        let mut arguments = certificates.server_arguments();
        arguments.push(format!("--init-file={}", folder.path().join("init.sql").display()));
        arguments.extend(options.arguments);
        let server = Server::start_with(engine, Options { arguments, ..options }).await;
        Self { server, certificates, folder }
    }

    pub(crate) fn write_init_file(&self, password: &str) {
        write_init_file(self.folder.path(), password);
    }

    /// Returns the migrated database as its schema user sees it.
    pub(crate) async fn with_schema(&self) -> Database {
        let schema = self.schema("first");
        schema.migrate().await.unwrap();
        schema
    }

    pub(crate) fn schema(&self, password: &str) -> Database {
        self.database("eventpipeline_schema", password)
    }

    /// Returns the users of a generation, as the operator requests them.
    pub(crate) fn accounts(generation: Generation) -> Vec<Account> {
        Role::ALL.map(|role| account(role, generation)).into()
    }

    /// Returns the database as a program sees it.
    pub(crate) fn program(&self, role: Role, generation: Generation) -> Database {
        self.database(&account(role, generation).name(), &password(role, generation))
    }

    /// Returns the database as a user sees it.
    pub(crate) fn database(&self, user: &str, password: &str) -> Database {
        let args = DatabaseArgs {
            database_host: self.server.host().to_owned(),
            database_port: self.server.port(),
            database_name: "eventpipeline".to_owned(),
            database_user: user.to_owned(),
            database_password_file: self.password_file(password),
            database_tls: Tls::VerifyIdentity,
            database_tls_ca_file: Some(self.certificates.authority()),
        };
        Database::new(args, Metrics::new(&Registry::new()).unwrap())
    }

    /// Opens a connection for statements that our programs do not execute.
    pub(crate) async fn connection(&self, user: &str, password: &str) -> MySqlConnection {
        let options = MySqlConnectOptions::new()
            .host(self.server.host())
            .port(self.server.port())
            .username(user)
            .password(password)
            .database("eventpipeline");
        options.connect().await.unwrap()
    }

    pub(crate) async fn sql(&self, statement: &'static str) -> Result<(), sqlx::Error> {
        let options = MySqlConnectOptions::new()
            .host(self.server.host())
            .port(self.server.port())
            .username(self.server.user())
            .database("eventpipeline");
        options.connect().await?.execute(statement).await.map(drop)
    }

    fn password_file(&self, password: &str) -> PathBuf {
        let path = self.folder.path().join(format!("{password}.password"));
        std::fs::write(&path, password).unwrap();
        path
    }
}

/// Returns a password that needs quoting.
pub(crate) fn password(role: Role, generation: Generation) -> String {
    format!("it's \"{role:?}\" \\{generation}")
}

fn account(role: Role, generation: Generation) -> Account {
    Account { role, generation, password: password(role, generation).into() }
}

/// Writes the init file like the operator.
fn write_init_file(folder: &Path, password: &str) {
    std::fs::write(folder.join("init.sql"), INIT.replace("{schema-password}", password)).unwrap();
}
