//! The commands of the command-line tool.

use std::fmt::Write as _;

use clap::{Arg, Command};

/// Returns the page.
pub(crate) fn page() -> String {
    let mut command = eventpipeline_cli::command();
    command.build();
    let mut page = "# Commands of the command-line tool\n\n`dev/generate.sh` generates this page from the arguments of the \
                    tool. [The command-line tool](cli.md) describes how to use it.\n\n## Options of every command\n\n"
        .to_owned();
    options(&mut page, command.get_arguments().filter(|argument| argument.is_global_set()));
    for subcommand in command.get_subcommands_mut().filter(|subcommand| subcommand.get_name() != "help") {
        let _ = write!(page, "\n## {}\n\n", subcommand.get_name());
        let about = subcommand.get_long_about().or(subcommand.get_about()).map(ToString::to_string);
        let _ = write!(page, "{}.\n\n", about.unwrap_or_default().trim_end_matches('.'));
        let _ = write!(page, "```text\n{}\n```\n", subcommand.render_usage());
        let own: Vec<_> = own_arguments(subcommand).collect();
        if !own.is_empty() {
            page.push('\n');
            options(&mut page, own.into_iter());
        }
    }
    page
}

/// Returns the arguments that only this command has.
fn own_arguments(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|argument| !argument.is_global_set() && argument.get_id() != "help")
}

fn options<'a>(page: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    page.push_str("| argument | default | meaning |\n|---|---|---|\n");
    for argument in arguments {
        let values = argument.get_possible_values();
        let values: Vec<_> = values.iter().map(|value| format!("`{}`", value.get_name())).collect();
        let takes_value = argument.get_action().takes_values();
        let mut meaning = argument.get_help().map(ToString::to_string).unwrap_or_default();
        if takes_value && !values.is_empty() {
            let _ = write!(meaning, ": {}", values.join(", "));
        }
        if let Some(variable) = argument.get_env() {
            let _ = write!(meaning, ". Environment variable: `{}`", variable.display());
        }
        let defaults = if takes_value { argument.get_default_values() } else { &[] };
        let default = defaults.first().map(|value| format!("`{}`", value.display())).unwrap_or_default();
        let _ = writeln!(
            page,
            "| {} | {default} | {} |",
            name(argument, takes_value),
            meaning.replace('|', "\\|")
        );
    }
}

/// Returns the names of an argument, and that of its value.
fn name(argument: &Arg, takes_value: bool) -> String {
    let value = argument.get_value_names().and_then(|names| names.first()).map_or("", |name| name.as_str());
    match (argument.get_long(), argument.get_short()) {
        (Some(long), short) => {
            let short = short.map(|letter| format!("`-{letter}`, ")).unwrap_or_default();
            let value = if takes_value { format!(" {value}") } else { String::new() };
            format!("{short}`--{long}{value}`")
        }
        _ => format!("`{value}`"),
    }
}
