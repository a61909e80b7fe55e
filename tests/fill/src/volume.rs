//! A volume of a few hundred MiB: a file system in memory, which ends with the mount namespace of the process.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

/// A new data directory takes 230 MiB, and 192 MiB must stay free.
const SIZE: &str = "size=640m";

/// A mounted volume. Dropping it unmounts it.
#[derive(Debug)]
pub(crate) struct Volume {
    folder: TempDir,
}

impl Volume {
    pub(crate) fn mount() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("failed to create a folder")?;
        run(Command::new("mount").args(["-t", "tmpfs", "-o", SIZE, "none"]).arg(folder.path()))
            .context("failed to mount a file system, which needs root (dev/fill.sh)")?;
        Ok(Self { folder })
    }

    /// Returns the path of the data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("mysql")
    }

    /// Returns the free bytes.
    pub(crate) fn free(&self) -> anyhow::Result<u64> {
        let output = Command::new("stat").args(["-f", "-c", "%a %S"]).arg(self.folder.path()).output()?;
        let text = String::from_utf8(output.stdout)?;
        let (blocks, size) = text.trim().split_once(' ').context("stat printed nothing")?;
        Ok(blocks.parse::<u64>()? * size.parse::<u64>()?)
    }

    /// Creates a file that takes all free space until it is dropped.
    pub(crate) fn fill(&self) -> anyhow::Result<Filler> {
        let filler = Filler(self.folder.path().join("filler"));
        let mut file = File::create(&filler.0)?;
        let piece = vec![1; 64 * 1024];
        while file.write(&piece).is_ok_and(|written| written > 0) {}
        ensure!(self.free()? < 1 << 20, "failed to fill the volume");
        Ok(filler)
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let _ = run(Command::new("umount").arg("-l").arg(self.folder.path()));
    }
}

/// A file that is removed when dropped.
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
