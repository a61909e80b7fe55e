//! Log lines on standard output, as text or JSON.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::time::SystemTime;

use crate::args::{LogArgs, LogFormat};

/// Sends the process's log lines to standard output. Only the first call of a process counts.
pub(crate) fn init(args: &LogArgs) {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(&args.log_filter))
        .with_timer(SystemTime)
        .with_ansi(std::io::stdout().is_terminal());
    // A second subscriber is refused; the first one goes on, which is what a test process wants.
    let _ = match args.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).try_init(),
    };
}
