//! Tests of the kit: our programs pass, and wrong ones fail at the clause that they violate.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod clients;
mod compose;
mod examples;
mod readme;
mod support;
mod words;
mod wrong_producer;

use std::ffi::OsStr;
use std::process::Command;

use eventpipeline_testkit::Port;
use support::{Pipeline, Run, example, kit, program};

#[tokio::test(flavor = "multi_thread")]
async fn our_consumer_passes() {
    let pipeline = Pipeline::start_counted().await;
    let consumer = program("eventpipeline-consumer");
    let run = pipeline.check_consumer(&[consumer.as_os_str(), "serve".as_ref()]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.out.ends_with("consumer: 10 passed, 0 failed, 0 skipped\n"), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn our_producer_passes() {
    let pipeline = Pipeline::start().await;
    let producer = program("eventpipeline-producer");
    pipeline.migrate().await;
    let folder = tempfile::tempdir().unwrap();
    let junit = folder.path().join("junit.xml");
    let port = Port::take();
    let url = format!("http://{}/", port.address());
    let arguments: [&OsStr; 9] = [
        "--junit".as_ref(),
        junit.as_os_str(),
        "producer".as_ref(),
        "--url".as_ref(),
        url.as_ref(),
        "--give-values".as_ref(),
        "--".as_ref(),
        producer.as_os_str(),
        "serve".as_ref(),
    ];
    let run = pipeline.run(&arguments);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.out.ends_with("producer: 14 passed, 0 failed, 0 skipped\n"), "{run:?}");
    let xml = std::fs::read_to_string(junit).unwrap();
    assert!(xml.contains("tests=\"14\" failures=\"0\" skipped=\"0\""), "{xml}");
    assert!(xml.contains("<testcase classname=\"producer\" name=\"P1 GET / counts events\""), "{xml}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_without_locks_fails_at_double_claims() {
    let pipeline = Pipeline::start_counted().await;
    let wrong = example("wrong_consumer");
    let arguments: [&OsStr; 5] =
        ["consumer".as_ref(), "--patience-seconds".as_ref(), "20".as_ref(), "--".as_ref(), wrong.as_os_str()];
    let run = pipeline.run(&arguments);
    assert_eq!(run.code, 1, "{run:?}");
    let failed = failed(&run);
    assert_eq!(failed[0], "C2", "{run:?}");
    assert!(failed.contains(&"C11"), "it polls up to two hundred times per second: {run:?}");
    assert!(run.out.contains("expected: no claim of a claimed event"), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_that_counts_without_a_lock_fails_at_distinct_ids() {
    let url = wrong_producer::start().await;
    let run = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(kit());
        command.args(["producer", "--url", &url]);
        Run::of(&mut command)
    });
    let run = run.await.unwrap();
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(failed(&run), ["P8", "P10"], "{run:?}");
    assert!(run.out.contains("expected: 200 distinct ids"), "{run:?}");
    assert!(run.out.contains("expected: GET /no-id to carry x-service-language"), "{run:?}");
}

/// Returns the clauses that failed, in their order.
fn failed(run: &Run) -> Vec<&str> {
    let lines = run.out.lines().filter_map(|line| line.strip_prefix("FAIL  "));
    lines.filter_map(|line| line.split_whitespace().next()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_violates_clauses_fails() {
    let pipeline = Pipeline::start().await;
    pipeline.migrate().await;
    pipeline.sql("UPDATE DBStatus SET id = 3").await;
    pipeline.sql("INSERT INTO Events (id, valor) VALUES (1, 'feito'), (2, ''), (3, '')").await;
    let sound = pipeline.run(&["database".as_ref()]);
    assert!(sound.code == 0 && sound.out.ends_with("database: 6 passed, 0 failed, 0 skipped\n"), "{sound:?}");

    pipeline.sql("INSERT INTO Events (id) VALUES (5)").await;
    pipeline.sql("UPDATE Events SET valor = ' ', processing = 1 WHERE id = 2").await;
    let broken = pipeline.run(&["database".as_ref()]);
    assert_eq!(broken.code, 1, "{broken:?}");
    assert_eq!(failed(&broken), ["T1", "T3", "C6", "C12"], "{broken:?}");
}
