//! A test in its own process, because a signal reaches every listener of a process.

use std::time::Duration;

use eventpipeline_service::Lifecycle;
use rustix::process::{Signal, getpid, kill_process};

#[tokio::test]
async fn a_signal_during_startup_drains() {
    let mut lifecycle = Lifecycle::new(Duration::from_mins(1)).unwrap();
    let draining = lifecycle.draining();
    lifecycle.spawn("worker", async move {
        draining.cancelled().await;
        Ok(())
    });
    kill_process(getpid(), Signal::TERM).unwrap();
    lifecycle.run().await.unwrap();
}
