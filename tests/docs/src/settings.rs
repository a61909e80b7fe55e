//! The settings of the programs, and what sets them on a cluster.

mod sources;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use clap::{Arg, Command};

use sources::{Program, set_by};

const HEAD: &str = "# Settings of the programs

`dev/generate.sh` generates this page from the arguments of the programs. Each setting is an argument and an environment
variable: `LEASE_SECONDS=60` is `--lease-seconds 60`. An argument takes precedence. If a setting is missing or invalid, the
program exits with code 2 and one line that names the argument, its variable and the problem.

On a cluster, the operator sets most variables of a pipeline's programs. The last column names the field of the
[resource](eventpipeline.md) or the [value of the chart](values.md) that decides. Set a variable that nothing else sets with
`env` of its group (`spec.producers[].env`, `spec.consumers[].env`), or for the operator with `extraEnv`.
[The programs](../develop/programs.md) describes how to run them without Kubernetes.
";

/// Returns the page.
pub(crate) fn page() -> String {
    let all: Vec<_> = Program::ALL.iter().map(|program| (*program, program.command())).collect();
    let shared = |programs: &[Program]| {
        let settings =
            |(_, command): &(Program, Command)| variables(command).map(setting).collect::<BTreeSet<_>>();
        let chosen = all.iter().filter(|(program, _)| programs.contains(program)).map(settings);
        chosen.reduce(|one, other| &one & &other).unwrap_or_default()
    };
    let everywhere = shared(&[Program::Producer, Program::Consumer, Program::Agent, Program::Operator]);
    let services = &shared(&[Program::Producer, Program::Consumer]) - &everywhere;
    let own =
        |argument: &Arg| !everywhere.contains(&setting(argument)) && !services.contains(&setting(argument));
    let mut page = HEAD.to_owned();
    for (program, command) in &all {
        let by = |name: &str| set_by(*program, name);
        if *program == Program::Producer {
            let in_all = |argument: &Arg| everywhere.contains(&setting(argument));
            section(&mut page, "All programs", command, in_all, set_by_all);
            let in_services = |argument: &Arg| services.contains(&setting(argument));
            section(&mut page, "Producers and consumers", command, in_services, by);
            proxies(&mut page);
        }
        section(&mut page, program.title(), command, own, by);
    }
    page
}

/// Describes variables that are not arguments.
fn proxies(page: &mut String) {
    page.push_str(
        "\nVariables that have no argument: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` name the proxy of a \
         consumer's requests ([proxies](../develop/handlers.md#proxies)). `OTEL_...` names the destination of traces \
         ([traces](../develop/traces.md)).\n",
    );
}

fn variables(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|argument| argument.get_env().is_some())
}

/// Returns a setting's variable and meaning. Programs share a setting if both are the same.
fn setting(argument: &Arg) -> (String, String) {
    (variable(argument), meaning(argument))
}

fn variable(argument: &Arg) -> String {
    argument.get_env().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Returns what sets a variable that all programs have.
fn set_by_all(name: &str) -> String {
    format!("{}; for the operator: {}", set_by(Program::Producer, name), set_by(Program::Operator, name))
}

fn section(
    page: &mut String,
    title: &str,
    command: &Command,
    show: impl Fn(&Arg) -> bool,
    by: impl Fn(&str) -> String,
) {
    let _ = write!(page, "\n## {title}\n\n| variable | default | meaning | set by |\n|---|---|---|---|\n");
    for argument in variables(command).filter(|argument| show(argument)) {
        let name = variable(argument);
        let defaults = argument.get_default_values().iter().map(|value| value.to_string_lossy());
        let default =
            defaults.map(|value| if value.is_empty() { String::new() } else { format!("`{value}`") });
        let default = match (argument.is_required_set(), name.as_str()) {
            (true, _) => "required".to_owned(),
            // The one default that differs between programs.
            (false, "DRAIN_SECONDS") => "`25`; consumers: `50`".to_owned(),
            (false, _) => default.collect(),
        };
        let _ = writeln!(page, "| `{name}` | {default} | {} | {} |", meaning(argument), by(&name));
    }
}

/// Returns the help of an argument with its allowed values.
fn meaning(argument: &Arg) -> String {
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let values = argument.get_possible_values();
    let values: Vec<_> = values.iter().map(|value| format!("`{}`", value.get_name())).collect();
    let all = if values.is_empty() { String::new() } else { format!(": {}", values.join(", ")) };
    format!("{help}{all}").replace('|', "\\|").replace('\n', " ")
}
