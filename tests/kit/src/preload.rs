//! Libraries that are preloaded into a server, for faults that cannot be produced otherwise.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::{error::Error, or_panic};

/// A compiled library. Its file is removed when it is dropped, so it must outlive the servers that load it.
#[derive(Debug)]
pub struct Preload {
    folder: TempDir,
}

impl Preload {
    /// Compiles C code with `cc`, Rust's linker.
    ///
    /// # Panics
    /// If the code does not compile.
    pub fn compile(code: &str) -> Self {
        or_panic("a preloaded library", Self::try_compile(code))
    }

    fn try_compile(code: &str) -> Result<Self, Error> {
        let preload = Self { folder: tempfile::tempdir().map_err(Error::io("create a folder"))? };
        let source = preload.folder.path().join("preload.c");
        std::fs::write(&source, code).map_err(Error::io("write a source file"))?;
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-O1", "-o"]).arg(preload.library()).arg(&source).arg("-ldl");
        let output = compile.output().map_err(Error::io("run cc, Rust's linker"))?;
        if output.status.success() {
            return Ok(preload);
        }
        let output = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(Error::Command { command: format!("{compile:?}"), output })
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("preload.so")
    }

    /// Returns the environment variable that preloads the library into a program.
    pub fn variable(&self) -> (String, String) {
        ("LD_PRELOAD".to_owned(), self.library().display().to_string())
    }
}
