//! The commands in a text for a shell, found by shfmt's parser.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::run::{Cache, run};

/// Value of a command substitution.
const SUBSTITUTED: &str = "SUBSTITUTED";

/// A command that a shell would run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Invocation {
    /// Number of the line, from 1.
    pub(crate) line: usize,
    /// The program and its arguments, after expansion.
    pub(crate) words: Vec<String>,
    /// The environment variables that the text sets for it.
    pub(crate) environment: BTreeMap<String, String>,
    /// A here-document or here-string.
    pub(crate) input: Option<String>,
}

/// The variables of a shell, which are kept between the blocks of a page.
///
/// An unknown variable expands to its name, and a command substitution to `SUBSTITUTED`: both look like placeholders.
#[derive(Debug, Default)]
pub(crate) struct Shell {
    variables: BTreeMap<String, String>,
    exported: BTreeMap<String, String>,
    aliases: BTreeMap<String, String>,
    found: Vec<Invocation>,
}

impl Shell {
    /// Returns all commands of a text, including those of loops, functions and substitutions, or the reason that the
    /// text has no valid syntax.
    pub(crate) fn invocations(&mut self, text: &str) -> Result<Vec<Invocation>, String> {
        static PARSED: Cache = Cache::new();
        let parsed =
            PARSED.get(text, || run(Command::new(eventpipeline_testkit::shfmt()).arg("--to-json"), text))?;
        self.visit(&serde_json::from_str(&parsed).unwrap());
        Ok(std::mem::take(&mut self.found))
    }

    /// Finds the commands below a node of the syntax tree.
    fn visit(&mut self, node: &Value) {
        match node {
            Value::Array(nodes) => nodes.iter().for_each(|node| self.visit(node)),
            Value::Object(fields) => match node["Cmd"]["Type"].as_str() {
                Some("CallExpr" | "DeclClause") => self.command(&node["Cmd"], &node["Redirs"]),
                _ => fields.values().for_each(|field| self.visit(field)),
            },
            _ => {}
        }
    }

    fn command(&mut self, command: &Value, redirects: &Value) {
        let mut found = Invocation { environment: self.exported.clone(), ..Invocation::default() };
        let assignments = self.assignments(&command["Assigns"]);
        if command["Type"] == "DeclClause" {
            found.words.push(command["Variant"]["Value"].as_str().unwrap_or_default().to_owned());
            let exported = self.assignments(&command["Args"]);
            self.variables.extend(exported.clone());
            self.exported.extend(exported);
        } else if let Some(words) = command["Args"].as_array() {
            found.words = words.iter().map(|word| self.word(word)).collect();
            found.environment.extend(assignments);
            self.follow_alias(&mut found.words);
        } else {
            self.variables.extend(assignments);
            return;
        }
        for redirect in redirects.as_array().into_iter().flatten() {
            let word = self.word(&redirect["Word"]);
            match redirect["Op"].as_str() {
                Some("<<<") => found.input = Some(word),
                Some("<<" | "<<-") => found.input = Some(self.word(&redirect["Hdoc"])),
                _ => {}
            }
        }
        // Not the position of the command, which may begin with assignments on lines above.
        let at = command["Args"].get(0).unwrap_or(command);
        found.line = at["Pos"]["Line"].as_u64().and_then(|line| line.try_into().ok()).unwrap();
        self.found.push(found);
    }

