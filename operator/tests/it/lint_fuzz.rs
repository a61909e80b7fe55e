//! Random changes of pipelines: `lint` accepts exactly what the API server accepts.
//!
//! `lint` refuses more in three cases: a pipeline that the server stores and the operator cannot build, a quantity without
//! digits such as `-`, which the server takes for 0, and an integer with a fraction such as `2.0`, which the server stores
//! as 2.
//! `FUZZ_SECONDS=600` runs longer, with another seed each time. `FUZZ_SEED=7` repeats a run.

use std::collections::HashMap;
use std::env;
use std::process::Command;
use std::time::{Duration, Instant};

use eventpipeline_crds::EventPipeline;
use futures::{StreamExt as _, stream};
use http::Request;
use kube::Resource as _;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::mutator::Mutator;

/// Pipelines per round: one process of `lint` reads them all.
const ROUND: usize = 100;
const AT_A_TIME: usize = 8;
/// The starts of the errors that only `lint` may have.
const OURS_ALONE: [&str; 3] =
    ["refused by the operator: ", "Invalid value: \"-\": `", "invalid type: floating point `"];

#[tokio::test]
async fn lint_accepts_exactly_what_the_server_accepts() {
    let cluster = Cluster::new("lint-fuzz").await;
    let seconds = number("FUZZ_SECONDS");
    let seed = number("FUZZ_SEED").unwrap_or_else(|| if seconds.is_some() { rand::random() } else { 1 });
    let mut mutator = Mutator::new(seed);
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(3));
    let (mut accepted, mut refused) = (0, 0);
    while Instant::now() < end || accepted == 0 || refused == 0 {
        let pipelines: Vec<Value> = (0..ROUND).map(|place| pipeline(place, &mutator.spec())).collect();
        let ours = lint(&pipelines);
        let theirs = verdicts(&cluster, &pipelines).await;
        accepted += theirs.iter().filter(|reason| reason.is_none()).count();
        refused += theirs.iter().flatten().count();
        let verdicts = pipelines.iter().zip(theirs).zip(ours);
        let wrong: Vec<String> = verdicts
            .filter(|((_, theirs), ours)| !agree(theirs.as_deref(), ours))
            .map(|((pipeline, theirs), ours)| difference(pipeline, theirs.as_deref(), &ours))
            .collect();
        assert!(wrong.is_empty(), "FUZZ_SEED={seed}\n{}", wrong.join("\n"));
    }
}

#[expect(clippy::disallowed_methods, reason = "cargo passes no arguments of ours to tests")]
fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().and_then(|text| text.parse().ok())
}

fn pipeline(place: usize, spec: &Value) -> Value {
    json!({
        "apiVersion": "eventpipeline.dev/v1alpha1", "kind": "EventPipeline",
        "metadata": {"name": format!("p{place}")}, "spec": spec,
    })
}

/// Returns whether both accept the pipeline, or both refuse it, with the exceptions above.
fn agree(theirs: Option<&str>, ours: &[String]) -> bool {
    match theirs {
        Some(_) => !ours.is_empty(),
        None => ours.iter().all(|message| OURS_ALONE.iter().any(|start| message.starts_with(start))),
    }
}

fn difference(pipeline: &Value, theirs: Option<&str>, ours: &[String]) -> String {
    format!("{}\n  server: {}\n  lint: {ours:?}", pipeline["spec"], theirs.unwrap_or("it is accepted"))
}

/// The errors of each pipeline.
fn lint(pipelines: &[Value]) -> Vec<Vec<String>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    serde_json::to_writer(&file, &json!({"kind": "List", "items": pipelines})).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_eventpipeline-operator"))
        .args(["lint", "--output", "json"])
        .arg(file.path())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(report["pipelines"], pipelines.len(), "{report}");
    let mut errors: HashMap<String, Vec<String>> = HashMap::new();
    for finding in report["findings"].as_array().unwrap() {
        if finding["severity"] == "error" {
            let [pipeline, message] = ["pipeline", "message"].map(|field| finding[field].as_str().unwrap());
            errors.entry(pipeline.to_owned()).or_default().push(message.to_owned());
        }
    }
    (0..pipelines.len()).map(|place| errors.remove(&format!("p{place}")).unwrap_or_default()).collect()
}

/// The server's reason for refusing each pipeline.
async fn verdicts(cluster: &Cluster, pipelines: &[Value]) -> Vec<Option<String>> {
    stream::iter(pipelines).map(|pipeline| verdict(cluster, pipeline)).buffered(AT_A_TIME).collect().await
}

async fn verdict(cluster: &Cluster, pipeline: &Value) -> Option<String> {
    let url = EventPipeline::url_path(&(), Some(&cluster.namespace));
    let request = Request::post(format!("{url}?dryRun=All&fieldValidation=Strict"))
        .header("content-type", "application/json")
        .body(serde_json::to_vec(pipeline).unwrap())
        .unwrap();
    match cluster.client.request::<Value>(request).await {
        Ok(_) => None,
        Err(kube::Error::Api(status)) if [400, 422].contains(&status.code) => Some(status.message.clone()),
        Err(error) => panic!("{error}: {pipeline}"),
    }
}
