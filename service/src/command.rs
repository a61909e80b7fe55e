//! The results of commands that print something and end.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;

/// Prints the result of a command to standard output.
///
/// # Errors
/// If the text cannot be written. A reader that stops early, such as `head`, is not an error.
pub fn print(text: &str) -> anyhow::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("failed to print the result"),
    }
}

/// Returns the exit code of a command. An error is printed to standard error in one line and results in
/// `failure`.
pub fn exit_code(program: &str, result: anyhow::Result<ExitCode>, failure: u8) -> ExitCode {
    result.unwrap_or_else(|error| {
        print_error(program, &format!("{error:#}"));
        ExitCode::from(failure)
    })
}

/// Prints an error before logging is configured, or in a command that does not log.
#[expect(clippy::print_stderr, reason = "there is no logging yet")]
pub(crate) fn print_error(program: &str, text: &str) {
    eprintln!("{program}: {text}");
}
