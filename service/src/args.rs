//! Argument groups that the binaries flatten into theirs, and parsing that fails in one line.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, Parser, ValueEnum};
use tracing_subscriber::EnvFilter;

/// What every long-running service takes.
#[derive(Debug, Clone, Args)]
pub struct ServiceArgs {
    /// Where and how it logs.
    #[command(flatten)]
    pub log: LogArgs,
    /// Its internal port.
    #[command(flatten)]
    pub admin: AdminArgs,
    /// Seconds that a SIGTERM may take until what is unfinished is given up; keep it below the pod's
    /// `terminationGracePeriodSeconds`
    #[arg(long, env = "DRAIN_SECONDS", default_value_t = 25, value_parser = clap::value_parser!(u32).range(0..=3600))]
    pub drain_seconds: u32,
}

impl ServiceArgs {
    pub(crate) fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds.into())
    }
}

/// Logging.
#[derive(Debug, Clone, Args)]
pub struct LogArgs {
    /// Format of the log lines
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// Which log lines are written, as `tracing` directives: `info`, `warn,eventpipeline_database=debug`
    #[arg(long, env = "LOG_FILTER", default_value = "info", value_parser = log_filter)]
    pub log_filter: String,
    /// Name of the pipeline that it works for, as log lines and spans say it
    #[arg(long, env = "EVENTPIPELINE_NAME", value_parser = object_name)]
    pub eventpipeline_name: Option<String>,
    /// Namespace of that pipeline
    #[arg(long, env = "EVENTPIPELINE_NAMESPACE", value_parser = object_name, requires = "eventpipeline_name")]
    pub eventpipeline_namespace: Option<String>,
}

impl LogArgs {
    /// `namespace/name`, as far as it is known.
    pub(crate) fn pipeline(&self) -> Option<String> {
        let name = self.eventpipeline_name.as_ref()?;
        Some(self.eventpipeline_namespace.as_ref().map_or_else(|| name.clone(), |of| format!("{of}/{name}")))
    }
}

/// Format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

/// The internal port.
#[derive(Debug, Clone, Args)]
pub struct AdminArgs {
    /// Address of `/livez`, `/readyz` and `/metrics`
    #[arg(long, env = "ADMIN_ADDRESS", default_value = "[::]:9090")]
    pub admin_address: SocketAddr,
}

/// A name as Kubernetes has it, which needs no escaping anywhere.
fn object_name(text: &str) -> Result<String, String> {
    let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
    let is_name = (1..=253).contains(&text.len()) && text.bytes().all(fits);
    if is_name { Ok(text.to_owned()) } else { Err("must be a name as Kubernetes has it".to_owned()) }
}

fn log_filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// Parses the process's arguments and environment.
///
/// # Errors
/// The exit code to end with, after one line on standard error that names the variable at fault and says what would
/// be right. Help and version are printed and end with success.
pub fn parse<A: Parser>() -> Result<A, ExitCode> {
    A::try_parse().map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // Nobody is left to tell when standard output is closed.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        _ => {
            #[expect(
                clippy::print_stderr,
                reason = "logging is configured by the arguments that just failed"
            )]
            {
                eprintln!("{}", one_line::<A>(&error));
            }
            ExitCode::from(2)
        }
    })
}

/// The error in one line that leads with the environment variable, because that is what a pod's author set.
fn one_line<A: CommandFactory>(error: &clap::Error) -> String {
    let command = A::command();
    let name = command.get_name().to_owned();
    let named: Vec<String> = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::Strings(all)) => all.iter().map(|shown| variable(&command, shown)).collect(),
        Some(ContextValue::String(shown)) => vec![variable(&command, shown)],
        _ => Vec::new(),
    };
    let value = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) => value.as_str(),
        _ => "",
    };
    match error.kind() {
        ErrorKind::MissingRequiredArgument if !named.is_empty() => {
            format!("{name}: must be set: {}", named.join("; "))
        }
        ErrorKind::ValueValidation | ErrorKind::InvalidValue if !named.is_empty() => {
            let expected = match error.get(ContextKind::ValidValue) {
                Some(ContextValue::Strings(values)) => format!("is not one of {}", values.join(", ")),
                _ => std::error::Error::source(error)
                    .map_or("is invalid".to_owned(), |source| format!("is invalid ({source})")),
            };
            format!("{name}: {value:?} {expected}: {}", named.join("; "))
        }
        _ => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            format!("{name}: {} (--help lists the arguments)", first.trim_start_matches("error: "))
        }
    }
}

/// `DATABASE_HOST (--database-host), Host name of ...` for the `--database-host <DATABASE_HOST>` that clap shows.
fn variable(command: &clap::Command, shown: &str) -> String {
    let flag = shown.split([' ', '=']).next().unwrap_or(shown);
    let mut arguments =
        command.get_arguments().chain(command.get_subcommands().flat_map(clap::Command::get_arguments));
    let argument =
        arguments.find(|argument| argument.get_long().is_some_and(|long| flag == format!("--{long}")));
    let env = argument.and_then(clap::Arg::get_env).map(|env| format!("{} ({flag})", env.to_string_lossy()));
    let help = argument.and_then(clap::Arg::get_help).map(|help| format!(", {help}"));
    env.unwrap_or_else(|| flag.to_owned()) + &help.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Parser)]
    #[command(name = "program")]
    struct Program {
        #[command(flatten)]
        service: ServiceArgs,
        /// Host of the database
        #[arg(long, env = "EXAMPLE_HOST")]
        example_host: String,
    }

    #[track_caller]
    fn message(arguments: &[&str]) -> String {
        let error = Program::try_parse_from([&["program"], arguments].concat()).unwrap_err();
        one_line::<Program>(&error)
    }

    #[test]
    fn arguments_are_consistent() {
        Program::command().debug_assert();
    }

    #[test]
    fn a_missing_variable_is_named() {
        assert_eq!(message(&[]), "program: must be set: EXAMPLE_HOST (--example-host), Host of the database");
    }

    #[test]
    fn a_wrong_value_is_shown_with_what_would_be_right() {
        assert_eq!(
            message(&["--example-host", "db", "--drain-seconds", "9999"]),
            "program: \"9999\" is invalid (9999 is not in 0..=3600): DRAIN_SECONDS (--drain-seconds), \
             Seconds that a SIGTERM may take until what is unfinished is given up; keep it below the pod's \
             `terminationGracePeriodSeconds`"
        );
        assert_eq!(
            message(&["--example-host", "db", "--log-format", "xml"]),
            "program: \"xml\" is not one of text, json: LOG_FORMAT (--log-format), Format of the log lines"
        );
        assert!(
            message(&["--example-host", "db", "--log-filter", "a=b=c"]).contains("LOG_FILTER (--log-filter)")
        );
    }

    #[test]
    fn an_unknown_argument_is_named() {
        assert!(message(&["--nonsense"]).contains("'--nonsense'"));
    }

    #[test]
    fn every_message_is_one_line() {
        for arguments in [&[][..], &["--nonsense"], &["--drain-seconds", "-1"]] {
            assert_eq!(message(arguments).lines().count(), 1);
        }
    }
}
