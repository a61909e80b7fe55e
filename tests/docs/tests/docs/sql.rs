//! SQL, on a MySQL with the tables of a pipeline.

use eventpipeline_database::{Database, DatabaseArgs, Metrics, Tls};
use eventpipeline_testkit::{Database as Server, Engine, Options};
use prometheus::Registry;
use sqlx::mysql::{MySqlConnectOptions, MySqlDatabaseError};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};

use crate::report::Report;

/// `ER_NO_SUCH_TABLE`: the statement was parsed, and is about a table of the reader.
const NO_SUCH_TABLE: u16 = 1146;

/// Runs all statements that the report has collected, in their order.
pub(crate) async fn check(report: &mut Report) {
    let options = Options { durable: true, ..Options::default() };
    let server = Server::start_with(Engine::MySql, options).await;
    let name = "eventpipeline";
    server.create_database(name).await;
    let arguments = DatabaseArgs {
        database_host: server.host().to_owned(),
        database_port: server.port(),
        database_name: name.to_owned(),
        database_user: server.user().to_owned(),
        database_password_file: "/dev/null".into(),
        database_tls: Tls::Preferred,
        database_tls_ca_file: None,
    };
    Database::new(arguments, Metrics::new(&Registry::new()).unwrap()).migrate().await.unwrap();
    let options = MySqlConnectOptions::new().host(server.host()).port(server.port());
    let mut connection = options.username(server.user()).database(name).connect().await.unwrap();
    for (place, text) in std::mem::take(&mut report.sql) {
        for statement in text.split(';').filter(|statement| !statement.trim().is_empty()) {
            let result = connection.execute(sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))).await;
            let result = result.map(drop).or_else(|error| match error.as_database_error() {
                Some(error) if error.downcast_ref::<MySqlDatabaseError>().number() == NO_SUCH_TABLE => Ok(()),
                _ => Err(format!("`{}`: {error}", statement.trim())),
            });
            report.add("sql", &place, result);
        }
    }
}
