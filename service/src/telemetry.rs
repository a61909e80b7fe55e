//! Log lines on standard output, as text or JSON.

mod pipeline_field;

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format;
use tracing_subscriber::fmt::time::SystemTime;

use crate::args::{LogArgs, LogFormat};
use pipeline_field::WithPipeline;

/// Sends the process's log lines to standard output. Only the first call has an effect.
pub(crate) fn init(args: &LogArgs) {
    let colours = std::io::stdout().is_terminal();
    let builder =
        tracing_subscriber::fmt().with_env_filter(EnvFilter::new(&args.log_filter)).with_ansi(colours);
    let pipeline = args.pipeline();
    let format = format().with_timer(SystemTime).with_ansi(colours);
    // Tests set a subscriber more than once per process: the first one remains.
    let _ = match args.log_format {
        LogFormat::Text => {
            builder.event_format(WithPipeline::new(format, args.log_format, pipeline)).try_init()
        }
        LogFormat::Json => {
            let format = format.json().flatten_event(true).with_current_span(false);
            let fields = format::JsonFields::new();
            builder
                .event_format(WithPipeline::new(format, args.log_format, pipeline))
                .fmt_fields(fields)
                .try_init()
        }
    };
}
