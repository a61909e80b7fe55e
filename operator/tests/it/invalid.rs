//! The API server refuses invalid pipelines with a message that names the field and the rule.

use std::fs;

use eventpipeline_testkit::ApiServer;

use super::cluster::{Cluster, crds};

#[tokio::test]
async fn every_invalid_pipeline_is_refused_with_its_message() {
    let cluster = Cluster::new("invalid").await;
    let mut files: Vec<_> =
        fs::read_dir(crds().join("invalid")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 30, "{} files", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let expected: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# expect: ")).collect();
        assert!(!expected.is_empty(), "{}: no expectation", file.display());
        let answer = create(cluster.server, file.to_str().unwrap());
        for expected in expected {
            if !answer.as_ref().is_err_and(|message| message.contains(expected)) {
                wrong.push(format!("{}: expected {expected:?}, got {answer:?}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_example_is_accepted() {
    let cluster = Cluster::new("examples").await;
    let mut seen = 0;
    for entry in fs::read_dir(crds().join("../examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            create(cluster.server, path.to_str().unwrap()).unwrap();
            seen += 1;
        }
    }
    assert!(seen > 0);
}

fn create(server: &ApiServer, file: &str) -> Result<String, String> {
    server.kubectl(["create", "--dry-run=server", "-f", file])
}
