//! Commands of shells, each checked as its program would.

mod curl;
pub(crate) mod helm;
mod kubectl;
mod make;
mod objects;
mod other;
pub(crate) mod programs;

use crate::pages::{Block, Page, Place};
use crate::report::Report;
use crate::shell::{Invocation, Shell};
use crate::yaml;

/// Programs that run the command in their arguments.
const WRAPPERS: [&str; 6] = ["sudo", "time", "nohup", "exec", "command", "env"];

/// The place of a command on its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// In a block, to be run as it is.
    Whole,
    /// In a sentence, which may leave out arguments.
    Mentioned,
}

/// Checks the commands in the blocks and in the text of a page.
pub(crate) fn check_page(page: &Page, report: &mut Report) {
    let mut shell = Shell::default();
    for block in &page.blocks {
        if block.language() == "sql" {
            report.sql.push((block.place.clone(), block.text.clone()));
        }
        let Some(text) = commands_of(block) else { continue };
        // An example of a request that the API refuses.
        if block.has_hint("refused") {
            report.add("shell text", &block.place, shell.invocations(&text).map(drop));
        } else {
            check_text(&text, Written::Whole, &block.place, &mut shell, report);
        }
    }
    // Decisions also quote commands that were rejected.
    for span in page.spans.iter().filter(|_| !page.path.starts_with("docs/adr/")) {
        let (program, arguments) = span.text.split_once(' ').unwrap_or((&span.text, ""));
        // Flags alone are no command.
        let is_whole = !arguments.is_empty() && !arguments.starts_with('-') && !arguments.contains("...");
        if is_whole && is_ours(program) {
            check_text(&span.text, Written::Mentioned, &span.place, &mut shell, report);
        }
    }
}

/// Returns whether code within a line that begins with this word is a command.
pub(crate) fn is_ours(program: &str) -> bool {
    matches!(program, "kubectl" | "helm" | "make" | "curl" | "docker") || programs::command(program).is_some()
}

/// Returns the commands of a block, with their line numbers in it.
fn commands_of(block: &Block) -> Option<String> {
    match block.language() {
        "sh" | "bash" => Some(block.text.clone()),
        "console" => Some(without_output(&block.text)),
        _ => None,
    }
}

/// Replaces the lines that a terminal shows between commands with empty ones.
fn without_output(text: &str) -> String {
    let mut continued = false;
    let mut commands = String::new();
    for line in text.lines() {
        let command = line.strip_prefix("$ ").or(continued.then(|| line.strip_prefix("> ").unwrap_or(line)));
        continued = command.is_some_and(|command| command.ends_with('\\'));
        commands += command.unwrap_or_default();
        commands.push('\n');
    }
    commands
}

fn check_text(text: &str, written: Written, place: &Place, shell: &mut Shell, report: &mut Report) {
    let invocations = shell.invocations(text);
    report.add("shell text", place, invocations.as_ref().map(drop).map_err(Clone::clone));
    for invocation in invocations.into_iter().flatten() {
        check(&invocation, written, &place.below(invocation.line - 1), report);
    }
}

fn check(invocation: &Invocation, written: Written, place: &Place, report: &mut Report) {
    let Some((program, arguments)) = invocation.words.split_first() else { return };
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if WRAPPERS.contains(&program.as_str()) && !arguments.is_empty() {
        return check_wrapped(invocation, &arguments, written, place, report);
    }
    if let ("sh" | "bash" | "/bin/sh", ["-c", text, ..]) = (program.as_str(), &arguments[..]) {
        return check_text(text, written, place, &mut Shell::default(), report);
    }
    let result = match program.as_str() {
        "kubectl" => {
            let inner = kubectl::inner(&arguments);
            if let Some(inner) = inner {
                check_wrapped(invocation, inner, written, place, report);
            }
            kubectl::check(&arguments)
        }
        "helm" => helm::check(&arguments, invocation.input.as_deref()),
        "curl" => curl::check(&arguments),
        "make" => make::check(&arguments),
        "mysql" => {
            let statements =
                arguments.windows(2).filter(|pair| pair[0] == "-e").map(|pair| pair[1].to_owned());
            report.sql.extend(statements.map(|text| (place.clone(), text)));
            Ok(())
        }
        name => match programs::command(name) {
            Some(command) => programs::check(&command, &arguments, &invocation.environment, written),
            None => other::check(name, &arguments),
        },
    };
    let shown = format!("{program} {}", arguments.join(" "));
    report.add(program, place, result.map_err(|why| format!("`{}`: {why}", shown.trim())));
    if let (Some(input), "kubectl" | "helm") = (&invocation.input, program.as_str()) {
        report.add("yaml", place, yaml::check(input, yaml::Hint::None));
    }
}

/// Checks the command in the arguments of another.
fn check_wrapped(
    outer: &Invocation,
    arguments: &[&str],
    written: Written,
    place: &Place,
    report: &mut Report,
) {
    let words = arguments.iter().map(|&word| word.to_owned());
    let is_assignment = |word: &String| !word.starts_with('-') && word.contains('=') && !word.contains('/');
    let words = words.skip_while(is_assignment).collect();
    check(&Invocation { words, ..outer.clone() }, written, place, report);
}

#[test]
fn only_lines_with_a_prompt_are_commands() {
    assert_eq!(without_output("$ a \\\n  b\nout\n$ c\n"), "a \\\n  b\n\nc\n");
}
