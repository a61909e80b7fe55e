//! A pipeline's database and consumers, and helpers of tests.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use eventpipeline_database::{
    Created, Creation, Database, DatabaseArgs, Event, EventId, Lanes, Metrics, NewEvent, Session, State, Tls,
};
use eventpipeline_testkit::{Database as Server, Engine, Program, client, eventually};
use prometheus::Registry;
use sqlx::ConnectOptions as _;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};

const CONSUMER: &str = env!("CARGO_BIN_EXE_eventpipeline-consumer");

/// A pipeline's database.
pub(crate) struct Pipeline {
    args: DatabaseArgs,
    pub(crate) database: Database,
    pub(crate) session: Session,
}

impl Pipeline {
    pub(crate) async fn new() -> Self {
        Self::on(Server::shared(Engine::MySql).await).await
    }

    pub(crate) async fn on(server: &Server) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let args = DatabaseArgs {
            database_host: server.host().to_owned(),
            database_port: server.port(),
            database_name: format!("consumer{}", NUMBER.fetch_add(1, Ordering::Relaxed)),
            database_user: server.user().to_owned(),
            database_password_file: "/dev/null".into(),
            database_tls: Tls::Preferred,
            database_tls_ca_file: None,
        };
        server.create_database(&args.database_name).await;
        let database = Database::new(args.clone(), Metrics::new(&Registry::new()).unwrap());
        database.migrate().await.unwrap();
        let session = database.session();
        Self { args, database, session }
    }

    /// Opens a connection of another program.
    pub(crate) async fn another(&self) -> MySqlConnection {
        let options = MySqlConnectOptions::new()
            .host(&self.args.database_host)
            .port(self.args.database_port)
            .username(&self.args.database_user)
            .database(&self.args.database_name);
        options.connect().await.unwrap()
    }

    /// Runs a consumer with further variables.
    pub(crate) fn consumer(&self, further: &[(&str, &str)]) -> Program {
        let port = self.args.database_port.to_string();
        let environment = [
            &[
                ("DATABASE_HOST", self.args.database_host.as_str()),
                ("DATABASE_PORT", &port),
                ("DATABASE_NAME", &self.args.database_name),
                ("DATABASE_USER", &self.args.database_user),
                ("DATABASE_PASSWORD_FILE", "/dev/null"),
                ("ADMIN_ADDRESS", "127.0.0.1:0"),
            ],
            further,
        ]
        .concat();
        Program::start("consumer", &[CONSUMER, "serve"], &environment)
    }

    /// Replaces the lanes.
    pub(crate) async fn set_lanes(&self, lanes: &str) {
        self.database.apply_lanes(&Lanes::from_json(lanes).unwrap()).await.unwrap();
    }

    pub(crate) async fn create(&mut self, many: usize) -> Vec<EventId> {
        self.create_all(vec![NewEvent::default(); many]).await
    }

    pub(crate) async fn create_all(&mut self, events: Vec<NewEvent>) -> Vec<EventId> {
        let created = self.session.create(&[Creation::many(events).unwrap()]).await.unwrap();
        let new = created.into_iter().filter_map(|created| match created {
            Created::New(ids) => Some(ids),
            Created::Replayed(_) | Created::KeyReused | Created::NoKeys | Created::TooLarge { .. } => None,
        });
        new.flat_map(eventpipeline_database::Ids::iter).collect()
    }

    /// Waits for the values of these events.
    pub(crate) async fn values(&mut self, ids: &[EventId]) -> HashMap<EventId, String> {
        eventually(async || {
            let done = self.session.read_finished(ids).await.ok()?;
            (done.len() == ids.len()).then(|| done.into_iter().map(|event| (event.id, event.valor)).collect())
        })
        .await
    }

    /// Returns the current state of an event.
    pub(crate) async fn event(&mut self, id: EventId) -> Event {
        self.session.event(id).await.unwrap().unwrap()
    }

    /// Waits until an event is in this state.
    pub(crate) async fn in_state(&mut self, id: EventId, state: State) -> Event {
        eventually(async || {
            let event = self.session.event(id).await.ok()??;
            (event.state == state).then_some(event)
        })
        .await
    }
}

/// Returns all metrics of a running consumer.
pub(crate) async fn metrics(consumer: &Program) -> String {
    let address = consumer.address("the admin server listens").await;
    // It listens before the metrics are registered; this is logged afterwards.
    consumer.line("uses up to").await;
    let response = client().get(format!("http://{address}/metrics")).send().await.unwrap();
    response.text().await.unwrap()
}

/// Returns a metric of a running consumer: the sum of all lines that start with `name`, which may end within
/// the labels.
pub(crate) async fn metric(consumer: &Program, name: &str) -> f64 {
    let text = metrics(consumer).await;
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with(name)).collect();
    assert!(!lines.is_empty(), "no {name} in {text}");
    lines.iter().filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// Waits until a metric is at least `least`: commits are visible before they are counted.
pub(crate) async fn until_metric(consumer: &Program, name: &str, least: f64) {
    eventually(async || (metric(consumer, name).await >= least).then_some(())).await;
}
