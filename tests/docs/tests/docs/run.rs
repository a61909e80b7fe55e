//! Runs programs.

use std::collections::HashMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// Runs a program with an input. Returns its output, or its error output if it fails.
pub(crate) fn run(command: &mut Command, input: &str) -> Result<String, String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    // A program that fails early reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let error = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(if error.is_empty() { format!("{}", output.status) } else { error })
}

/// Results by their inputs, because pages repeat commands.
pub(crate) struct Cache(Mutex<Option<HashMap<String, Result<String, String>>>>);

impl Cache {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(None))
    }

    pub(crate) fn get(
        &self,
        key: &str,
        compute: impl FnOnce() -> Result<String, String>,
    ) -> Result<String, String> {
        if let Some(known) = self.0.lock().unwrap().get_or_insert_default().get(key) {
            return known.clone();
        }
        let result = compute();
        self.0.lock().unwrap().get_or_insert_default().insert(key.to_owned(), result.clone());
        result
    }
}
