//! Errors with their causes, as they are shown to people.

use std::error::Error;
use std::fmt::Write as _;

/// Returns the error and all its causes in one line.
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        // Writing to a string does not fail.
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}
