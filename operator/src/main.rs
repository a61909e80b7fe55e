//! `eventpipeline-operator`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    eventpipeline_operator::run()
}
