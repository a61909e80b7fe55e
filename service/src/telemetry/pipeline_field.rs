//! The pipeline's name in each log line, so that lines of many pods can be told apart.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::args::LogFormat;

/// A log format that adds the pipeline to the lines of another format.
pub(super) struct WithPipeline<F> {
    inner: F,
    format: LogFormat,
    /// `namespace/name`, if known.
    pipeline: Option<String>,
}

impl<F> WithPipeline<F> {
    pub(super) fn new(inner: F, format: LogFormat, pipeline: Option<String>) -> Self {
        Self { inner, format, pipeline }
    }
}

impl<S, N, F> FormatEvent<S, N> for WithPipeline<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(pipeline) = &self.pipeline else {
            return self.inner.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.inner.format_event(context, Writer::new(&mut line), event)?;
        let line = line.trim_end_matches('\n');
        match (self.format, line.strip_suffix('}')) {
            // Names of Kubernetes objects need no escaping.
            (LogFormat::Json, Some(members)) => writeln!(writer, "{members},\"pipeline\":\"{pipeline}\"}}"),
            _ => writeln!(writer, "{line} pipeline={pipeline}"),
        }
    }
}
