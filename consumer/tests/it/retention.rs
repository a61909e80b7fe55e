//! Finished events go after the time that they are kept, and others stay.

use std::time::{Duration, SystemTime};

use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use eventpipeline_database::{Event, State};
use eventpipeline_testkit::{Database, Engine, eventually};

use crate::server::{Server, http};
use crate::support::{Pipeline, until_metric};

const KEPT: Duration = Duration::from_secs(5);

/// How long ago the event was finished; the database and this test share a machine and its clock.
fn age(event: &Event) -> Duration {
    let finished: SystemTime = event.finished_at.unwrap().into();
    finished.elapsed().unwrap_or_default()
}

#[tokio::test]
async fn old_events_are_removed_and_young_and_dead_ones_are_kept() {
    for engine in Engine::all() {
        let mut pipeline = Pipeline::on(Database::shared(engine).await).await;
        let handler = Server::start(|asked| async move {
            match asked.headers["x-event-id"].to_str().unwrap() {
                "1" => StatusCode::GONE.into_response(),
                _ => "guardada".into_response(),
            }
        })
        .await;
        let url = handler.url();
        let worker = pipeline.consumer(&http(&url, &[]));
        // More than are removed at once.
        let old = pipeline.create(1200).await;
        pipeline.values(&old).await;
        let last = pipeline.event(old[1199]).await;
        eventually(async || (age(&last) > KEPT).then_some(())).await;
        let young = pipeline.create(1).await;
        pipeline.values(&young).await;
        let young = pipeline.event(young[0]).await;
        drop(worker);

        let keeper = pipeline.consumer(&http(&url, &[("RETAIN_DONE_SECONDS", "5")]));
        let gone = eventually(async || {
            let stats = pipeline.session.stats().await.ok()?;
            (stats.removed >= 1199).then_some(stats)
        })
        .await;
        match pipeline.session.event(young.id).await.unwrap() {
            Some(_) => assert_eq!((gone.removed, gone.done), (1199, 1)),
            // On a machine that was busy for so long, the young one was old.
            None => assert!(age(&young) > KEPT, "{young:?}"),
        }
        assert_eq!((gone.created, gone.dead), (1201, 1));
        assert_eq!(pipeline.event(old[0]).await.state, State::Dead);
        until_metric(&keeper, "eventpipeline_events_removed_total{state=\"done\"}", 1199.0).await;
    }
}
