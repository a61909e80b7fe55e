//! Results on standard output: tables, or JSON a document a line; progress on standard error.

use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::value::RawValue;

use crate::args::Format;
use crate::document::Document;
use crate::duration::rounded_up;
use crate::error::Error;
use crate::terminal::{escaped, one_line};

pub(crate) struct Output {
    format: Format,
}

impl Output {
    pub(crate) fn new(format: Format) -> Self {
        Self { format }
    }

    /// A plain line for people; a document for programs. Scripts take a value from the plain line, which is as it is unless a
    /// terminal shows it.
    pub(crate) fn line(&self, text: &str, json: &impl Display) -> Result<(), Error> {
        match self.format {
            Format::Table if std::io::stdout().is_terminal() => write(&escaped(text)),
            Format::Table => write(text),
            Format::Json => document(json),
        }
    }

    /// The fields of an object, below each other.
    pub(crate) fn fields(&self, object: &Document) -> Result<(), Error> {
        if self.format == Format::Json {
            return document(object);
        }
        let mut table = Table::new();
        table.load_style(NOTHING);
        for (name, value) in object.members() {
            table.add_row(field(name, value));
        }
        write(&table.to_string())
    }

    /// Objects below each other, these fields of them beside each other.
    pub(crate) fn rows(&self, objects: &[Document], fields: &[&str]) -> Result<(), Error> {
        if self.format == Format::Json {
            return objects.iter().try_for_each(document);
        }
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header(fields.iter().map(|field| field.to_uppercase()));
        for object in objects {
            table.add_row(fields.iter().map(|field| object.member(field).map_or("-".to_owned(), cell)));
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
fn field(name: &str, value: &RawValue) -> [String; 2] {
    let duration = name.strip_suffix("Seconds").zip(serde_json::from_str(value.get()).ok());
    match duration.and_then(|(name, seconds)| Some((name, Duration::try_from_secs_f64(seconds).ok()?))) {
        Some((name, duration)) => [escaped(name).into_owned(), rounded_up(duration).to_string()],
        None => [escaped(name).into_owned(), cell(value)],
    }
}

/// A text without its quotes, and anything else as it is written.
fn cell(value: &RawValue) -> String {
    let json = value.get();
    match serde_json::from_str::<Option<String>>(json) {
        Ok(None) => "-".to_owned(),
        Ok(Some(text)) if text.is_empty() => "-".to_owned(),
        Ok(Some(text)) => escaped(&text).into_owned(),
        Err(_) => escaped(&one_line(json, true)).into_owned(),
    }
}

fn document(json: &impl Display) -> Result<(), Error> {
    write(&one_line(&json.to_string(), std::io::stdout().is_terminal()))
}

fn write(text: &str) -> Result<(), Error> {
    writeln!(std::io::stdout().lock(), "{text}").map_err(Error::Output)
}
