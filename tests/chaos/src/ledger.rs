//! A task that asks for the queue's figures all along: they add up at every moment.

use std::sync::Arc;
use std::time::Duration;

use eventpipeline_chaos::{Ledger, Recorder};
use eventpipeline_testkit::client;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::pipeline::Pipeline;

const PERIOD: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(3);
const STATES: [&str; 6] = ["pending", "scheduled", "processing", "done", "dead", "cancelled"];

/// Asks one producer after the other until `end`.
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
        let request = client.get(format!("{}/v1/stats", pipeline.api(turn))).timeout(PATIENCE);
        let answer = async { request.send().await?.error_for_status()?.text().await };
        // A producer that is away, or before a database that is away, is asked again.
        if let Ok(text) = answer.await {
            let ledger = ledger(&serde_json::from_str(&text)?);
            recorder.lock().ledgers.push(ledger);
        }
        tokio::time::sleep(PERIOD).await;
    }
    Ok(())
}

fn ledger(stats: &Value) -> Ledger {
    let number = |name: &str| stats[name].as_i64().unwrap_or_default();
    let in_states = STATES.iter().map(|state| number(state)).sum();
    Ledger { created: number("created"), in_states, removed: number("removed") }
}
