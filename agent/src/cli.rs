//! The command line.

use clap::Parser;

use crate::metrics::NAME;
use crate::serve::ServeArgs;

/// Reports how full the database's volume is, and with what kinds of files.
#[derive(Debug, Parser)]
#[command(name = NAME, version)]
pub(crate) enum Cli {
    /// Measure the volume and serve the result, until SIGTERM
    Serve(Box<ServeArgs>),
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

    #[test]
    fn only_serve_takes_arguments() {
        let parse = |arguments: &[&str]| Cli::try_parse_from([&[NAME], arguments].concat());
        assert!(matches!(parse(&["serve", "--data-folder", "/"]), Ok(Cli::Serve(_))));
        assert!(matches!(parse(&["metrics"]), Ok(Cli::Metrics)));
        assert!(parse(&["metrics", "--data-folder", "/"]).is_err());
        assert!(parse(&[]).is_err());
    }
}
