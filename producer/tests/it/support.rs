//! A producer with its own database.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use eventpipeline_database::{
    ClaimLimit, Claimed, Completion, Creation, Database, DatabaseArgs, EventType, Lanes, Lease, LowWaterMark,
    MaxAttempts, Metrics, NewEvent, Owner, Session, Tls, Value,
};
use eventpipeline_testkit::{Database as Server, Engine, Program, Proxy, eventually};
use prometheus::Registry;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value as Json;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{ConnectOptions as _, Executor as _};

const PRODUCER: &str = env!("CARGO_BIN_EXE_eventpipeline-producer");

/// Returns the arguments of a new database on a server. The database does not exist yet.
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

/// Returns the database for the test itself.
pub(crate) fn connected(args: &DatabaseArgs) -> Database {
    Database::new(args.clone(), Metrics::new(&Registry::new()).unwrap())
}

/// Runs the producer's binary with environment variables.
pub(crate) fn program(database: &DatabaseArgs, variables: &[(&str, &str)]) -> Program {
    run(&[PRODUCER, "serve"], database, variables)
}

/// Runs the producer's binary with at most `files` open files.
fn limited(database: &DatabaseArgs, files: u32) -> Program {
    run(&["prlimit", &format!("--nofile={files}:{files}"), PRODUCER, "serve"], database, &[])
}

/// Runs the producer's `schema` command.
pub(crate) fn schema(database: &DatabaseArgs) -> Program {
    schema_with(database, &[])
}

/// Runs the producer's `schema` command with environment variables.
pub(crate) fn schema_with(database: &DatabaseArgs, variables: &[(&str, &str)]) -> Program {
    run(&[PRODUCER, "schema"], database, variables)
}

fn run(command: &[&str], database: &DatabaseArgs, variables: &[(&str, &str)]) -> Program {
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
        variables,
    ]
    .concat();
    Program::start("producer", command, &environment)
}

/// A running producer and its client.
pub(crate) struct Producer {
    pub(crate) program: Program,
    pub(crate) database: Database,
    args: DatabaseArgs,
    pub(crate) api: String,
    admin: String,
    pub(crate) client: Client,
}

impl Producer {
    /// Starts a producer on the shared MySQL server, in a migrated database.
    pub(crate) async fn start() -> Self {
        Self::before(Server::shared(Engine::MySql).await, &[]).await
    }

