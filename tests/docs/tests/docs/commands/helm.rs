//! `helm`: its own parser for flags, and the chart's schema for values.

use std::process::Command;

use serde_json::Value;

use crate::report::root;
use crate::run::{Cache, run};

/// Flags of `install` and `upgrade` that decide what is rendered.
const RENDERED: [&str; 8] = [
    "--set",
    "--set-string",
    "--set-json",
    "--set-file",
    "-n",
    "--namespace",
    "--api-versions",
    "--kube-version",
];

/// An image, which a chart of a checkout does not name.
const IMAGE: [&str; 2] = ["--set", "image.registry=registry.example.com"];

/// Kinds that the chart asks for.
const API_VERSIONS: [&str; 4] = [
    "eventpipeline.dev/v1alpha1/EventPipeline",
    "monitoring.coreos.com/v1/PodMonitor",
    "monitoring.coreos.com/v1/PrometheusRule",
    "monitoring.coreos.com/v1/ServiceMonitor",
];

pub(crate) fn check(arguments: &[&str], input: Option<&str>) -> Result<(), String> {
    parse(arguments)?;
    match arguments {
        ["install" | "upgrade" | "template", rest @ ..] if has_our_chart(rest) => render(rest, input),
        _ => Ok(()),
    }
}

/// Lets helm parse the flags.
fn parse(arguments: &[&str]) -> Result<(), String> {
    static HELP: Cache = Cache::new();
    let help = HELP.get(&arguments.join("\n"), || {
        run(Command::new(eventpipeline_testkit::helm()).args(arguments).arg("--help"), "")
    });
    help.map(drop).map_err(|why| why.lines().next().unwrap_or_default().to_owned())
}

fn has_our_chart(arguments: &[&str]) -> bool {
    let is_ours = |argument: &&str| {
        matches!(argument.trim_end_matches('/'), "." | "charts/eventpipeline")
            || argument.starts_with("oci://") && argument.ends_with("/eventpipeline")
            || argument.starts_with("eventpipeline-") && argument.contains(".tgz")
    };
    arguments.iter().any(is_ours)
}

/// Renders the chart with the values of the command.
fn render(arguments: &[&str], input: Option<&str>) -> Result<(), String> {
    let mut command = template();
    // A released chart names its image, and so may values that are not here.
    let mut names_image = !arguments.iter().any(|argument| matches!(*argument, "." | "charts/eventpipeline"))
        || arguments.contains(&"--reuse-values");
    let mut further = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(&argument) = arguments.next() {
        let flag = argument.split('=').next().unwrap_or_default();
        if RENDERED.contains(&flag) {
            further.push(argument);
            if flag == argument {
                further.extend(arguments.next());
            }
        } else if matches!(flag, "-f" | "--values") {
            let file = argument.split_once('=').map(|(_, file)| file).or_else(|| arguments.next().copied());
            let file = file.ok_or("the flag has no file")?;
            // Other files are the reader's own.
            let is_here = file == "-" || root().join(file).is_file();
            if is_here {
                further.extend(["--values", file]);
            }
            names_image |= !is_here;
        }
    }
    if names_image {
        command.args(IMAGE);
    }
    run(command.args(further), input.unwrap_or_default()).map(drop).map_err(|why| why.replace('\n', " "))
}

/// Renders the chart with values.
pub(crate) fn render_values(values: &Value) -> Result<(), String> {
    let mut command = template();
    if !values["image"]["registry"].is_string() {
        command.args(IMAGE);
    }
    run(command.args(["--values", "-"]), &values.to_string()).map(drop)
}

/// Returns the command that renders our chart.
fn template() -> Command {
    let mut command = Command::new(eventpipeline_testkit::helm());
    command.current_dir(root()).args(["template", "release", "charts/eventpipeline"]);
    for kind in API_VERSIONS {
        command.args(["--api-versions", kind]);
    }
    command
}
