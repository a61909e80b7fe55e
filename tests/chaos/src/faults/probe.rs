//! An event that must be done while a foreign transaction locks other events.

use std::time::Duration;

use eventpipeline_chaos::Recorder;
use eventpipeline_testkit::client;
use reqwest::StatusCode;
use tokio::time::sleep;

use crate::pipeline::Pipeline;

/// Time in which the event must be done. Tenths of a second are usual; the rest is a margin for machines that are ten times
/// slower. It is several times the server's lock wait timeout (5 s).
pub(super) const LIMIT: Duration = Duration::from_secs(20);

/// Creates an event and waits until it is done.
pub(super) async fn run(pipeline: &Pipeline, recorder: &Recorder) {
    // By then the locks are taken.
    sleep(Duration::from_secs(1)).await;
    let created = client().post(format!("{}/create-sync", pipeline.api(0))).timeout(LIMIT).send().await;
    let done = created.is_ok_and(|answer| answer.status() == StatusCode::CREATED);
    recorder.lock().probes.push(done);
}