    /// Starts a producer with a lane and pending events in both lanes, so that it exports all metrics.
    pub(crate) async fn with_lanes() -> Self {
        let args = database(Server::shared(Engine::MySql).await);
        Server::shared(Engine::MySql).await.create_database(&args.database_name).await;
        let database = connected(&args);
        database.migrate().await.unwrap();
        let lanes = Lanes::from_json(r#"[{"lane": "orders", "types": ["order.*"]}]"#).unwrap();
        database.apply_lanes(&lanes).await.unwrap();
        let order = NewEvent { event_type: EventType::new("order.created").ok(), ..NewEvent::default() };
        let events = vec![order.clone(), order, NewEvent::default()];
        database.session().create(&[Creation::many(events).unwrap()]).await.unwrap();
        Self::run(args, &[]).await
    }

    /// Starts a producer on the shared MySQL server with environment variables.
    pub(crate) async fn with(variables: &[(&str, &str)]) -> Self {
        Self::before(Server::shared(Engine::MySql).await, variables).await
    }

    /// Starts a producer that may open at most `files` files.
    pub(crate) async fn with_files(files: u32) -> Self {
        let server = Server::shared(Engine::MySql).await;
        let args = database(server);
        server.create_database(&args.database_name).await;
        connected(&args).migrate().await.unwrap();
        Self::started(limited(&args, files), args).await
    }

    /// Starts a producer on `server`.
    pub(crate) async fn before(server: &Server, variables: &[(&str, &str)]) -> Self {
        let args = database(server);
        server.create_database(&args.database_name).await;
        connected(&args).migrate().await.unwrap();
        Self::run(args, variables).await
    }

    /// Starts a producer that connects through `proxy`. The test itself connects directly.
    pub(crate) async fn behind(proxy: &Proxy, variables: &[(&str, &str)]) -> Self {
        let server = Server::shared(Engine::MySql).await;
        let args = database(server);
        server.create_database(&args.database_name).await;
        connected(&args).migrate().await.unwrap();
        let producer =
            Self::run(DatabaseArgs { database_port: proxy.port(), ..args.clone() }, variables).await;
        Self { database: connected(&args), ..producer }
    }

    /// Starts another producer on the same database.
    pub(crate) async fn another(&self) -> Self {
        self.another_with(&[]).await
    }

    /// Starts another producer on the same database with environment variables.
    pub(crate) async fn another_with(&self, variables: &[(&str, &str)]) -> Self {
        Self::run(self.args.clone(), variables).await
    }

    /// Returns the arguments of the database.
    pub(crate) fn args(&self) -> &DatabaseArgs {
        &self.args
    }

    /// Returns the name of the database.
    pub(crate) fn database_name(&self) -> &str {
        &self.args.database_name
    }

    /// Connects another client to the database.
    pub(crate) async fn connection(&self) -> MySqlConnection {
        let DatabaseArgs { database_host, database_port, database_user, database_name, .. } = &self.args;
        let options = MySqlConnectOptions::new().host(database_host).port(*database_port);
        options.username(database_user).database(database_name).connect().await.unwrap()
    }

    /// Runs a statement as another client of the database.
    pub(crate) async fn sql(&self, statement: &'static str) {
        self.connection().await.execute(sqlx::raw_sql(statement)).await.unwrap();
    }

    pub(crate) async fn run(args: DatabaseArgs, variables: &[(&str, &str)]) -> Self {
        Self::started(program(&args, variables), args).await
    }

    async fn started(program: Program, args: DatabaseArgs) -> Self {
        let producer = Self {
            api: format!("http://{}", program.address("API listens").await),
            admin: format!("http://{}", program.address("the admin server listens").await),
            program,
            database: connected(&args),
            args,
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

    /// Builds a POST request.
    pub(crate) fn posting(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.api))
    }

    /// Returns the JSON of a path that must answer 200.
    pub(crate) async fn json(&self, path: &str) -> Json {
        let response = self.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    pub(crate) async fn request(&self, method: Method, path: &str) -> Response {
        self.client.request(method, format!("{}{path}", self.api)).send().await.unwrap()
    }

    /// Returns the URL of the admin port.
    pub(crate) fn admin_address(&self) -> &str {
        &self.admin
    }

    /// Returns the status and the text of a path of the admin port.
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

    /// Waits for an event and completes it, as a consumer does.
    pub(crate) async fn consume(&self, session: &mut Session, valor: &str) {
        let claim = claim(session).await;
        let completion = Completion { claim, value: Value::new(valor).unwrap() };
        assert_eq!(session.complete(&[completion]).await.unwrap().len(), 1);
    }

    /// Waits until `clients` clients wait for their events.
    pub(crate) async fn until_waiters(&self, clients: u32) {
        let clients = Some(f64::from(clients));
        eventually(async || (self.metric("eventpipeline_waiters").await == clients).then_some(())).await;
    }

    /// Waits until the metrics contain the queue statistics.
    pub(crate) async fn until_counted(&self) {
        eventually(async || self.metric("eventpipeline_events_counted").await).await;
    }

    /// Returns the value of a series, given with its labels as they are exported.
    pub(crate) async fn metric(&self, name: &str) -> Option<f64> {
        let (_, text) = self.admin("/metrics").await;
        let value = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
        text.lines().find_map(value)
    }
}

/// Checks that a response is a problem document, and returns it.
#[track_caller]
pub(crate) fn problem(response: Response, status: u16, kind: &str) -> impl Future<Output = Json> {
    assert_eq!(response.status(), status, "{response:?}");
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let expected = format!("urn:eventpipeline:problem:{kind}");
    async move {
        let problem: Json = response.json().await.unwrap();
        assert_eq!(problem["type"], expected, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        for text in ["title", "detail", "message"] {
            assert!(problem[text].as_str().is_some_and(|text| !text.is_empty()), "{text} in {problem}");
        }
        problem
    }
}

/// Waits for an event and claims it.
pub(crate) async fn claim(session: &mut Session) -> Claimed {
    let (owner, lease) =
        (Owner::new("test", MaxAttempts::new(10).unwrap()), Lease::new(Duration::from_mins(10)));
    let limit = ClaimLimit { events: 1, bytes: usize::MAX };
    let mark = &mut LowWaterMark::default();
    eventually(async || session.claim(mark, &owner, lease, limit).await.unwrap().events.pop()).await
}
