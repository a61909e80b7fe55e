//! Tests of the tool against a real pipeline, as scripts use it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod pipeline;
mod printed;
mod selftest;
mod server;

use std::io::Write as _;
use std::time::{Duration, Instant};

use eventpipeline_testkit::eventually;
use serde_json::Value;

use pipeline::Pipeline;
use server::{answering, refusing_handler, server};

#[tokio::test(flavor = "multi_thread")]
async fn an_event_can_be_created_shown_and_watched() {
    let pipeline = Pipeline::start().await;
    let created = pipeline.run(&[
        "create",
        r#"{"order": 17}"#,
        "--type",
        "order.created",
        "--priority",
        "3",
        "-o",
        "json",
    ]);
    assert_eq!((created.code, created.json()["id"].as_u64()), (0, Some(1)));
    let event = pipeline.run(&["get", "1", "-o", "json"]).json();
    assert_eq!((event["payload"]["order"].as_i64(), event["priority"].as_i64()), (Some(17), Some(3)));
    let waiting = pipeline.run(&["watch", "1", "--timeout", "1ms"]);
    assert_eq!(waiting.code, 5, "{waiting:?}");
    let begun = Instant::now();
    let waiting = pipeline.run(&["create", "--sync", "--wait", "1ms"]);
    assert_eq!(waiting.code, 5, "{waiting:?}");
    assert!(begun.elapsed() >= Duration::from_secs(1), "the API knows whole seconds: it is rounded up");
    assert!(waiting.err.contains("has no value after 1s"), "{waiting:?}");
    let stats = pipeline.run(&["stats"]).out;
    let oldest = stats.lines().find(|line| line.contains("oldestPending")).unwrap();
    let age = oldest.split_whitespace().nth(1).unwrap();
    assert!(age.ends_with('s') && !age.starts_with('0') && !age.contains('.'), "{oldest}");
    assert!(!stats.contains("LANE"), "a pipeline without lanes shows none: {stats}");
    pipeline.set_lanes(r#"[{"lane": "orders", "types": ["order.*"]}]"#).await;
    let stats = pipeline.run(&["stats"]).out;
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let rows: Vec<_> = stats.lines().map(words).collect();
    for row in [["orders", "1", "0"], ["orders", "order.created", "1"], ["-", "-", "1"]] {
        assert!(rows.contains(&row.map(str::to_owned).to_vec()), "{stats}");
    }
    pipeline.set_lanes("[]").await;

    let _consumer = pipeline.consumer(&[]);
    let watched = pipeline.run(&["watch", "1", "--timeout", "1m"]);
    let event = pipeline.run(&["get", "1", "-o", "json"]).json();
    assert_eq!((watched.code, watched.out.trim()), (0, event["valor"].as_str().unwrap()));
    let answered = pipeline.run(&["create", "--sync"]);
    assert_eq!(answered.code, 0, "{answered:?}");
    assert!(!answered.out.trim().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_a_pipeline_is_reported() {
    let unknown = server(|_| "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned()).await;
    for command in [&["selftest", "--timeout", "2s"][..], &["stats"]] {
        let wrong = pipeline::tool(&unknown, command);
        assert_eq!(wrong.code, 1, "{wrong:?}");
        assert!(wrong.err.contains("is not from a pipeline: check --url"), "{wrong:?}");
    }
    let other = answering(|_| r#"{"message": "hello"}"#).await;
    let nameless = pipeline::tool(&other, &["create"]);
    assert_eq!((nameless.code, nameless.out.as_str()), (1, ""), "no id is made up: {nameless:?}");
    let gateway = server(|_| "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 3\r\n\r\nbad".to_owned()).await;
    let unreached = pipeline::tool(&gateway, &["stats"]);
    assert_eq!(unreached.code, 4, "{unreached:?}");
    assert!(unreached.err.contains("a proxy in front of it returns 502 Bad Gateway"), "{unreached:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ready_waits_until_a_program_is_ready() {
    let pipeline = Pipeline::start().await;
    let consumer = pipeline.consumer(&[]);
    let address = format!("http://{}", consumer.address("the admin server listens").await);
    let ready = pipeline::tool("http://127.0.0.1:9", &["ready", &address]);
    assert_eq!((ready.code, ready.out.trim()), (0, "ready"), "{ready:?}");
    // A producer's API has no /readyz.
    let other = pipeline::tool("http://127.0.0.1:9", &["ready", &pipeline.url(), "--timeout", "1s"]);
    assert_eq!(other.code, 5, "{other:?}");
    assert!(other.err.contains("404 Not Found for /readyz: is this its admin port"), "{other:?}");
    let waiting = server(|_| {
        let reasons = "claims: failed to connect\u{1b}[2J\nserving: starting\n";
        format!("HTTP/1.1 503 Service Unavailable\r\ncontent-length: {}\r\n\r\n{reasons}", reasons.len())
    })
    .await;
    let waiting = pipeline::tool("http://127.0.0.1:9", &["ready", &waiting, "--timeout", "1s"]);
    assert_eq!(waiting.code, 5, "{waiting:?}");
    assert!(waiting.err.contains("after 1s: claims: failed to connect[2J; serving: starting"), "{waiting:?}");
    let unreachable =
        pipeline::tool("http://127.0.0.1:9", &["ready", "http://127.0.0.1:9", "--timeout", "1s"]);
    assert_eq!(unreachable.code, 4, "{unreachable:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_creates_one_event() {
    let pipeline = Pipeline::start().await;
    let create = ["create", "1", "--idempotency-key", "order 17"];
    assert_eq!(pipeline.run(&create).out, pipeline.run(&create).out);
    let other = pipeline.run(&["create", "2", "--idempotency-key", "order 17"]);
    assert_eq!(other.code, 1, "{other:?}");
    assert!(other.err.contains("key"), "{other:?}");
    assert_eq!(pipeline.run(&["stats", "-o", "json"]).json()["created"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_and_delay_create_one_event() {
    let pipeline = Pipeline::start().await;
    let create = ["create", "--delay", "90s", "--idempotency-key", "cron-1", "-o", "json"];
    let first = pipeline.run(&create);
    // A time computed from the clock would differ now.
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!((first.code, first.out), (0, pipeline.run(&create).out));
    let event = pipeline.run(&["get", "1", "-o", "json"]).json();
    assert!(event["notBefore"].is_string(), "{event}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_batch_names_the_line_and_continues_with_its_key() {
    let pipeline = Pipeline::start().await;
    let file = |wrong: &str| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for line in 1..=1600 {
            // Every tenth line is empty.
            let text = if line == 1505 {
                wrong
            } else if line % 10 == 0 {
                ""
            } else {
                "{}"
            };
            writeln!(file, "{text}").unwrap();
        }
        file
    };
    let wrong = file(r#"{"prio":1}"#);
    let path = wrong.path().to_str().unwrap();
    let failed = pipeline.run(&["create", "--batch", path]);
    assert_eq!((failed.code, failed.out.lines().count()), (1, 1000), "{}", failed.err);
    assert!(failed.err.contains(&format!("{path}, line 1505: unknown field `prio`")), "{}", failed.err);
    assert!(
        failed.err.contains("1000 events are created, those of the lines before line 1112"),
        "{}",
        failed.err
    );
    let key = failed.err.split("--idempotency-key ").nth(1).unwrap().split(' ').next().unwrap();
    let fixed = file("{}");
    let all = pipeline.run(&["create", "--batch", fixed.path().to_str().unwrap(), "--idempotency-key", key]);
    assert_eq!((all.code, all.out.lines().count()), (0, 1440), "{}", all.err);
    assert_eq!(pipeline.run(&["stats", "-o", "json"]).json()["created"], 1440);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_events_is_created_and_listed_in_pages() {
    let pipeline = Pipeline::start().await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for number in 0..2500 {
        writeln!(file, "{{\"payload\": {number}}}\n").unwrap();
    }
    let path = file.path().to_str().unwrap();
    let created = pipeline.run(&["create", "--batch", path]);
    assert_eq!((created.code, created.out.lines().count()), (0, 2500), "{}", created.err);
    let all = pipeline.run(&["list", "--all", "--state", "pending", "-o", "json"]);
    assert_eq!(all.out.lines().count(), 2500);
    let last: Value = serde_json::from_str(all.out.lines().last().unwrap()).unwrap();
    assert_eq!(last["payload"], 2499);
    assert_eq!(pipeline.run(&["list", "--limit", "3"]).out.lines().count(), 4, "with a header");
    let missing = pipeline.run(&["create", "--batch", "/nowhere/events"]);
    assert_eq!(missing.code, 2, "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_can_be_cancelled_retried_and_purged() {
    let pipeline = Pipeline::start().await;
    for _ in 0..3 {
        pipeline.run(&["create"]);
    }
    assert_eq!(pipeline.run(&["cancel", "1", "2"]).code, 0);
    let twice = pipeline.run(&["cancel", "1"]);
    assert_eq!(twice.code, 1, "{twice:?}");
    assert_eq!(pipeline.run(&["watch", "1"]).code, 1);
    assert_eq!(pipeline.run(&["retry", "1"]).code, 0);
    let pending = pipeline.run(&["retry", "1"]);
    assert_eq!(
        pending.err,
        "eventpipeline: event 1 is pending; this operation requires that it is dead or cancelled\n"
    );
    let some = pipeline.run(&["cancel", "1", "9"]);
    assert_eq!(some.code, 1);
    assert!(some.err.contains("1 of 2"), "{some:?}");
    assert_eq!(pipeline.run(&["get", "9"]).code, 3);

    let unconfirmed = pipeline.run(&["purge", "--state", "cancelled", "--older-than", "0s"]);
    assert_eq!(unconfirmed.code, 2, "{unconfirmed:?}");
    eventually(async || {
        let purged =
            pipeline.run(&["purge", "--state", "cancelled", "--older-than", "0s", "--yes", "-o", "json"]);
        assert_eq!(purged.code, 0, "{purged:?}");
        (pipeline.run(&["stats", "-o", "json"]).json()["removed"] == 2).then_some(())
    })
    .await;
    assert_eq!(pipeline.run(&["retry", "--all-dead"]).code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_events_are_retried_once_even_if_they_die_at_once() {
    let pipeline = Pipeline::start().await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "{}", ["{}"; 100].join("\n")).unwrap();
    assert_eq!(pipeline.run(&["create", "--batch", file.path().to_str().unwrap()]).code, 0);
    let url = refusing_handler().await;
    let _consumer = pipeline.consumer(&["--handler", "http", "--handler-url", &url]);
    let all_dead = async || {
        let stats = pipeline.run(&["stats", "-o", "json"]).json();
        (stats["dead"] == 100).then_some(())
    };
    eventually(all_dead).await;
    let retried = pipeline.run(&["retry", "--all-dead"]);
    assert_eq!((retried.code, retried.out.lines().count()), (0, 100), "{retried:?}");
    assert_eq!(retried.err, "", "no bar: it is no terminal");
    eventually(all_dead).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_shown_on_a_terminal_until_the_end() {
    let pipeline = Pipeline::start().await;
    let ids: Vec<String> = (1..=30).map(|_| pipeline.run(&["create"]).out.trim().to_owned()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let shown = pipeline.run_on_terminal(&[&["cancel"], &ids[..]].concat());
    assert!(shown.contains("15/30"), "{shown}");
    assert_eq!(last_progress(&shown), "30/30");
    for id in ids {
        assert!(shown.contains(&format!("event {id} is cancelled\r\n")), "{shown}");
    }
    pipeline.run(&["retry", "1"]);
    // An event that finished less than a second ago may be too young.
    let shown = eventually(async || {
        let shown =
            pipeline.run_on_terminal(&["purge", "--state", "cancelled", "--older-than", "0s", "--yes"]);
        shown.contains("29 events removed").then_some(shown)
    })
    .await;
    assert_eq!(last_progress(&shown), "29/29");
}

/// Returns the last state of a progress bar.
fn last_progress(shown: &str) -> &str {
    shown.split_whitespace().rfind(|word| word.contains('/')).unwrap()
}

#[tokio::test]
async fn an_unreachable_pipeline_is_reported_without_secrets() {
    let tool = pipeline::tool("http://user:secret@127.0.0.1:9", &["stats"]);
    assert_eq!(tool.code, 4, "{tool:?}");
    assert!(tool.err.contains("127.0.0.1:9") && !tool.err.contains("secret"), "{tool:?}");
    assert_eq!(tool.err.lines().count(), 1);
    let wrong = pipeline::tool("http://127.0.0.1:9", &["create", "--priority", "10"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("must be a number from 0 to 9"), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_named_and_is_not_used_for_this_machine() {
    let proxy = ("HTTP_PROXY", "http://me:S3CRET@127.0.0.1:9");
    let failed = pipeline::tool_with(&[proxy], "http://pipeline.example", &["stats"]);
    assert_eq!(failed.code, 4, "{failed:?}");
    assert!(failed.err.contains("pipeline.example through the proxy http://127.0.0.1:9:"), "{failed:?}");
    assert!(!failed.err.contains("S3CRET"), "{failed:?}");
    let own = answering(|_| r#"{"created": 1}"#).await;
    assert_eq!(pipeline::tool_with(&[proxy], &own, &["stats"]).code, 0);
}

#[tokio::test]
async fn completions_are_printed_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let printed = pipeline::tool("http://127.0.0.1:9", &["completions", shell]);
        assert_eq!(printed.code, 0);
        assert!(printed.out.contains("eventpipeline"));
    }
}
