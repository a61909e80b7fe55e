//! The command line: without a command the arguments of the operator, or a command that needs no cluster.

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgMatches, Args, Command, CommandFactory, FromArgMatches, Parser};
use eventpipeline_service::ServiceArgs;

use crate::offline::{DiffArgs, LintArgs, RenderArgs};

/// What the process is to do.
#[derive(Debug)]
pub(crate) enum Cli {
    /// Run the operator.
    Run(Box<RunArgs>),
    /// Print the resource definition.
    Crd,
    /// Print the reference of the resource.
    Reference,
    /// Print the reference of the metrics.
    Metrics,
    /// Print what is wrong with pipelines.
    Lint(LintArgs),
    /// Print the objects that pipelines are made of.
    Render(RenderArgs),
    /// Print what a change of pipelines does.
    Diff(DiffArgs),
}

/// Arguments of the operator.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Image of producers, consumers and schema Jobs, wherever a pipeline names no other
    #[arg(long, env = "IMAGE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) image: String,
    /// The one namespace whose pipelines are run; empty: those of all namespaces
    #[arg(long, env = "WATCH_NAMESPACE", default_value = "")]
    pub(crate) watch_namespace: String,
    /// Name that its Events carry
    #[arg(long, env = "POD_NAME", default_value = "local", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) pod_name: String,
    /// How often the queue of a pipeline is looked at, in seconds from 1 to 300
    #[arg(long, env = "OBSERVE_SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=300))]
    pub(crate) observe_seconds: u32,
    #[command(flatten)]
    pub(crate) election: ElectionArgs,
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
}

/// Which of several operators works.
#[derive(Debug, Args)]
#[expect(clippy::struct_field_names, reason = "they are the names of the arguments")]
pub(crate) struct ElectionArgs {
    /// Namespace of the Lease that one operator at a time holds; without it, this one has to be the only one
    #[arg(long, env = "LEASE_NAMESPACE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) lease_namespace: Option<String>,
    /// Name of that Lease
    #[arg(long, env = "LEASE_NAME", default_value = "eventpipeline-operator", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) lease_name: String,
    /// Seconds after which another operator takes over from one that has gone without a word, from 3 to 300
    #[arg(long, env = "LEASE_SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u32).range(3..=300))]
    pub(crate) lease_seconds: u32,
}

const CRD: &str = "crd";
const REFERENCE: &str = "reference";
const METRICS: &str = "metrics";
const LINT: &str = "lint";
const RENDER: &str = "render";
const DIFF: &str = "diff";

// By hand, because clap's derive has either required arguments or a subcommand that does without them, but not the
// two as the variants of one type.

impl Parser for Cli {}

impl CommandFactory for Cli {
    fn command() -> Command {
        RunArgs::augment_args(Command::new("eventpipeline-operator"))
            .version(env!("CARGO_PKG_VERSION"))
            .about("Runs what each EventPipeline asks for and reports how that is going")
            .subcommand(Command::new(CRD).about("Print the resource definition as YAML"))
            .subcommand(Command::new(REFERENCE).about("Print every field of the resource, with its bounds, as Markdown"))
            .subcommand(Command::new(METRICS).about("Print every metric, with its labels and their values, as Markdown"))
            .subcommand(LintArgs::augment_args(Command::new(LINT)).about(
                "Check EventPipelines without a cluster: what the API server would refuse, and what would work badly",
            ))
            .subcommand(
                RenderArgs::augment_args(Command::new(RENDER))
                    .about("Print the objects that the operator would apply as YAML; Secrets without their data"),
            )
            .subcommand(DiffArgs::augment_args(Command::new(DIFF)).about(
                "Print what a change of EventPipelines would restart, scale, create and remove, and what is refused",
            ))
            .args_conflicts_with_subcommands(true)
            .subcommand_negates_reqs(true)
    }

    fn command_for_update() -> Command {
        Self::command()
    }
}

impl FromArgMatches for Cli {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        match matches.subcommand() {
            Some((CRD, _)) => Ok(Self::Crd),
            Some((REFERENCE, _)) => Ok(Self::Reference),
            Some((METRICS, _)) => Ok(Self::Metrics),
            Some((LINT, matches)) => LintArgs::from_arg_matches(matches).map(Self::Lint),
            Some((RENDER, matches)) => RenderArgs::from_arg_matches(matches).map(Self::Render),
            Some((DIFF, matches)) => DiffArgs::from_arg_matches(matches).map(Self::Diff),
            _ => RunArgs::from_arg_matches(matches).map(|args| Self::Run(Box::new(args))),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from([&["eventpipeline-operator"], arguments].concat())
    }

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn it_runs_without_a_command_and_needs_the_image() {
        assert!(matches!(parse(&["--image", "eventpipeline:dev"]), Ok(Cli::Run(_))));
        assert!(parse(&[]).is_err());
        assert!(parse(&["--image", ""]).is_err());
    }

    #[test]
    fn what_prints_needs_nothing() {
        assert!(matches!(parse(&[CRD]), Ok(Cli::Crd)));
        assert!(matches!(parse(&[METRICS]), Ok(Cli::Metrics)));
    }
}
