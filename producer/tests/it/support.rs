//! A producer with a database of its own.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use eventpipeline_database::{
    ClaimCursor, Claimed, Claimer, Completion, Database, DatabaseArgs, Lease, Metrics, Session, Tls, Value,
};
use eventpipeline_testkit::{Database as Server, Engine, Program, eventually};
use prometheus::Registry;
use reqwest::{Client, Method, Response};

const PRODUCER: &str = env!("CARGO_BIN_EXE_eventpipeline-producer");

/// A database on a server, by name.
pub(crate) fn database(server: &Server) -> DatabaseArgs {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    DatabaseArgs {
        database_host: server.host().to_owned(),
        database_port: server.port(),
        database_name: format!("producer{}", NUMBER.fetch_add(1, Ordering::Relaxed)),
        database_user: server.user().to_owned(),
        database_password_file: "/dev/null".into(),
        database_tls: Tls::Preferred,
        database_tls_ca_file: None,
    }
}

/// The same, to be used by the test itself.
pub(crate) fn connected(args: &DatabaseArgs) -> Database {
    Database::new(args.clone(), Metrics::new(&Registry::new()).unwrap())
}

/// Runs the producer's binary with `database` and further variables.
pub(crate) fn program(database: &DatabaseArgs, further: &[(&str, &str)]) -> Program {
    run(&[PRODUCER], database, further)
}

/// Runs the producer's `schema` command.
pub(crate) fn schema(database: &DatabaseArgs) -> Program {
    run(&[PRODUCER, "schema"], database, &[])
}

fn run(command: &[&str], database: &DatabaseArgs, further: &[(&str, &str)]) -> Program {
    let port = database.database_port.to_string();
    let environment = [
        &[
            ("DATABASE_HOST", database.database_host.as_str()),
            ("DATABASE_PORT", &port),
            ("DATABASE_NAME", &database.database_name),
            ("DATABASE_USER", &database.database_user),
            ("DATABASE_PASSWORD_FILE", "/dev/null"),
            ("LISTEN_ADDRESS", "127.0.0.1:0"),
            ("ADMIN_ADDRESS", "127.0.0.1:0"),
        ],
        further,
    ]
    .concat();
    Program::start("producer", command, &environment)
}

/// A running producer and its client.
pub(crate) struct Producer {
    pub(crate) program: Program,
    pub(crate) database: Database,
    pub(crate) api: String,
    admin: String,
    pub(crate) client: Client,
}

impl Producer {
    /// A producer before the shared MySQL, in a database that has its schema.
    pub(crate) async fn start() -> Self {
        Self::before(Server::shared(Engine::MySql).await, &[]).await
    }

    /// A producer before `server`.
    pub(crate) async fn before(server: &Server, further: &[(&str, &str)]) -> Self {
        let args = database(server);
        server.create_database(&args.database_name).await;
        let database = connected(&args);
        database.migrate().await.unwrap();
        let program = program(&args, further);
        let producer = Self {
            api: format!("http://{}", program.address("the API listens").await),
            admin: format!("http://{}", program.address("the admin server listens").await),
            program,
            database,
            client: eventpipeline_testkit::client(),
        };
        producer.until_ready(200).await;
        producer
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.api)).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str) -> Response {
        self.client.post(format!("{}{path}", self.api)).send().await.unwrap()
    }

    pub(crate) async fn request(&self, method: Method, path: &str) -> Response {
        self.client.request(method, format!("{}{path}", self.api)).send().await.unwrap()
    }

    /// The text of a path of the internal port.
    pub(crate) async fn admin(&self, path: &str) -> (u16, String) {
        let response = self.client.get(format!("{}{path}", self.admin)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Waits until `/readyz` answers `status`.
    pub(crate) async fn until_ready(&self, status: u16) -> String {
        eventually(async || {
            let (answered, text) = self.admin("/readyz").await;
            (answered == status).then_some(text)
        })
        .await
    }

    /// Does a consumer's work for one event, once there is one.
    pub(crate) async fn consume(&self, session: &mut Session, valor: &str) {
        let claim = claim(session).await;
        let completion = Completion { claim, value: Value::new(valor).unwrap() };
        assert_eq!(session.complete(&[completion]).await.unwrap().len(), 1);
    }

    /// How many clients wait for an answer, as the metrics say.
    pub(crate) async fn until_waiters(&self, many: usize) {
        let line = format!("eventpipeline_waiters {many}");
        eventually(async || self.admin("/metrics").await.1.lines().any(|found| found == line).then_some(()))
            .await;
    }
}

/// Claims the first event in line, once there is one.
pub(crate) async fn claim(session: &mut Session) -> Claimed {
    let (claimer, lease) = (Claimer::new("test"), Lease::new(Duration::from_mins(10)));
    eventually(async || session.claim(&mut ClaimCursor::default(), &claimer, lease, 1).await.unwrap().pop())
        .await
}
