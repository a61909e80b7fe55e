//! The command line of a program that serves when it is given no command, and otherwise does what the command says.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{ArgMatches, Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand};

/// Arguments of a service, and what its program is called.
pub trait Serves: Args {
    /// The program's name.
    const NAME: &'static str;
    /// What it does, as half a sentence.
    const ABOUT: &'static str;
}

/// What a process is to do.
// By hand, because clap's derive has either required arguments or a subcommand that does without them, but not the
// two as the variants of one type.
#[derive(Debug)]
pub enum Invocation<S, C> {
    /// Serve.
    Serve(Box<S>),
    /// Do this, and end.
    Run(C),
}

impl<S: Serves, C: Subcommand> Parser for Invocation<S, C> {}

impl<S: Serves, C: Subcommand> CommandFactory for Invocation<S, C> {
    fn command() -> Command {
        C::augment_subcommands(S::augment_args(Command::new(S::NAME)))
            .version(env!("CARGO_PKG_VERSION"))
            .about(S::ABOUT)
            .args_conflicts_with_subcommands(true)
            .subcommand_negates_reqs(true)
    }

    fn command_for_update() -> Command {
        Self::command()
    }
}

impl<S: Serves, C: Subcommand> FromArgMatches for Invocation<S, C> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        match matches.subcommand_name() {
            Some(_) => C::from_arg_matches(matches).map(Self::Run),
            None => S::from_arg_matches(matches).map(|args| Self::Serve(Box::new(args))),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Prints what a command was asked for, to standard output.
///
/// # Errors
/// That it could not be written. A reader that has had enough, as `head` does, is none.
pub fn print(text: &str) -> anyhow::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("failed to print the result"),
    }
}

/// The code that a command ends with. What went wrong is said on standard error, in one line; the code is `failure` then.
pub fn ended<S: Serves>(result: anyhow::Result<ExitCode>, failure: u8) -> ExitCode {
    result.unwrap_or_else(|error| {
        #[expect(clippy::print_stderr, reason = "logging is not configured for a command that prints")]
        {
            eprintln!("{}: {error:#}", S::NAME);
        }
        ExitCode::from(failure)
    })
}
