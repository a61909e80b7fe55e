//! `eventpipeline-producer`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    eventpipeline_producer::run()
}
