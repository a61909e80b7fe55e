//! A task that reads queue statistics throughout the run: they must add up at every moment.

use std::sync::Arc;
use std::time::Duration;

use eventpipeline_chaos::{Recorder, StatsSample};
use eventpipeline_testkit::client;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::pipeline::Pipeline;

const PERIOD: Duration = Duration::from_millis(100);
const TIMEOUT: Duration = Duration::from_secs(3);
const STATES: [&str; 7] = ["pending", "scheduled", "blocked", "processing", "done", "dead", "cancelled"];

/// Asks the producers in turn until `end`.
pub(crate) async fn run(
    pipeline: Arc<Pipeline>,
    recorder: Arc<Recorder>,
    end: CancellationToken,
) -> anyhow::Result<()> {
    let client = client();
    for turn in 0.. {
        if end.is_cancelled() {
            break;
        }
        let request = client.get(format!("{}/v1/stats", pipeline.api(turn))).timeout(TIMEOUT);
        let answer = async { request.send().await?.error_for_status()?.text().await };
        // The producer or the database may be down.
        if let Ok(text) = answer.await {
            let sample = sample(&serde_json::from_str(&text)?);
            recorder.lock().stats.push(sample);
        }
        tokio::time::sleep(PERIOD).await;
    }
    Ok(())
}

fn sample(stats: &Value) -> StatsSample {
    let number = |name: &str| stats[name].as_i64().unwrap_or_default();
    let in_states = STATES.iter().map(|state| number(state)).sum();
    StatsSample { created: number("created"), in_states, removed: number("removed") }
}
