//! `eventpipeline-consumer`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    eventpipeline_consumer::run()
}
