//! Faults inside the MySQL server: a clock that steps, and a full disk.
//!
//! A small library is preloaded into mysqld. It reads a control file, which this process writes: no root is needed, and no
//! other program is affected.

use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use eventpipeline_chaos::ClockSteps;
use eventpipeline_testkit::Preload;
use tempfile::NamedTempFile;

const SOURCE: &str = include_str!("server/faults.c");
/// Offset of the second number in the control file.
const DISK_FULL: u64 = 8;

pub(crate) struct ServerFaults {
    control: NamedTempFile,
    clock: Mutex<ClockSteps>,
    library: Preload,
}

impl ServerFaults {
    /// Compiles the library.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let control = NamedTempFile::new().context("failed to create a control file")?;
        control.as_file().write_all_at(&[0; 16], 0)?;
        Ok(Self { control, clock: Mutex::default(), library: Preload::compile(SOURCE) })
    }

    /// Returns the environment variables that preload the library into the server.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let control = self.control.path().display().to_string();
        vec![self.library.variable(), ("CHAOS_CONTROL".to_owned(), control)]
    }

    /// Sets the server's clock to this machine's plus `offset` seconds.
    pub(crate) fn step_clock(&self, offset: i64) -> io::Result<()> {
        let mut clock = self.clock();
        self.control.as_file().write_all_at(&offset.to_ne_bytes(), 0)?;
        clock.record(offset);
        Ok(())
    }

    /// Keeps the server from enlarging its files, or lets it do so again.
    pub(crate) fn set_disk_full(&self, full: bool) -> io::Result<()> {
        self.control.as_file().write_all_at(&i64::from(full).to_ne_bytes(), DISK_FULL)
    }

    /// Returns the steps of the server's clock.
    pub(crate) fn clock(&self) -> MutexGuard<'_, ClockSteps> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
