//! Results on standard output: tables, or JSON a document a line; progress on standard error.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::args::Format;
use crate::duration::rounded_up;
use crate::error::Error;

pub(crate) struct Output {
    format: Format,
}

impl Output {
    pub(crate) fn new(format: Format) -> Self {
        Self { format }
    }

    /// A plain line for people; a document for programs.
    pub(crate) fn line(&self, text: &str, json: &Value) -> Result<(), Error> {
        match self.format {
            Format::Table => write(text),
            Format::Json => write(&json.to_string()),
        }
    }

    /// The fields of an object, below each other.
    pub(crate) fn fields(&self, object: &Value) -> Result<(), Error> {
        if self.format == Format::Json {
            return write(&object.to_string());
        }
        let mut table = Table::new();
        table.load_style(NOTHING);
        for (name, value) in object.as_object().into_iter().flatten() {
            table.add_row(field(name, value));
        }
        write(&table.to_string())
    }

    /// Objects below each other, these fields of them beside each other.
    pub(crate) fn rows(&self, objects: &[Value], fields: &[&str]) -> Result<(), Error> {
        if self.format == Format::Json {
            return objects.iter().try_for_each(|object| write(&object.to_string()));
        }
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header(fields.iter().map(|field| field.to_uppercase()));
        for object in objects {
            table.add_row(fields.iter().map(|field| cell(&object[*field])));
        }
        write(&table.to_string())
    }

    /// A bar for work of so many steps, if anybody looks at it. Only long work is worth one.
    #[expect(clippy::unused_self, reason = "where output goes is this type's affair")]
    pub(crate) fn progress(&self, steps: Option<u64>) -> ProgressBar {
        if !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        match steps {
            Some(steps) => ProgressBar::new(steps).with_style(style("{bar:40} {pos}/{len} {eta}")),
            None => ProgressBar::new_spinner().with_style(style("{spinner} {pos} {elapsed}")),
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Seconds are shown as people say them: that something waits must be seen, however short it does.
fn field(name: &str, value: &Value) -> [String; 2] {
    let duration = name.strip_suffix("Seconds").zip(value.as_f64());
    match duration.and_then(|(name, seconds)| Some((name, Duration::try_from_secs_f64(seconds).ok()?))) {
        Some((name, duration)) => [name.to_owned(), rounded_up(duration).to_string()],
        None => [name.to_owned(), cell(value)],
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn write(text: &str) -> Result<(), Error> {
    writeln!(std::io::stdout().lock(), "{text}").map_err(Error::Output)
}
