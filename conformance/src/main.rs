//! `eventpipeline-conformance`: see the library.

use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    eventpipeline_conformance::run()
}
