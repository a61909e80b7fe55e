//! Tests of the agent as a process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;

use eventpipeline_testkit::{Program, Scrape, client, eventually};
use serde_json::Value;

struct Agent {
    program: Program,
    address: String,
}

impl Agent {
    async fn of(folder: &Path) -> Self {
        let folder = folder.display().to_string();
        let environment = [("DATA_FOLDER", folder.as_str()), ("ADMIN_ADDRESS", "127.0.0.1:0")];
        let program =
            Program::start("agent", &[env!("CARGO_BIN_EXE_eventpipeline-agent"), "serve"], &environment);
        let address = format!("http://{}", program.address("the admin server listens").await);
        Self { program, address }
    }

    async fn ask(&self, path: &str) -> (u16, String) {
        let answer = client().get(format!("{}{path}", self.address)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn volume(&self) -> Option<Value> {
        let (status, text) = self.ask("/volume").await;
        (status == 200).then(|| serde_json::from_str(&text).unwrap())
    }
}

fn write(path: &Path, bytes: usize) {
    fs::write(path, vec![1; bytes]).unwrap();
    fs::File::open(path).unwrap().sync_all().unwrap();
}

#[tokio::test]
async fn it_reports_the_free_space_and_the_sizes_of_files() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("binlog.000001"), 1 << 20);
    let mut agent = Agent::of(folder.path()).await;
    let log = async |bytes: u64| {
        let volume = agent.volume().await?;
        let capacity = volume["capacityBytes"].as_u64().unwrap();
        assert!(volume["freeBytes"].as_u64().unwrap() <= capacity);
        (volume["files"]["binaryLogBytes"].as_u64().unwrap() >= bytes).then_some(())
    };
    eventually(async || log(1 << 20).await).await;
    write(&folder.path().join("binlog.000002"), 1 << 20);
    eventually(async || log(2 << 20).await).await;
    assert_eq!(agent.ask("/readyz").await.0, 200);
    let scrape = Scrape::new(agent.ask("/metrics").await.1);
    scrape.assert_as_documented("eventpipeline-agent", 0);
    scrape.assert_well_named();
    agent.program.terminate();
    assert!(agent.program.end().await.success());
}

/// Before mysqld has created its data directory, the agent reports why it is not ready.
#[tokio::test]
async fn a_folder_that_is_created_later_is_measured_then() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("mysql");
    let agent = Agent::of(&folder).await;
    let why = eventually(async || {
        let (status, text) = agent.ask("/readyz").await;
        (status == 503 && text.contains("failed to measure")).then_some(text)
    })
    .await;
    assert!(why.contains("mysql"), "{why}");
    assert_eq!(agent.ask("/volume").await.0, 503);
    fs::create_dir(&folder).unwrap();
    eventually(async || agent.volume().await).await;
}
