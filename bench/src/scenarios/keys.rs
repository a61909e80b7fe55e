//! Four consumers drain a backlog of 10,000 keys, and one of them is killed every 5 s. Next to it, the same without keys.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::Scale;
use crate::process::Cpu;
use crate::report::{Report, Target};
use crate::system::{System, fill_keys, fill_waiting};

const KEYS: u32 = 10_000;
const EVENTS_OF_KEY: u32 = 100;
const CONSUMERS: usize = 4;
/// Pause between two deaths of a consumer.
const PAUSE: Duration = Duration::from_secs(5);

/// Number of events that ended before an earlier one of their key.
const OUT_OF_ORDER: &str = "SELECT COUNT(*) FROM \
     (SELECT done_at, LAG(done_at) OVER (PARTITION BY event_key ORDER BY id) AS previous FROM Events \
      WHERE event_key IS NOT NULL) AS pairs WHERE done_at < previous";
/// Selects 1 while an event is unfinished, otherwise 0. The newest claims come first, so that no entries are read that are not purged.
const UNFINISHED: &str = "SELECT EXISTS (SELECT 1 FROM Events FORCE INDEX (state_due) WHERE state < 2 \
     ORDER BY state DESC, due DESC, id DESC LIMIT 1)";
const OF_KEYS: &str = "SELECT COUNT(*) FROM EventKeys";

pub(crate) async fn run(programs: &Path, scale: Scale, report: &mut Report) -> anyhow::Result<()> {
    let each = scale.events(EVENTS_OF_KEY);
    let mut system = System::start(programs).await?;
    fill_waiting(&mut system.sql, KEYS * each).await?;
    let (plain, note) = drain(&mut system, KEYS * each).await?;
    report.add(
        "drain of 1,000,000 events by 4 consumers, killed in turn",
        plain,
        "events/s",
        Target::None,
        note,
    );

    let mut system = System::start(programs).await?;
    system.enable_keys().await?;
    fill_keys(&mut system.sql, KEYS, each).await?;
    let (keyed, note) = drain(&mut system, KEYS * each).await?;
    let name = "drain of 10,000 keys with 100 events each by 4 consumers, killed in turn";
    report.add(name, keyed, "events/s", Target::AtLeast(10_000.0), note);
    report.add("  to the same without keys", keyed / plain, "", Target::None, "");
    let wrong = system.number(OUT_OF_ORDER).await?;
    ensure!(wrong == 0, "{wrong} events ended before an earlier one of their key");
    let keys = system.number(OF_KEYS).await?;
    ensure!(keys == 0, "{keys} keys have events after all events have ended");
    Ok(())
}

/// Returns the events per second while consumers are killed and replaced, until all events have ended.
async fn drain(system: &mut System, events: u32) -> anyhow::Result<(f64, String)> {
    let mut consumers = Vec::new();
    for _ in 0..CONSUMERS {
        consumers.push(system.mortal_consumer().await?);
    }
    let (before, server) = (system.counters().await?, Cpu::start(system.mysql.pid())?);
    let (begun, mut killed, mut deaths) = (Instant::now(), Instant::now(), 0);
    while system.number(UNFINISHED).await? > 0 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        if killed.elapsed() > PAUSE {
            // Dropping a program kills it.
            drop(consumers.remove(0));
            consumers.push(system.mortal_consumer().await?);
            (killed, deaths) = (Instant::now(), deaths + 1);
        }
    }
    let rate = f64::from(events) / begun.elapsed().as_secs_f64();
    let used = system.counters().await?.since(before);
    let note = format!(
        "{deaths} consumers killed; {:.1} events per commit, {:.2} statements per event, cores busy: mysqld {:.2}",
        f64::from(events) / used.commits,
        used.statements / f64::from(events),
        server.cores()?
    );
    Ok((rate, note))
}
