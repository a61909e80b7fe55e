//! Measures the memory and the statements of a producer whose clients wait, without a consumer.

use std::path::Path;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::process::{self, Cpu};
use crate::report::{Report, Target};
use crate::system::System;
use crate::{Scale, http};

pub(crate) async fn run(programs: &Path, scale: Scale, report: &mut Report) -> anyhow::Result<()> {
    let mut system = System::start(programs).await?;
    let producer = system.producer().await;
    let request = http::request("POST", "/create-sync");
    let mut clients = Vec::new();
    for many in [1000, 10_000].map(|full| scale.events(full)) {
        while clients.len() < usize::try_from(many)? {
            let mut stream = TcpStream::connect(producer.api).await?;
            stream.write_all(&request).await?;
            clients.push(stream);
        }
        while system.backlog().await? < i64::from(many) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let time = scale.time(Duration::from_secs(10));
        let before = system.counters().await?;
        let cpu = Cpu::start(producer.program.pid())?;
        tokio::time::sleep(time).await;
        let used = system.counters().await?.since(before);
        let name = format!("{many} waiting clients, ");
        let note = format!("producer: {:.1} % of a core", cpu.cores()? * 100.0);
        let statements = used.statements / time.as_secs_f64();
        report.add(format!("{name}statements"), statements, "/s", Target::AtMost(30.0), note);
        let memory = process::memory(producer.program.pid())?;
        report.add(format!("{name}producer resident"), memory.now, "MiB", Target::AtMost(150.0), "");
    }
    let consumer = system.consumer().await;
    system.drained().await?;
    drop(consumer);
    Ok(())
}
