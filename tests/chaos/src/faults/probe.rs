//! An event of our own while somebody else keeps other events locked.

use std::time::Duration;

use eventpipeline_chaos::Recorder;
use eventpipeline_testkit::client;
use reqwest::StatusCode;
use tokio::time::sleep;

use crate::pipeline::Pipeline;

/// How long the event may take to be done. Some tenths of a second are usual; the rest is for machines that are ten times slower.
/// Longer than the time after which the server gives up waiting for a lock (5 s), several times over.
pub(super) const BOUND: Duration = Duration::from_secs(20);

/// Creates an event and waits until it is done.
pub(super) async fn run(pipeline: &Pipeline, recorder: &Recorder) {
    // After the locks are taken.
    sleep(Duration::from_secs(1)).await;
    let created = client().post(format!("{}/create-sync", pipeline.api(0))).timeout(BOUND).send().await;
    let done = created.is_ok_and(|answer| answer.status() == StatusCode::CREATED);
    recorder.lock().probes.push(done);
}
