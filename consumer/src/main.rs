//! `eventpipeline-consumer`: claims events, has them handled, and writes the answers back.

mod claimer;
mod handlers;
mod metrics;
mod processor;
mod reclaimer;
mod serve;
mod settler;

use std::process::ExitCode;

use clap::Parser;

/// Claims events, has each handled, and writes its answer back
#[derive(Debug, Parser)]
#[command(name = "eventpipeline-consumer", version)]
struct Cli {
    #[command(flatten)]
    serve: serve::ServeArgs,
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

    #[test]
    fn the_word_api_needs_a_url() {
        let word_api = [
            "consumer",
            "--database-host",
            "db",
            "--database-password-file",
            "/dev/null",
            "--handler",
            "word-api",
        ];
        assert!(Cli::try_parse_from(word_api).is_err());
        assert!(Cli::try_parse_from([&word_api[..], &["--word-api-url", "ftp://words/"]].concat()).is_err());
        assert!(Cli::try_parse_from([&word_api[..], &["--word-api-url", "http://words/"]].concat()).is_ok());
    }
}
