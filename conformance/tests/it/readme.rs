//! The README's example works: Node.js posts an event, and Python handles it.

use std::process::Command;

use eventpipeline_testkit::{Port, Program, client, eventually};

use crate::support::{Pipeline, Run};

const README: &str = include_str!("../../../README.md");

/// Returns the first block of code in this language, with another address.
fn block(language: &str, address: &str, replacement: &str) -> String {
    let (_, rest) = README.split_once(&format!("```{language}\n")).unwrap();
    let (code, _) = rest.split_once("```").unwrap();
    assert_eq!(code.matches(address).count(), 1, "{address} in {code}");
    code.replace(address, replacement)
}

#[tokio::test(flavor = "multi_thread")]
async fn nodejs_posts_an_event_and_python_handles_it() {
    let pipeline = Pipeline::start().await;
    pipeline.migrate().await;
    let port = Port::take();
    let url = format!("http://{}/", port.address());
    let python = block("python", "8000", &port.number().to_string());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = [("PATH", path.to_str().unwrap())];
    let _handler = Program::start("handler", &["python3", "-c", &python], &path);
    eventually(async || client().get(&url).send().await.ok()).await;
    let [producer, _consumer] = pipeline.serve(&url);

    let api = producer.address("the API listens").await;
    let script = block("js", "127.0.0.1:8080", &api.to_string());
    let mut node = Command::new("node");
    node.args(["--input-type=module", "--eval", &script]);
    let run = tokio::task::spawn_blocking(move || Run::of(&mut node)).await.unwrap();
    assert_eq!((run.code, run.out.as_str()), (0, "shipped order 7\n"), "{run:?}");
}
