//! Our own programs, by the definitions of their command lines.

use std::collections::BTreeMap;

use clap::Command;
use clap::error::ErrorKind;

use super::Written;

/// A file that can be read, in place of the reader's.
const READABLE: &str = "/dev/null";

/// Environment variables that programs read without an argument.
const FURTHER: [&str; 6] =
    ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "PATH", "EVENTPIPELINE_CACHE"];

/// Returns the command line of one of our programs by its name or its path in the image.
pub(crate) fn command(name: &str) -> Option<Command> {
    Some(match name.rsplit('/').next()? {
        "eventpipeline" => eventpipeline_cli::command(),
        "eventpipeline-agent" => eventpipeline_agent::command(),
        "eventpipeline-conformance" => eventpipeline_conformance::command(),
        "eventpipeline-consumer" => eventpipeline_consumer::command(),
        "eventpipeline-operator" => eventpipeline_operator::command(),
        "eventpipeline-producer" => eventpipeline_producer::command(),
        _ => return None,
    })
}

/// Parses the arguments as the program does.
pub(crate) fn check(
    command: &Command,
    arguments: &[&str],
    environment: &BTreeMap<String, String>,
    written: Written,
) -> Result<(), String> {
    let mut given: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    let at = given.iter().position(|argument| argument == "--").unwrap_or(given.len());
    given.splice(at..at, flags(command, arguments, environment)?);
    for at in 1..given.len() {
        if given[at - 1].starts_with("--") && given[at - 1].ends_with("-file") {
            READABLE.clone_into(&mut given[at]);
        }
    }
    // A placeholder such as ID stands for any value: a word, a number, a duration or a URL.
    let values = [None, Some("1"), Some("10s"), Some("http://127.0.0.1:9090")];
    let mut results = values.map(|value| parse(command, &given, value)).into_iter();
    let first = results.next().unwrap();
    if first.is_ok() || results.any(|result| result.is_ok()) {
        return Ok(());
    }
    first.or_else(|error| match error.kind() {
        ErrorKind::MissingRequiredArgument if written == Written::Mentioned => Ok(()),
        _ => Err(error.to_string().split("\n\n").next().unwrap_or_default().replace('\n', " ")),
    })
}

fn parse(command: &Command, arguments: &[String], placeholder: Option<&str>) -> Result<(), clap::Error> {
    let argument = |argument: &String| match placeholder {
        Some(value) if is_placeholder(argument) => value.to_owned(),
        _ => argument.clone(),
    };
    let arguments = [command.get_name().to_owned()].into_iter().chain(arguments.iter().map(argument));
    match command.clone().try_get_matches_from(arguments) {
        Err(error) if !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Err(error)
        }
        _ => Ok(()),
    }
}

fn is_placeholder(word: &str) -> bool {
    word.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_')
}

/// Returns the environment as flags. A variable that the program does not read is an error.
fn flags(
    command: &Command,
    arguments: &[&str],
    environment: &BTreeMap<String, String>,
) -> Result<Vec<String>, String> {
    let subcommand = arguments.iter().find_map(|name| command.find_subcommand(name)).unwrap_or(command);
    let mut flags = Vec::new();
    for (name, value) in environment {
        let reads = |argument: &&clap::Arg| argument.get_env().is_some_and(|env| env == name.as_str());
        let argument = subcommand.get_arguments().chain(command.get_arguments()).find(reads);
        match argument.and_then(clap::Arg::get_long) {
            Some(long) if arguments.iter().any(|given| given.starts_with(&format!("--{long}"))) => {}
            Some(long) if long.ends_with("-file") => flags.push(format!("--{long}={READABLE}")),
            Some(long) => flags.push(format!("--{long}={value}")),
            None if is_known_elsewhere(name) => {}
            None => return Err(format!("no such environment variable: {name}")),
        }
    }
    Ok(flags)
}

/// Returns whether another program on the page may read the variable.
pub(crate) fn is_known_elsewhere(name: &str) -> bool {
    let programs =
        ["eventpipeline", "eventpipeline-consumer", "eventpipeline-operator", "eventpipeline-producer"];
    let reads = |command: &Command| {
        command
            .get_subcommands()
            .chain([command])
            .flat_map(Command::get_arguments)
            .any(|argument| argument.get_env().is_some_and(|env| env == name))
    };
    FURTHER.contains(&name)
        || name.starts_with("OTEL_")
        || programs.iter().filter_map(|program| command(program)).any(|command| reads(&command))
}
