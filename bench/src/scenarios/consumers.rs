//! 1, 2, 4 and 8 consumers drain a backlog, with a stock and a tuned server.

use std::path::Path;

use super::drain::completed_by;
use crate::Scale;
use crate::limits::median;
use crate::process::Cpu;
use crate::report::{Report, Target};
use crate::system::{Conditions, System, fill_waiting};

const EVENTS: u32 = 150_000;
/// Numbers of consumers.
const CONSUMERS: [usize; 4] = [1, 2, 4, 8];

pub(crate) async fn run(programs: &Path, scale: Scale, report: &mut Report) -> anyhow::Result<()> {
    let tuned = Conditions::default();
    for (name, conditions) in [("stock", Conditions { stock: true, ..tuned }), ("tuned", tuned)] {
        let mut best = 0.0_f64;
        for many in CONSUMERS {
            let mut notes = Vec::new();
            let rate = median(scale.runs, async || {
                let (rate, note) = drain(programs, conditions, many, scale.events(EVENTS)).await?;
                notes.push(note);
                Ok(rate)
            })
            .await?;
            let figure = format!("drain of 150,000 events, {name}, {many} consumers");
            report.add(figure, rate, "events/s", Target::None, notes.join("; "));
            if best > 0.0 {
                report.add("  to the best with fewer consumers", rate / best, "", Target::AtLeast(0.95), "");
            }
            best = best.max(rate);
        }
    }
    Ok(())
}

/// Returns the events per second between the completions of the first and the last tenth, while all consumers work.
pub(super) async fn drain(
    programs: &Path,
    conditions: Conditions,
    many: usize,
    events: u32,
) -> anyhow::Result<(f64, String)> {
    let mut system = System::start_under(programs, conditions).await?;
    let consumers = system.consumers(many).await?;
    fill_waiting(&mut system.sql, events).await?;
    let before = system.counters().await?;
    let server = Cpu::start(system.mysql.pid())?;
    let own: Vec<Cpu> =
        consumers.iter().map(|consumer| Cpu::start(consumer.pid())).collect::<Result<_, _>>()?;
    completed_by(&consumers, events).await?;
    let used = system.counters().await?.since(before);
    let mut busy = 0.0;
    for cpu in &own {
        busy += cpu.cores()?;
    }
    let tenth = i64::from(events) / 10;
    let micros: i64 = sqlx::query_scalar(
        "SELECT TIMESTAMPDIFF(MICROSECOND, \
         (SELECT done_at FROM Events ORDER BY done_at LIMIT 1 OFFSET ?), \
         (SELECT done_at FROM Events ORDER BY done_at DESC LIMIT 1 OFFSET ?))",
    )
    .bind(tenth)
    .bind(tenth)
    .fetch_one(&mut system.sql)
    .await?;
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let rate = (i64::from(events) - 2 * tenth) as f64 / (micros as f64 / 1e6);
    let note = format!(
        "{:.1} events per commit, {:.3} lock waits per commit, cores busy: mysqld {:.2}, consumers {busy:.2}",
        f64::from(events) / used.commits,
        used.lock_waits / used.commits,
        server.cores()?,
    );
    Ok((rate, note))
}
