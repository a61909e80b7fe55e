//! Forged, duplicated and malformed wake-ups.

use std::time::Duration;

use rand::RngExt as _;
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep};

use crate::pipeline::Pipeline;

/// "There is work", as programs send it (docs/adr/0007-wakeups.md).
const WORK: [u8; 3] = [0xE1, 0x01, 0x01];
/// The head of "these events are finished".
const FINISHED: [u8; 3] = [0xE1, 0x01, 0x02];
/// Datagrams to each program between two pauses.
const BURST: usize = 20;

/// Sends forged wake-ups to every program for `time`.
pub(super) async fn forge(pipeline: &Pipeline, time: Duration) -> std::io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    let end = Instant::now() + time;
    while Instant::now() < end {
        for address in &pipeline.wakeup_addresses {
            for _ in 0..BURST {
                // Sending fails while the program is down.
                let _ = socket.send_to(&datagram(), address).await;
            }
        }
        sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

fn datagram() -> Vec<u8> {
    let mut random = rand::rng();
    match random.random_range(0..3) {
        0 => WORK.to_vec(),
        1 => {
            let ids = (0..random.random_range(0..150)).flat_map(|_| random_id());
            FINISHED.into_iter().chain(ids).collect()
        }
        _ => (0..random.random_range(0..40)).map(|_| rand::random()).collect(),
    }
}

/// Returns the id of an event that may exist, or any number.
fn random_id() -> [u8; 8] {
    let mut random = rand::rng();
    let id = if random.random_ratio(9, 10) { random.random_range(0..10_000) } else { random.random() };
    i64::to_be_bytes(id)
}
