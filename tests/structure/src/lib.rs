//! Finds cycles between the modules of a crate.
//!
//! Siblings, modules with the same parent, must not depend on each other in a cycle. A dependency between two
//! modules counts for their ancestors that are siblings. A parent and its descendants may use each other
//! freely.
//!
//! Tests are ignored: modules named `tests`, and everything after `#[cfg(test)]` in a file.

mod cycles;
mod lexer;
mod modules;
mod paths;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

pub use cycles::Cycle;

/// Returns the cycles between modules of the crate whose sources are in `folder`.
///
/// # Errors
///
/// If a source file cannot be read.
pub fn cycles(folder: &Path) -> io::Result<BTreeSet<Cycle>> {
    Ok(cycles::find(&modules::read(folder)?))
}
