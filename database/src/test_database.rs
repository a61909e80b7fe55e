//! Databases for tests of this crate's private parts.

use eventpipeline_testkit::{Database as Server, Engine};

use crate::{Database, DatabaseArgs, Metrics, Tls};

/// Returns a database of a server, which need not exist yet.
pub(crate) fn named(name: &str, server: &Server) -> Database {
    let args = DatabaseArgs {
        database_host: server.host().to_owned(),
        database_port: server.port(),
        database_name: name.to_owned(),
        database_user: server.user().to_owned(),
        database_password_file: "/dev/null".into(),
        database_tls: Tls::Preferred,
        database_tls_ca_file: None,
    };
    Database::new(args, Metrics::new(&prometheus::Registry::new()).unwrap())
}

/// Creates a database with the schema on the shared server of an engine.
pub(crate) async fn migrated(engine: Engine, name: &str) -> Database {
    let server = Server::shared(engine).await;
    server.create_database(name).await;
    let database = named(name, server);
    database.migrate().await.unwrap();
    database
}
