//! The programs of examples/polyglot pass. `dev/polyglot.sh` builds them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use eventpipeline_testkit::{Port, client, eventually, polyglot};

use crate::support::{Pipeline, Run, kit};

fn python() -> PathBuf {
    polyglot().join("venv/bin/python")
}

async fn consumer_passes(command: &[&Path]) {
    let pipeline = Pipeline::start().await;
    let command: Vec<&OsStr> = command.iter().map(|part| part.as_os_str()).collect();
    let run = pipeline.check_consumer(&command);
    assert!(run.code == 0 && run.out.contains("9 passed, 0 failed, 1 skipped"), "{run:?}");
}

async fn producer_passes(command: &[&Path]) {
    let pipeline = Pipeline::start().await;
    pipeline.migrate().await;
    let port = Port::take();
    let url = format!("http://{}/", port.address());
    let mut arguments: Vec<&OsStr> =
        ["producer", "--url", &url, "--give-values", "--"].map(OsStr::new).to_vec();
    arguments.extend(command.iter().map(|part| part.as_os_str()));
    let run = pipeline.run(&arguments);
    assert!(run.code == 0 && run.out.contains("14 passed, 0 failed, 0 skipped"), "{run:?}");
}

async fn handler_passes(command: &[&Path]) {
    /// Killed when dropped.
    struct Running(Child);
    impl Drop for Running {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
    let port = Port::take();
    let mut handler = Command::new(command[0]);
    handler.args(&command[1..]).env("PORT", port.number().to_string());
    let _running = Running(handler.spawn().unwrap());
    let alive = format!("http://{}/livez", port.address());
    eventually(async || client().get(&alive).send().await.ok()).await;
    let url = format!("http://{}/", port.address());
    let run = Run::of(Command::new(kit()).args(["handler", "--url", &url]));
    assert!(run.code == 0 && run.out.contains("6 passed, 0 failed"), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodejs_programs_pass() {
    producer_passes(&["node".as_ref(), &polyglot().join("producer-nodejs/main.js")]).await;
    handler_passes(&["node".as_ref(), &polyglot().join("handler-nodejs/main.js")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_programs_pass() {
    producer_passes(&[&python(), &polyglot().join("producer-python/main.py")]).await;
    consumer_passes(&[&python(), &polyglot().join("consumer-python/main.py")]).await;
    handler_passes(&[&python(), &polyglot().join("handler-python/main.py")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn go_programs_pass() {
    consumer_passes(&[&polyglot().join("consumer-go/consumer")]).await;
    handler_passes(&[&polyglot().join("handler-go/handler")]).await;
}
