//! Consumers, the database that they work on, and a word API that does what a test tells it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use eventpipeline_database::{
    Created, Creation, Database, DatabaseArgs, EventId, Metrics, NewEvent, Session, Tls,
};
use eventpipeline_testkit::{Database as Server, Engine, Program, eventually};
use prometheus::Registry;
use tokio::net::TcpListener;

const CONSUMER: &str = env!("CARGO_BIN_EXE_eventpipeline-consumer");

/// A pipeline's database.
pub(crate) struct Pipeline {
    args: DatabaseArgs,
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
        Self { args, session: database.session() }
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
        Program::start("consumer", &[CONSUMER], &environment)
    }

    pub(crate) async fn create(&mut self, many: usize) -> Vec<EventId> {
        let creation = Creation::many(vec![NewEvent::default(); many]).unwrap();
        let created = self.session.create(&[creation]).await.unwrap();
        let new = created.into_iter().filter_map(|created| match created {
            Created::New(ids) => Some(ids),
            Created::Replayed(_) | Created::KeyReused => None,
        });
        new.flat_map(eventpipeline_database::Ids::iter).collect()
    }

    /// The values of these events, once all have theirs.
    pub(crate) async fn values(&mut self, ids: &[EventId]) -> HashMap<EventId, String> {
        eventually(async || {
            let done = self.session.read_finished(ids).await.ok()?;
            (done.len() == ids.len()).then(|| done.into_iter().map(|event| (event.id, event.valor)).collect())
        })
        .await
    }
}

/// A word API and how often it was asked.
pub(crate) struct WordApi {
    pub(crate) url: String,
    asked: Arc<AtomicUsize>,
}

impl WordApi {
    /// Answers as `answer` says, which is told how often it was asked before.
    pub(crate) async fn start<F>(answer: impl Fn(usize) -> F + Clone + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response> + Send,
    {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let route = get(move || {
            let before = counter.fetch_add(1, Ordering::Relaxed);
            answer(before)
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/words", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, Router::new().route("/words", route)).into_future());
        Self { url, asked }
    }

    /// Waits until it was asked `many` times.
    pub(crate) async fn until_asked(&self, many: usize) {
        eventually(async || (self.asked.load(Ordering::Relaxed) >= many).then_some(())).await;
    }

    /// The variables of a consumer that asks it.
    pub(crate) fn variables(&self) -> [(&str, &str); 2] {
        [("HANDLER", "word-api"), ("WORD_API_URL", &self.url)]
    }
}
