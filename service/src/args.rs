//! Argument groups of all binaries, and parsing with errors of one line.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Parser, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::command::print_error;

/// The exit code for arguments that are missing or wrong.
const USAGE: u8 = 2;

/// Arguments of every service.
#[derive(Debug, Clone, Args)]
pub struct ServiceArgs {
    /// Arguments of logging.
    #[command(flatten)]
    pub log: LogArgs,
    /// Arguments of the admin port.
    #[command(flatten)]
    pub admin: AdminArgs,
    /// Seconds to drain after a SIGTERM before unfinished work is abandoned; keep it below the pod's
    /// `terminationGracePeriodSeconds`
    #[arg(long, env = "DRAIN_SECONDS", default_value_t = 25, value_parser = clap::value_parser!(u32).range(0..=3600))]
    pub drain_seconds: u32,
}

impl ServiceArgs {
    pub(crate) fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds.into())
    }
}

/// Arguments of logging.
#[derive(Debug, Clone, Args)]
pub struct LogArgs {
    /// Format of the log lines
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// Log levels as `tracing` directives, such as `info` or `warn,eventpipeline_database=debug`
    #[arg(long, env = "LOG_FILTER", default_value = "info", value_parser = log_filter)]
    pub log_filter: String,
    /// Name of the pipeline, for log lines and spans
    #[arg(long, env = "EVENTPIPELINE_NAME", value_parser = object_name)]
    pub eventpipeline_name: Option<String>,
    /// Namespace of that pipeline
    #[arg(long, env = "EVENTPIPELINE_NAMESPACE", value_parser = object_name, requires = "eventpipeline_name")]
    pub eventpipeline_namespace: Option<String>,
}

impl LogArgs {
    /// Returns `namespace/name` or `name` of the pipeline, if known.
    pub(crate) fn pipeline(&self) -> Option<String> {
        let name = self.eventpipeline_name.as_ref()?;
        Some(self.eventpipeline_namespace.as_ref().map_or_else(|| name.clone(), |of| format!("{of}/{name}")))
    }
}

/// Format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text for people.
    Text,
    /// One JSON object per line, for collectors.
    Json,
}

/// Arguments of the admin port.
#[derive(Debug, Clone, Args)]
pub struct AdminArgs {
    /// Address of `/livez`, `/readyz` and `/metrics`
    #[arg(long, env = "ADMIN_ADDRESS", default_value = "[::]:9090")]
    pub admin_address: SocketAddr,
}

/// Parses a name of a Kubernetes object, which needs no escaping anywhere.
fn object_name(text: &str) -> Result<String, String> {
    let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
    let is_name = (1..=253).contains(&text.len()) && text.bytes().all(fits);
    if is_name { Ok(text.to_owned()) } else { Err("must be the name of a Kubernetes object".to_owned()) }
}

fn log_filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// Parses the process's arguments and environment.
///
/// # Errors
/// The exit code of the process, after the help, the version, or an error has been printed. An error of an
/// argument is one line that names its flag and variable.
pub fn parse<A: Parser>() -> Result<A, ExitCode> {
    A::try_parse().map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A closed standard output leaves nowhere to report to.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        | ErrorKind::MissingSubcommand
        | ErrorKind::InvalidSubcommand => {
            let _ = error.print();
            ExitCode::from(USAGE)
        }
        _ => refuse::<A>(&one_line(&error)),
    })
}

/// Reports arguments that are wrong, and returns the exit code of the process.
pub fn refuse<A: Parser>(why: &str) -> ExitCode {
    print_error(A::command().get_name(), why);
    ExitCode::from(USAGE)
}

/// Returns clap's message without the usage and in one line, because pods show single lines. clap names an
/// argument as `--database-host <DATABASE_HOST>`: the name of its value is that of its variable.
fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let end = ["\n\nUsage:", "\n\nFor more information"].iter().filter_map(|rest| text.find(rest)).min();
    let message = text.get(..end.unwrap_or(text.len())).unwrap_or(text);
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    in_words(&message).unwrap_or(message)
}

/// Replaces a range in the syntax of Rust, as in `70: 70 is not in 0..=9`.
fn in_words(message: &str) -> Option<String> {
    let (start, range) = message.split_once(" is not in ")?;
    let (argument, _) = start.rsplit_once(": ")?;
    let (from, to) = range.split_once("..=")?;
    Some(format!("{argument}: must be from {from} to {to}"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[derive(Debug, Parser)]
    #[command(name = "program")]
    enum Program {
        Serve(Box<ServeArgs>),
    }

    #[derive(Debug, Args)]
    struct ServeArgs {
        #[command(flatten)]
        service: ServiceArgs,
        /// Host of the database
        #[arg(long, env = "EXAMPLE_HOST")]
        example_host: String,
    }

    #[track_caller]
    fn message(arguments: &[&str]) -> String {
        let error = Program::try_parse_from([&["program", "serve"], arguments].concat()).unwrap_err();
        one_line(&error)
    }

    #[test]
    fn arguments_are_consistent() {
        Program::command().debug_assert();
    }

    #[test]
    fn a_missing_variable_is_named() {
        assert_eq!(
            message(&[]),
            "the following required arguments were not provided: --example-host <EXAMPLE_HOST>"
        );
    }

    #[test]
    fn a_wrong_value_is_shown_with_the_allowed_values() {
        let with = |arguments: &[&str]| message(&[&["--example-host", "db"], arguments].concat());
        assert_eq!(
            with(&["--drain-seconds", "9999"]),
            "invalid value '9999' for '--drain-seconds <DRAIN_SECONDS>': must be from 0 to 3600"
        );
        assert_eq!(
            with(&["--log-format", "xml"]),
            "invalid value 'xml' for '--log-format <LOG_FORMAT>' [possible values: text, json]"
        );
        assert!(with(&["--log-filter", "a=b=c"]).contains("'--log-filter <LOG_FILTER>'"));
    }

    #[test]
    fn an_unknown_argument_is_named() {
        assert!(message(&["--nonsense"]).contains("'--nonsense'"));
    }

    #[test]
    fn every_message_is_one_line() {
        for arguments in [&[][..], &["--nonsense"], &["--drain-seconds", "-1"], &["--log-format", "a\nb"]] {
            assert_eq!(message(arguments).lines().count(), 1);
        }
    }
}
