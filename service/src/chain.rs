//! How errors are shown to people: the whole chain, once.

use std::error::Error;
use std::fmt::Write as _;

/// The error and all that led to it, in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        // Writing to a string does not fail.
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}
