//! `eventpipeline-agent`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    eventpipeline_agent::run()
}
