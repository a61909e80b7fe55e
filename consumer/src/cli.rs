//! The command line.

use clap::Parser;

use crate::args::RawArgs;
use crate::metrics::NAME;

/// Claims events, passes each to its handler, and stores the results.
#[derive(Debug, Parser)]
#[command(name = NAME, version)]
pub(crate) enum Cli {
    /// Claim and process events until SIGTERM
    Serve(Box<RawArgs>),
    /// Print every metric with its labels and their values, as Markdown
    Metrics,
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
    fn refused(further: &[&str]) -> Option<String> {
        let needed = [NAME, "serve", "--database-host", "db", "--database-password-file", "/dev/null"];
        match Cli::try_parse_from([&needed, further].concat()) {
            Ok(Cli::Serve(args)) => args.check().err(),
            Ok(Cli::Metrics) => panic!("this is not serve"),
            Err(error) => Some(error.to_string()),
        }
    }

    #[test]
    fn handlers_need_their_addresses() {
        for (handler, url) in [("word-api", "--word-api-url"), ("http", "--handler-url")] {
            assert!(refused(&["--handler", handler]).unwrap().contains(url));
            assert_eq!(refused(&["--handler", handler, url, "http://words/"]), None);
        }
    }

    #[test]
    fn incompatible_arguments_are_refused_without_printing_secrets() {
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
            assert_eq!(refused(further).as_deref(), Some(wrong));
        }
    }
}
