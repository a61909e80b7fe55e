//! The memory and CPU time of a process, from `/proc`.

use std::time::{Duration, Instant};

use anyhow::Context as _;

/// Kernel ticks per second (`USER_HZ`), which is 100 on every current Linux.
const TICKS: f64 = 100.0;

/// Resident memory in MiB: current and peak.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) now: f64,
    pub(crate) peak: f64,
}

/// Returns the memory of a process.
pub(crate) fn memory(pid: u32) -> anyhow::Result<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("the process has ended")?;
    let mebibytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
    };
    let now = mebibytes("VmRSS:").context("no VmRSS")?;
    Ok(Memory { now, peak: mebibytes("VmHWM:").context("no VmHWM")? })
}

/// A stopwatch for the processor time of a process.
#[derive(Debug)]
pub(crate) struct Cpu {
    pid: u32,
    before: f64,
    begun: Instant,
}

impl Cpu {
    pub(crate) fn start(pid: u32) -> anyhow::Result<Self> {
        Ok(Self { pid, before: seconds(pid)?, begun: Instant::now() })
    }

    /// Returns the average number of busy cores.
    pub(crate) fn cores(&self) -> anyhow::Result<f64> {
        Ok((seconds(self.pid)? - self.before)
            / self.begun.elapsed().max(Duration::from_millis(1)).as_secs_f64())
    }
}

/// Returns the user and system time so far. Source: proc(5), fields 14 and 15 of `stat`.
fn seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("the process has ended")?;
    let (_, fields) = stat.rsplit_once(") ").context("no stat")?;
    let ticks = |field: usize| fields.split(' ').nth(field).and_then(|ticks| ticks.parse::<f64>().ok());
    Ok((ticks(11).context("no utime")? + ticks(12).context("no stime")?) / TICKS)
}
