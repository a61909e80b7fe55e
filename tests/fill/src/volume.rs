//! A volume of a few hundred MiB: a file system in memory, which goes with the mount namespace of the process.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

/// What mysqld takes at first is 230 MiB, and 192 MiB are to stay free.
const SIZE: &str = "size=640m";

/// Unmounted when dropped.
#[derive(Debug)]
pub(crate) struct Volume {
    folder: TempDir,
}

impl Volume {
    pub(crate) fn mount() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("failed to make a folder")?;
        run(Command::new("mount").args(["-t", "tmpfs", "-o", SIZE, "none"]).arg(folder.path()))
            .context("failed to mount a file system, which root may (dev/fill.sh)")?;
        Ok(Self { folder })
    }

    /// Where the data directory goes.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("mysql")
    }

    /// Free bytes.
    pub(crate) fn free(&self) -> anyhow::Result<u64> {
        let output = Command::new("stat").args(["-f", "-c", "%a %S"]).arg(self.folder.path()).output()?;
        let text = String::from_utf8(output.stdout)?;
        let (blocks, size) = text.trim().split_once(' ').context("no answer of stat")?;
        Ok(blocks.parse::<u64>()? * size.parse::<u64>()?)
    }

    /// A file that takes all that is left, until it is dropped.
    pub(crate) fn fill(&self) -> anyhow::Result<Filler> {
        let filler = Filler(self.folder.path().join("filler"));
        let mut file = File::create(&filler.0)?;
        let piece = vec![1; 64 * 1024];
        while file.write(&piece).is_ok_and(|written| written > 0) {}
        ensure!(self.free()? < 1 << 20, "the volume could not be filled");
        Ok(filler)
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let _ = run(Command::new("umount").arg("-l").arg(self.folder.path()));
    }
}

/// Removed when dropped.
#[derive(Debug)]
pub(crate) struct Filler(PathBuf);

impl Drop for Filler {
    fn drop(&mut self) {
        let _ = fs::remove_file(Path::new(&self.0));
    }
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status()?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