    /// Records an alias, or replaces one by its words.
    fn follow_alias(&mut self, words: &mut Vec<String>) {
        if let ["alias", definition] = words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            let (name, text) = definition.split_once('=').unwrap_or((definition, ""));
            self.aliases.insert(name.to_owned(), text.to_owned());
        } else if let Some(text) = words.first().and_then(|name| self.aliases.get(name)) {
            let expansion = Self::default().invocations(text).unwrap_or_default();
            words.splice(..1, expansion.into_iter().flat_map(|invocation| invocation.words));
        }
    }

    fn assignments(&mut self, nodes: &Value) -> Vec<(String, String)> {
        let mut assignments = Vec::new();
        for node in nodes.as_array().into_iter().flatten().filter(|node| node["Value"].is_object()) {
            let name = node["Name"]["Value"].as_str().unwrap_or_default().to_owned();
            assignments.push((name, self.word(&node["Value"])));
        }
        assignments
    }

    /// Returns the value of a word, and finds the commands of its substitutions.
    fn word(&mut self, word: &Value) -> String {
        word["Parts"].as_array().into_iter().flatten().map(|part| self.part(part, false)).collect()
    }

    fn part(&mut self, part: &Value, quoted: bool) -> String {
        let text = part["Value"].as_str().unwrap_or_default();
        match part["Type"].as_str().unwrap_or_default() {
            "Lit" => unescaped(text, quoted),
            "SglQuoted" => text.to_owned(),
            "DblQuoted" => {
                part["Parts"].as_array().into_iter().flatten().map(|part| self.part(part, true)).collect()
            }
            "ParamExp" => self.variable(part),
            "ArithmExp" => "1".to_owned(),
            _ => {
                self.visit(&part["Stmts"]);
                SUBSTITUTED.to_owned()
            }
        }
    }

    fn variable(&mut self, node: &Value) -> String {
        let name = node["Param"]["Value"].as_str().unwrap_or_default();
        if let Some(value) = self.variables.get(name) {
            return value.clone();
        }
        if node["Exp"]["Word"].is_object() { self.word(&node["Exp"]["Word"]) } else { name.to_owned() }
    }
}

/// Removes the backslashes that a shell removes.
fn unescaped(text: &str, quoted: bool) -> String {
    let mut letters = text.chars();
    let mut value = String::new();
    while let Some(letter) = letters.next() {
        match (letter, letters.clone().next()) {
            ('\\', Some('\n')) => drop(letters.next()),
            ('\\', Some(next)) if !quoted || "$`\"\\".contains(next) => value.extend(letters.next()),
            _ => value.push(letter),
        }
    }
    value
}

#[test]
fn every_command_of_a_shell_is_found() {
    let words = |text: &str| {
        let invocations = Shell::default().invocations(text).unwrap();
        invocations.iter().map(|invocation| invocation.words.join("|")).collect::<Vec<_>>()
    };
    assert_eq!(words("a 1 | b '2 3' && c \"4\"5 # d\n(e; f &)\n"), ["a|1", "b|2 3", "c|45", "e", "f"]);
    assert_eq!(words("for i in $(seq 3); do x $i; done"), ["x|i", "seq|3"]);
    assert_eq!(words("if a; then b; else c; fi; while d; do e; done"), ["a", "c", "b", "d", "e"]);
    assert_eq!(
        words("f() { a \"$1\"; }; diff <(b \\\n `c`)"),
        ["a|1", "c", "b|SUBSTITUTED", "diff|SUBSTITUTED"]
    );
    assert_eq!(words("NS=shop NAME=orders # c\nk -n $NS ${NAME}-x \"$POD\""), ["k|-n|shop|orders-x|POD"]);
    assert_eq!(words("a '$NS' ${X:-y} \\$Z \"\\d\" e\\ f X=1"), ["a|$NS|y|$Z|\\d|e f|X=1"]);
}

#[test]
fn environment_input_and_lines_of_a_command_are_known() {
    let mut shell = Shell::default();
    let found = shell.invocations("export A=1\nB=2 \\\n  x <<'E'\n$A\nE\ny <<<z\n").unwrap();
    let [export, x, y] = &found[..] else { panic!("{found:?}") };
    assert_eq!((export.line, x.line, y.line), (1, 3, 6));
    assert_eq!(
        x.environment.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>(),
        ["A=1", "B=2"]
    );
    assert_eq!((x.input.as_deref(), y.input.as_deref()), (Some("$A\n"), Some("z")));
    assert_eq!(shell.invocations("z").unwrap()[0].environment.len(), 1, "exports last");
    let aliased = shell.invocations("alias ep='k exec -- e'\nep list").unwrap();
    assert_eq!(aliased[1].words, ["k", "exec", "--", "e", "list"]);
    assert!(shell.invocations("a )").is_err());
    assert!(shell.invocations("echo 'open").is_err());
}
