//! Faults inside the MySQL server: a clock that steps, and a full disk.
//!
//! A small library is preloaded into mysqld. It reads a control file, which this process writes: no root is needed, and no
//! other program is affected.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, ensure};
use eventpipeline_chaos::ClockSteps;
use tempfile::TempDir;

const SOURCE: &str = include_str!("server/faults.c");
/// Offset of the second number in the control file.
const DISK_FULL: u64 = 8;

pub(crate) struct ServerFaults {
    control: File,
    clock: Mutex<ClockSteps>,
    // Its files are in use while the server runs.
    folder: TempDir,
}

impl ServerFaults {
    /// Compiles the library.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("failed to create a folder")?;
        let source = folder.path().join("faults.c");
        std::fs::write(&source, SOURCE)?;
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-O1", "-o"]).arg(folder.path().join("faults.so")).arg(&source);
        let status = compile.arg("-ldl").status().context("failed to run cc, Rust's linker")?;
        ensure!(status.success(), "cc failed to compile {}", source.display());
        let control = File::create(folder.path().join("control"))?;
        control.write_all_at(&[0; 16], 0)?;
        Ok(Self { control, clock: Mutex::default(), folder })
    }

    /// Returns the environment variables that preload the library into the server.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        vec![("LD_PRELOAD".to_owned(), path("faults.so")), ("CHAOS_CONTROL".to_owned(), path("control"))]
    }

    /// Sets the server's clock to this machine's plus `offset` seconds.
    pub(crate) fn step_clock(&self, offset: i64) -> io::Result<()> {
        let mut clock = self.clock();
        self.control.write_all_at(&offset.to_ne_bytes(), 0)?;
        clock.record(offset);
        Ok(())
    }

    /// Keeps the server from enlarging its files, or lets it do so again.
    pub(crate) fn set_disk_full(&self, full: bool) -> io::Result<()> {
        self.control.write_all_at(&i64::from(full).to_ne_bytes(), DISK_FULL)
    }

    /// Returns the steps of the server's clock.
    pub(crate) fn clock(&self) -> MutexGuard<'_, ClockSteps> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
