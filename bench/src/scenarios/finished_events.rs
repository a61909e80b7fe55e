//! Creations and drains with 0 to 10,000,000 finished events in the table, on a stock server.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;

use super::drain::drain;
use crate::limits::median;
use crate::load;
use crate::report::{Report, Target};
use crate::system::{Conditions, System, fill_finished};
use crate::{Scale, http};

/// Numbers of finished events. The last one needs about 2 GiB.
const FINISHED: [u32; 3] = [0, 1_000_000, 10_000_000];
/// Number of finished events that one statement inserts.
const PIECE: u32 = 500_000;
/// Number of events of a drain.
const EVENTS: u32 = 50_000;
const CLIENTS: usize = 64;

pub(crate) async fn run(programs: &Path, scale: Scale, report: &mut Report) -> anyhow::Result<()> {
    let mut system =
        System::start_under(programs, Conditions { stock: true, ..Conditions::default() }).await?;
    let producer = system.producer().await;
    let mut empty: Option<[f64; 2]> = None;
    let mut filled = 0;
    for finished in FINISHED {
        while filled < scale.events(finished) {
            let piece = PIECE.min(scale.events(finished) - filled);
            fill_finished(&mut system.sql, piece).await?;
            filled += piece;
        }
        let created = median(scale.runs, async || {
            let time = scale.time(Duration::from_secs(4));
            let request = http::request("POST", "/create-async");
            let outcome = load::closed(&[producer.api], request, CLIENTS, time).await?;
            ensure!(outcome.failed == 0, "{} were refused", outcome.failed);
            Ok(outcome.rate())
        })
        .await?;
        let consumer = system.consumer().await;
        system.drained().await?;
        drop(consumer);
        let drained =
            median(scale.runs, async || Ok(drain(&mut system, scale.events(EVENTS)).await?.0)).await?;
        let rates = [created, drained];
        let first = *empty.get_or_insert(rates);
        for ((name, rate), first) in
            ["create-async, 64 clients", "drain of 50,000 events"].iter().zip(rates).zip(first)
        {
            report.add(
                format!("{name}, stock, with {finished} finished events"),
                rate,
                "events/s",
                Target::None,
                "",
            );
            if finished > 0 {
                report.add("  to an empty table", rate / first, "", Target::AtLeast(0.9), "");
            }
        }
    }
    Ok(())
}
