//! `eventpipeline-consumer`: claims events, has them handled, and writes the answers back.
//!
//! ```text
//! claimer ──▶ buffer ──▶ dispatcher ──▶ handlers ──▶ settler
//!    ╰──────────── holdings: what is claimed and not settled ───── heartbeat
//! ```

mod args;
mod attempt;
mod backoff;
mod claimer;
mod dispatcher;
mod handlers;
mod heartbeat;
mod holdings;
mod ids;
mod keeper;
mod metrics;
mod prefetch;
mod retry;
mod serve;
mod settler;

use std::process::ExitCode;

use clap::Parser;

/// Claims events, has each handled, and writes its answer back
#[derive(Debug, Parser)]
#[command(name = "eventpipeline-consumer", version)]
struct Cli {
    #[command(flatten)]
    serve: args::ServeArgs,
}

fn main() -> ExitCode {
    match eventpipeline_service::parse::<Cli>() {
        Ok(cli) => serve::run(cli.serve),
        Err(code) => code,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
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
