//! Programs of others whose arguments are checked little.

use crate::report::root;

/// Programs that every reader knows, and builtins of the shell.
const COMMON: [&str; 52] = [
    "alias",
    "apt-get",
    "awk",
    "base64",
    "cat",
    "cd",
    "chmod",
    "cosign",
    "cp",
    "crane",
    "cut",
    "date",
    "diff",
    "du",
    "echo",
    "exit",
    "export",
    "git",
    "grep",
    "gunzip",
    "head",
    "jobs",
    "jq",
    "kill",
    "kind",
    "ls",
    "mkdir",
    "mv",
    "mysqladmin",
    "mysqldump",
    "openssl",
    "oras",
    "printf",
    "promtool",
    "rm",
    "sed",
    "seq",
    "sha256sum",
    "skopeo",
    "sleep",
    "sort",
    "tail",
    "tar",
    "tee",
    "test",
    "tr",
    "true",
    "uniq",
    "unset",
    "wait",
    "xargs",
    "yq",
];

/// Programs of languages.
const LANGUAGES: [&str; 10] = ["go", "java", "mvn", "node", "npm", "npx", "perl", "pip", "python", "python3"];

/// Subcommands of cargo.
const CARGO: [&str; 8] = ["bench", "build", "check", "clippy", "doc", "fmt", "run", "test"];

pub(crate) fn check(program: &str, arguments: &[&str]) -> Result<(), String> {
    if COMMON.contains(&program) || LANGUAGES.contains(&program) {
        return Ok(());
    }
    match program {
        // It has no library: `make bench` runs it.
        "eventpipeline-bench" => Ok(()),
        "cargo" => cargo(arguments),
        "docker" => docker(arguments),
        script if script.contains('/') && !script.starts_with('/') => {
            let exists = root().join(script).is_file();
            if exists { Ok(()) } else { Err(format!("the repository has no file {script}")) }
        }
        _ => Err("no check for this program: see tests/docs/tests/docs/commands".to_owned()),
    }
}

fn cargo(arguments: &[&str]) -> Result<(), String> {
    let subcommand = arguments.first().copied().unwrap_or_default();
    if !CARGO.contains(&subcommand) && subcommand != "insta" {
        return Err(format!("no check for `cargo {subcommand}`"));
    }
    let manifest = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    for pair in arguments.windows(2) {
        if let ["-p" | "--package", package] = pair
            && !manifest.contains(&format!("name = \"{package}\"\n"))
        {
            return Err(format!("the workspace has no package {package}"));
        }
    }
    Ok(())
}

/// Checks the services of `docker compose`, and known subcommands.
fn docker(arguments: &[&str]) -> Result<(), String> {
    match arguments {
        ["compose", rest @ ..] => {
            let words = [
                "up", "down", "ps", "logs", "exec", "run", "pull", "restart", "stop", "kill", "start",
                "config",
            ];
            let subcommand = rest.iter().find(|word| words.contains(word));
            subcommand.map(drop).ok_or_else(|| format!("no known subcommand in {rest:?}"))
        }
        [
            "build" | "login" | "pull" | "push" | "run" | "load" | "save" | "tag" | "exec" | "logs" | "ps"
            | "info",
            ..,
        ] => Ok(()),
        _ => Err("no check for this subcommand".to_owned()),
    }
}
