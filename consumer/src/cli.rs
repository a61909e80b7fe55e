//! The command line: without a command the arguments of the service; `metrics` without any.

use clap::Subcommand;
use eventpipeline_service::{Invocation, Serves};

use crate::args::ServeArgs;
use crate::instruments;

/// What the process is to do.
pub(crate) type Cli = Invocation<ServeArgs, Command>;

/// What it does besides claiming events and having them handled.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print every metric, with its labels and their values, as Markdown
    Metrics,
}

impl Serves for ServeArgs {
    const NAME: &'static str = instruments::NAME;
    const ABOUT: &'static str = "Claims events, has each handled, and writes its answer back";
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn metrics_need_nothing() {
        let parsed = Cli::try_parse_from(["consumer", "metrics"]);
        assert!(matches!(parsed, Ok(Cli::Run(Command::Metrics))));
    }

    #[track_caller]
    fn message(further: &[&str]) -> Option<String> {
        let needed = ["consumer", "--database-host", "db", "--database-password-file", "/dev/null"];
        Cli::try_parse_from([&needed, further].concat()).err().map(|error| error.to_string())
    }

    #[test]
    fn handlers_need_their_addresses() {
        for (handler, url) in [("word-api", "--word-api-url"), ("http", "--handler-url")] {
            assert!(message(&["--handler", handler]).unwrap().contains(url));
            assert_eq!(message(&["--handler", handler, url, "http://words/"]), None);
        }
    }

    #[test]
    fn what_does_not_fit_together_is_said_without_secrets() {
        for (further, wrong) in [
            (
                &["--handler-timeout-seconds", "60"][..],
                "HANDLER_TIMEOUT_SECONDS 60 must be less than LEASE_SECONDS 60",
            ),
            (
                &["--backoff-seconds", "60", "--backoff-max-seconds", "30"],
                "BACKOFF_SECONDS 60 must be at most BACKOFF_MAX_SECONDS 30",
            ),
            (
                &["--handler-url", "ftp://me:S3CRET@host/"],
                "HANDLER_URL must begin with http:// or https://, not ftp:",
            ),
            (&["--word-api-url", "S3CRET"], "WORD_API_URL must be a URL: relative URL without a base"),
        ] {
            let message = message(further).unwrap();
            assert_eq!(message.lines().next(), Some(format!("error: {wrong}").as_str()));
        }
    }
}
