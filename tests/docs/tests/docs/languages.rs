//! Blocks of code by their language.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::commands::is_ours;
use crate::pages::Block;
use crate::report::{Report, root};
use crate::run::run;
use crate::yaml;

/// Parses a Python program without running it.
const PYTHON: &str = "import ast, sys, textwrap; ast.parse(textwrap.dedent(sys.stdin.read()))";

/// Checks a block that is not for a shell.
pub(crate) fn check(block: &Block, report: &mut Report) {
    let result = match block.language() {
        // These are checked command by command, and on a server.
        "sh" | "bash" | "console" | "sql" => return,
        "text" => text(&block.text),
        "http" => http(&block.text),
        "json" => json(&block.text),
        "ndjson" => block.text.lines().try_for_each(json),
        "yaml" => {
            let objects = yaml::objects(&block.text).map(|object| (block.place.clone(), object));
            report.objects.extend(objects);
            yaml::check(&block.text, yaml::Hint::of(block))
        }
        "python" => run(Command::new("python3").args(["-c", PYTHON]), &block.text).map(drop),
        "js" | "javascript" => javascript(&block.text),
        "go" => run(Command::new("gofmt").arg("-e"), &block.text).map(drop),
        "java" => quoted(&block.text, "java"),
        "" => Err(
            "name the language after the fence: sh for commands, console for commands with their output, \
                   text for what nothing can check"
                .to_owned(),
        ),
        other => Err(format!("no check for {other}: see tests/docs/tests/docs/languages.rs")),
    };
    report.add(block.language(), &block.place, result.map_err(|why| why.replace('\n', " ")));
}

/// Checks that text is not a command in disguise.
fn text(text: &str) -> Result<(), String> {
    let is_command = |line: &&str| {
        let (program, arguments) = line.split_once(' ').unwrap_or((line, ""));
        program == "$" || is_ours(program) && arguments.starts_with(|first: char| first.is_ascii_lowercase())
    };
    match text.lines().find(is_command) {
        Some(line) => Err(format!("`{line}` looks like a command: use sh or console")),
        None => Ok(()),
    }
}

fn json(text: &str) -> Result<(), String> {
    serde_json::from_str::<Value>(text).map(drop).map_err(|error| error.to_string())
}

/// Checks the first line, the headers and a JSON body of a request or a response.
fn http(text: &str) -> Result<(), String> {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let first: Vec<_> = lines.next().unwrap_or_default().split(' ').collect();
    match first[..] {
        ["GET" | "POST" | "PUT" | "DELETE", path, "HTTP/1.1"] if path.starts_with('/') => {}
        ["HTTP/1.1", status, ..] if status.parse::<u16>().is_ok() => {}
        _ => return Err("the first line is neither a request's nor a response's".to_owned()),
    }
    let is_header = |line: &&str| line.split_once(": ").is_some_and(|(name, _)| !name.contains(' '));
    if let Some(line) = lines.find(|line| !is_header(line)) {
        return Err(format!("`{line}` is not a header"));
    }
    if body.trim().is_empty() || !head.to_lowercase().contains("json") { Ok(()) } else { json(body) }
}

/// Parses a module, which a file's name tells from a script.
fn javascript(code: &str) -> Result<(), String> {
    let file = tempfile::Builder::new().suffix(".mjs").tempfile().unwrap();
    fs::write(file.path(), code).unwrap();
    run(Command::new("node").arg("--check").arg(file.path()), "").map(drop)
}

/// Checks that the code is a part of an example, which has tests.
fn quoted(code: &str, extension: &str) -> Result<(), String> {
    let found =
        contains(&root().join("examples"), code.trim(), extension).map_err(|error| error.to_string())?;
    if found { Ok(()) } else { Err(format!("no file examples/**/*.{extension} contains this code")) }
}

fn contains(folder: &Path, code: &str, extension: &str) -> std::io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_code = path.extension().is_some_and(|found| found == extension);
        if path.is_dir() && contains(&path, code, extension)?
            || is_code && fs::read_to_string(&path)?.contains(code)
        {
            return Ok(true);
        }
    }
    Ok(false)
}
