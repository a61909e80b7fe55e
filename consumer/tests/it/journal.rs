//! The log lines of events: one for each at low load, and their number under load.

use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use eventpipeline_testkit::{Program, eventually};
use serde_json::Value;

use crate::server::{Server, http};
use crate::support::Pipeline;

/// Returns the log lines with this outcome.
fn lines(consumer: &Program, outcome: &str) -> Vec<Value> {
    let log = consumer.log();
    let lines = eventpipeline_testkit::whole_lines(&log).filter_map(|line| serde_json::from_str(line).ok());
    lines.filter(|line: &Value| line["outcome"] == outcome).collect()
}

#[tokio::test]
async fn each_completed_event_and_each_failed_attempt_has_a_line() {
    let mut pipeline = Pipeline::new().await;
    let handler = Server::start(|asked| async move {
        match (
            asked.headers["x-event-id"].to_str().unwrap(),
            asked.headers["x-event-attempt"].to_str().unwrap(),
        ) {
            ("1", "1") => StatusCode::NOT_FOUND.into_response(),
            ("2", _) => StatusCode::GONE.into_response(),
            _ => "segredo".into_response(),
        }
    })
    .await;
    let consumer = pipeline.consumer(&http(&handler.url(), &[]));
    pipeline.create(2).await;
    let of = async |outcome: &str| eventually(async || lines(&consumer, outcome).pop()).await;
    let done = of("done").await;
    assert_eq!(
        (&done["event.id"], &done["handler"], &done["attempt"], &done["message"]),
        (&"1".into(), &"http".into(), &2.into(), &"event 1 is done".into())
    );
    assert!(done["duration_ms"].is_number() && done["valor"].is_null(), "{done}");
    let failed = of("failed").await;
    assert_eq!((&failed["event.id"], &failed["attempt"]), (&"1".into(), &1.into()));
    assert!(failed["error"].as_str().unwrap().contains("404"), "{failed}");
    assert_eq!(of("dead").await["event.id"], "2");
    assert!(!consumer.log().contains("segredo"), "{}", consumer.log());

    drop(consumer);
    let consumer = pipeline.consumer(&http(&handler.url(), &[("LOG_VALUES", "true")]));
    pipeline.create(1).await;
    assert_eq!(eventually(async || lines(&consumer, "done").pop()).await["valor"], "\"segredo\"");
}

#[tokio::test]
async fn under_load_the_first_events_of_each_second_have_lines_and_all_are_counted() {
    let mut pipeline = Pipeline::new().await;
    pipeline.create(3000).await;
    let consumer = pipeline.consumer(&[("LOG_EVENTS_PER_SECOND", "5")]);
    let (alone, counted) = eventually(async || {
        let lines = lines(&consumer, "done");
        let alone = lines.iter().filter(|line| line["event.id"].is_string()).count();
        let counted: u64 = lines.iter().filter_map(|line| line["events"].as_u64()).sum();
        (u64::try_from(alone).unwrap() + counted >= 3000).then_some((alone, counted))
    })
    .await;
    assert_eq!(u64::try_from(alone).unwrap() + counted, 3000);
    assert!((5..3000).contains(&alone), "{alone}");
}
