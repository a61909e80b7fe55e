//! In a process of its own: a signal is heard by everything in a process that listens.

use std::time::Duration;

use eventpipeline_service::Lifecycle;
use rustix::process::{Signal, getpid, kill_process};

#[tokio::test]
async fn a_signal_while_it_starts_is_a_drain() {
    let mut lifecycle = Lifecycle::new(Duration::from_mins(1)).unwrap();
    let draining = lifecycle.draining();
    lifecycle.spawn("worker", async move {
        draining.cancelled().await;
        Ok(())
    });
    kill_process(getpid(), Signal::TERM).unwrap();
    lifecycle.run().await.unwrap();
}
