//! A volume that is nearly full: only creations are refused.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use eventpipeline_testkit::{Database as Server, Engine, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, MySqlConnection};

use crate::support::{Producer, problem};

const GIB: u64 = 1 << 30;

/// A fake agent that reports the given free space, or an error.
#[derive(Clone)]
struct Agent {
    free: Arc<Mutex<Option<u64>>>,
    url: String,
}

impl Agent {
    async fn start(free: u64) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/volume", listener.local_addr().unwrap());
        let agent = Self { free: Arc::new(Mutex::new(Some(free))), url };
        let router = Router::new().route("/volume", get(volume)).with_state(agent.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        agent
    }

    fn report(&self, free: Option<u64>) {
        *self.free.lock().unwrap() = free;
    }
}

async fn volume(State(agent): State<Agent>) -> Result<Json<Value>, StatusCode> {
    let free = agent.free.lock().unwrap().ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(Json(json!({"capacityBytes": 10 * GIB, "freeBytes": free, "files": {"dataBytes": 1}})))
}

async fn until_refused(producer: &Producer, refused: bool) {
    eventually(async || {
        let status = producer.post("/create-async").await.status();
        (status == if refused { 507 } else { 202 }).then_some(())
    })
    .await;
}

#[tokio::test]
async fn only_creations_are_refused_until_there_is_space_again() {
    let agent = Agent::start(5 * GIB).await;
    let producer = Producer::with(&[("VOLUME_URL", &agent.url)]).await;
    assert_eq!(producer.post("/create-async").await.status(), 202);
    assert_eq!(producer.post("/create-async").await.status(), 202);

    // A twentieth of the volume must stay free.
    agent.report(Some(GIB / 4));
    until_refused(&producer, true).await;
    for path in ["/create-async", "/create-sync"] {
        let answer = producer.post(path).await;
        assert_eq!(answer.headers()["retry-after"], "30");
        let problem = problem(answer, 507, "storage-full").await;
        assert_eq!(problem["freeBytes"].as_u64(), Some(GIB / 4), "{problem}");
        assert!(problem["requiredBytes"].as_u64().unwrap() >= GIB / 2, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("database.managed.storage.size"), "{problem}");
    }
    let many = producer.posting("/v1/events").json(&json!([{}, {}])).send().await.unwrap();
    problem(many, 507, "storage-full").await;
    assert_eq!(producer.metric("eventpipeline_storage_refusing").await, Some(1.0));
    let (status, page) = producer.admin("/storage").await;
    let page: Value = serde_json::from_str(&page).unwrap();
    assert_eq!(
        (status, &page["refusing"], page["capacityBytes"].as_u64()),
        (200, &json!(true), Some(10 * GIB))
    );

    let mut session = producer.database.session();
    producer.consume(&mut session, "um").await;
    assert_eq!(producer.json("/1").await["valor"], "um");
    assert_eq!(producer.post("/v1/events/2/cancel").await.status(), 200);
    let purged = producer.request(Method::DELETE, "/v1/events?state=cancelled&olderThanSeconds=0").await;
    assert_eq!(purged.status(), 200);
    assert_eq!(producer.admin("/readyz").await.0, 200);

    agent.report(Some(GIB));
    until_refused(&producer, false).await;
    assert_eq!(producer.metric("eventpipeline_storage_refusing").await, Some(0.0));
}

#[tokio::test]
async fn nothing_is_refused_while_the_free_space_is_unknown() {
    let agent = Agent::start(0).await;
    let producer = Producer::with(&[("VOLUME_URL", &agent.url)]).await;
    until_refused(&producer, true).await;
    agent.report(None);
    until_refused(&producer, false).await;
    producer.program.line("failed to read the volume's free space").await;
    let (_, page) = producer.admin("/storage").await;
    let page: Value = serde_json::from_str(&page).unwrap();
    assert_eq!(page, json!({"refusing": false, "secondsToFull": null}));
}

#[tokio::test]
async fn a_full_disk_of_the_server_is_answered_with_507() {
    for engine in Engine::all() {
        let server = Server::shared(engine).await;
        let producer = Producer::before(server, &[]).await;
        let mut sql = MySqlConnection::connect(&server.url(producer.database_name())).await.unwrap();
        sql.execute(sqlx::raw_sql(
            "CREATE TRIGGER disk_full BEFORE INSERT ON Events FOR EACH ROW SIGNAL SQLSTATE 'HY000' \
             SET MYSQL_ERRNO = 1114, MESSAGE_TEXT = 'The table ''Events'' is full'",
        ))
        .await
        .unwrap();
        let problem = problem(producer.post("/create-async").await, 507, "storage-full").await;
        assert_eq!(problem.get("freeBytes"), None, "{problem}");
        sql.execute(sqlx::raw_sql("DROP TRIGGER disk_full")).await.unwrap();
        assert_eq!(producer.post("/create-async").await.status(), 202);
    }
}
