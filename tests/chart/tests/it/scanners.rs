//! kube-score and Checkov find nothing in the objects of the chart and the operator, except for `exceptions.txt`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use eventpipeline_testkit::{ApiServer, checkov, kube_score};
use serde_json::Value;

use crate::{KNOWN, objects, render, repository, text, yaml_files};

/// Examples with programs of their own.
const PROGRAMS: [&str; 2] =
    ["examples/word-service/words.yaml", "examples/handlers-on-cluster/python/handler.yaml"];

/// A finding of a tool about an object (`Kind/name`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    tool: &'static str,
    check: String,
    object: String,
}

/// An accepted finding: a line `tool | check | objects | reason`, with a `*` at either end of the objects.
#[derive(Debug)]
struct Exception {
    tool: String,
    check: String,
    objects: String,
}

impl Exception {
    fn all() -> Vec<Self> {
        let file = fs::read_to_string(repository("tests/chart/exceptions.txt")).expect("exceptions");
        let lines = file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(Self::parse).collect()
    }

    fn parse(line: &str) -> Self {
        let fields: Vec<_> = line.split(" | ").map(str::trim).collect();
        let [tool, check, objects, reason] = fields[..] else {
            panic!("not `tool | check | objects | reason`: {line}")
        };
        assert!(!reason.is_empty(), "without a reason: {line}");
        Self { tool: tool.to_owned(), check: check.to_owned(), objects: objects.to_owned() }
    }

    fn covers(&self, finding: &Finding) -> bool {
        self.tool == finding.tool && self.check == finding.check && glob(&self.objects, &finding.object)
    }
}

fn glob(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(_), Some(_)) => name.contains(pattern.trim_matches('*')),
        (Some(end), None) => name.ends_with(end),
        (None, Some(beginning)) => name.starts_with(beginning),
        (None, None) => name == pattern,
    }
}

/// Returns the path of a program of the workspace, in the parent of the folder of tests.
pub(crate) fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this program");
    let folder = test.parent().and_then(Path::parent).expect("the folder of programs");
    let path = folder.join(name);
    assert!(path.exists(), "{} is missing: `cargo build --workspace` makes it", path.display());
    path
}

/// Writes every manifest to its own file: of the chart with default values and with many, and of each example.
async fn write_manifests(folder: &Path) {
    let server = ApiServer::shared().await;
    let values = repository("tests/chart/tests/it/values.yaml");
    for (name, arguments) in [
        ("stock", &["--set", "crds.enabled=false"][..]),
        ("values", &[KNOWN, "--values", text(&values), "--set", "crds.enabled=false"]),
    ] {
        let rendered = render(server, arguments).expect("it renders");
        fs::write(folder.join(format!("chart-{name}.yaml")), rendered).expect("a file");
    }
    for example in yaml_files(&repository("examples")) {
        let name = example.file_name().expect("a name");
        fs::write(folder.join(name), rendered_example(&example, "examples")).expect("a file");
    }
    for program in PROGRAMS.map(repository) {
        let file = folder.join(program.file_name().expect("a name"));
        write_objects(&file, &example_objects(&program, "examples"));
    }
}

/// Returns the objects of an example in this namespace, as they are written.
pub(crate) fn example_objects(example: &Path, namespace: &str) -> Vec<Value> {
    let mut written = objects(&fs::read_to_string(example).expect("an example"));
    for object in &mut written {
        object["metadata"]["namespace"] = namespace.into();
    }
    written
}

/// Writes objects to a file. JSON is YAML.
fn write_objects(file: &Path, objects: &[Value]) {
    let documents: Vec<_> = objects.iter().map(|object| format!("---\n{object}\n")).collect();
    fs::write(file, documents.concat()).expect("a file");
}

/// Renders the objects that the operator creates for an example in this namespace.
pub(crate) fn rendered_example(example: &Path, namespace: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("example.yaml");
    write_objects(&file, &example_objects(example, namespace));
    let operator = program("eventpipeline-operator");
    let output = Command::new(operator).arg("render").arg(file).output().expect("a run");
    assert!(output.status.success(), "{}: {output:?}", example.display());
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Runs kube-score on each file, because some checks compare objects.
fn kube_score_findings(file: &Path) -> Vec<Finding> {
    let output = Command::new(kube_score())
        .args(["score", "--kubernetes-version=v1.33", "--output-format=json"])
        .arg(file)
        .output()
        .expect("a run");
    let scored: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let mut findings = Vec::new();
    for object in scored.as_array().expect("objects") {
        let kind = object["type_meta"]["kind"].as_str().expect("a kind");
        let name = object["object_meta"]["name"].as_str().expect("a name");
        // 10 is the best grade. Skipped checks have none.
        for check in object["checks"].as_array().expect("checks").iter().filter(|check| {
            check["skipped"] == false && check["grade"].as_u64().is_some_and(|grade| grade < 10)
        }) {
            let id = check["check"]["id"].as_str().expect("an id");
            for comment in check["comments"].as_array().into_iter().flatten() {
                findings.push(Finding {
                    tool: "kube-score",
                    check: format!("{id}: {}", comment["summary"].as_str().expect("a summary")),
                    object: format!("{kind}/{name}"),
                });
            }
        }
    }
    findings
}

fn checkov_findings(folder: &Path) -> Vec<Finding> {
    let output = Command::new(checkov())
        .args(["--framework=kubernetes", "--compact", "--quiet", "--skip-download", "--output=json", "-d"])
        .arg(folder)
        .output()
        .expect("a run");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(report["summary"]["passed"].as_u64().is_some_and(|passed| passed > 100), "{report}");
    assert_eq!(report["summary"]["parsing_errors"], 0);
    let failed = report["results"]["failed_checks"].as_array().expect("checks").iter();
    let finding = |check: &Value| {
        let field = |name: &str| check[name].as_str().expect("a text").to_owned();
        // `Kind.namespace.name`
        let resource = field("resource");
        let mut parts = resource.splitn(3, '.');
        let (kind, name) = (parts.next().expect("a kind"), parts.nth(1).expect("a name"));
        Finding {
            tool: "checkov",
            check: format!("{}: {}", field("check_id"), field("check_name")),
            object: format!("{kind}/{name}"),
        }
    };
    failed.map(finding).collect()
}

#[tokio::test]
async fn every_finding_has_an_exception() {
    // Checkov ignores hidden folders.
    let folder = tempfile::Builder::new().prefix("manifests").tempdir().expect("a folder");
    write_manifests(folder.path()).await;
    let files = yaml_files(folder.path());
    let mut findings: BTreeSet<_> = files.iter().flat_map(|file| kube_score_findings(file)).collect();
    findings.extend(checkov_findings(folder.path()));

    let exceptions = Exception::all();
    let unexplained: Vec<_> = findings
        .iter()
        .filter(|finding| !exceptions.iter().any(|exception| exception.covers(finding)))
        .map(|Finding { tool, check, object }| format!("{tool} | {check} | {object}"))
        .collect();
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    for exception in &exceptions {
        let used = findings.iter().any(|finding| exception.covers(finding));
        assert!(used, "no longer found: {exception:?}");
    }
}
