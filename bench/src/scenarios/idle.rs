//! An idle pipeline.

use std::path::Path;
use std::time::Duration;

use crate::Scale;
use crate::process::{self, Cpu};
use crate::report::{Report, Target};
use crate::system::System;

pub(crate) async fn run(programs: &Path, scale: Scale, report: &mut Report) -> anyhow::Result<()> {
    let mut system = System::start(programs).await?;
    let time = scale.time(Duration::from_secs(20));
    // The baseline: the server's own work and our queries.
    let alone = statements(&mut system, time).await?;

    let producer = system.producer().await;
    let cpu = Cpu::start(producer.program.pid())?;
    let with_producer = statements(&mut system, time).await?;
    line("producer", with_producer - alone, &cpu, producer.program.pid(), report)?;
    drop(producer);

    let consumer = system.consumer().await;
    let cpu = Cpu::start(consumer.pid())?;
    let with_consumer = statements(&mut system, time).await?;
    line("consumer", with_consumer - alone, &cpu, consumer.pid(), report)
}

fn line(name: &str, statements: f64, cpu: &Cpu, pid: u32, report: &mut Report) -> anyhow::Result<()> {
    let memory = process::memory(pid)?;
    let note = format!("{:.0} MiB", memory.now);
    report.add(format!("idle {name}, statements"), statements, "/s", Target::AtMost(10.0), note);
    report.add(format!("idle {name}, of a core"), cpu.cores()? * 100.0, "%", Target::AtMost(1.0), "");
    Ok(())
}

/// Returns the statements per second during `time`.
async fn statements(system: &mut System, time: Duration) -> anyhow::Result<f64> {
    let before = system.counters().await?;
    tokio::time::sleep(time).await;
    Ok(system.counters().await?.since(before).statements / time.as_secs_f64())
}
