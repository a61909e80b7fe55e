//! Clients of a pipeline's producers.

use std::f64::consts::TAU;
use std::net::SocketAddr;
use std::time::Duration;

use eventpipeline_testkit::client;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// Period of the load's waves, in seconds.
const WAVE: f64 = 150.0;
/// Interval between bursts of requests.
const TICK: Duration = Duration::from_millis(100);
/// Requests that may wait for an answer. Beyond, a client would give up, too.
const AT_ONCE: usize = 200;

/// Sends about this many requests per second to the producers in turn, until this task is dropped.
pub(crate) async fn run(apis: Vec<SocketAddr>, per_second: f64) {
    let client = client();
    let mut requests = JoinSet::new();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let started = ticks.tick().await;
    let (mut due, mut count) = (0.0, 0_usize);
    loop {
        let now = ticks.tick().await;
        let wave = 1.0 + 0.3 * ((now - started).as_secs_f64() / WAVE * TAU).sin();
        due += per_second * wave * TICK.as_secs_f64();
        while due >= 1.0 {
            due -= 1.0;
            count += 1;
            if requests.len() < AT_ONCE {
                let base = format!("http://{}", apis[count % apis.len()]);
                let request = match count % 10 {
                    0..6 => client.post(format!("{base}/create-async")),
                    6 => client.post(format!("{base}/create-sync")),
                    7 => client.get(format!("{base}/1")),
                    8 => client.get(format!("{base}/")),
                    _ => client.post(format!("{base}/v1/events")).json(&json!([{}, {}])),
                };
                requests.spawn(request.timeout(Duration::from_secs(20)).send());
            }
        }
        // Answers, good or bad, are what the dashboards show.
        while requests.try_join_next().is_some() {}
    }
}
