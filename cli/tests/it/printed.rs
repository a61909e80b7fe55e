//! Every payload that a pipeline accepts is printed unchanged, without characters that control a terminal.

use eventpipeline_testkit::eventually;
use serde_json::value::RawValue;

use crate::pipeline::Pipeline;
use crate::server::server;

/// Payloads that the API accepts and that parsers often reject or change.
const ODD: [&str; 10] = [
    r#""\ud83d""#,
    "1e999",
    r#"{"id":123456789012345678901234567890}"#,
    r#"{"a":1,"a":2}"#,
    "-0",
    "1.10",
    r#"{"b": 1,  "a": 2}"#,
    r#""\u0000""#,
    r#""\u001b]0;owned\u0007""#,
    r#""ok""#,
];

fn payload(line: &str) -> String {
    let event: std::collections::HashMap<String, Box<RawValue>> = serde_json::from_str(line).unwrap();
    event["payload"].get().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_accepted_payload_is_printed_unchanged_and_blocks_no_other_event() {
    let pipeline = Pipeline::start().await;
    let mut ids = Vec::new();
    for odd in ODD {
        let created = pipeline.run(&["create", odd]);
        assert_eq!(created.code, 0, "{odd}");
        ids.push(created.out.trim().to_owned());
    }
    let lines = ODD.map(|odd| format!("{{\"payload\":{odd}}}")).join("\n");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), lines).unwrap();
    let batch = pipeline.run(&["create", "--batch", file.path().to_str().unwrap()]);
    assert_eq!(batch.code, 0);
    ids.extend(batch.out.lines().map(str::to_owned));
    assert_eq!(ids.len(), 20);

    for (id, odd) in ids.iter().zip([ODD, ODD].concat()) {
        let got = pipeline.run(&["get", id, "-o", "json"]);
        assert_eq!((got.code, payload(got.out.trim()).as_str()), (0, odd));
        assert_eq!(pipeline.run(&["get", id]).code, 0, "{odd}");
    }
    let all = pipeline.run(&["list", "--all", "-o", "json"]);
    let mut listed: Vec<String> = all.out.lines().map(payload).collect();
    // A fast client may get ids in another order.
    listed.sort();
    let mut expected = [ODD, ODD].concat();
    expected.sort_unstable();
    assert_eq!(listed, expected);
    assert_eq!(pipeline.run(&["list", "--all"]).code, 0);

    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(pipeline.run(&[&["cancel"], &ids[..]].concat()).code, 0);
    assert_eq!(pipeline.run(&[&["retry"], &ids[..]].concat()).code, 0);
    let refusing = server(|_| "HTTP/1.1 422 No\r\ncontent-length: 0\r\n\r\n".to_owned()).await;
    let _consumer = pipeline.consumer(&["--handler", "http", "--handler-url", &refusing]);
    eventually(async || (pipeline.run(&["stats", "-o", "json"]).json()["dead"] == 20).then_some(())).await;
    let retried = pipeline.run(&["retry", "--all-dead", "-o", "json"]);
    assert_eq!((retried.code, retried.out.lines().count()), (0, 20), "{retried:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn terminal_control_characters_are_not_printed() {
    let pipeline = Pipeline::start().await;
    let nasty = "\u{1b}]0;owned\u{7}\u{1b}[2J a\nb\u{9b}31m\u{202e}";
    let body = format!("HTTP/1.1 400 No\r\ncontent-length: {}\r\n\r\n{nasty}", nasty.len());
    let handler = server(move |_| body.clone()).await;
    assert_eq!(pipeline.run(&["create", r#"{"a": "\u009b\u202e"}"#]).code, 0);
    let _consumer = pipeline.consumer(&["--handler", "http", "--handler-url", &handler]);
    eventually(async || (pipeline.run(&["stats", "-o", "json"]).json()["dead"] == 1).then_some(())).await;
    for command in [&["list", "--state", "dead"][..], &["get", "1"], &["watch", "1"]] {
        let run = pipeline.run(command);
        let shown = run.out + &run.err;
        assert!(shown.contains("\\u001b]0;owned\\u0007"), "{shown:?}");
        assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']), "{shown:?}");
    }
    let json = pipeline.run_on_terminal(&["get", "1", "-o", "json"]);
    assert!(!json.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{json:?}");
    let json = pipeline.run(&["get", "1", "-o", "json"]);
    assert!(json.out.contains('\u{9b}'), "a program reads what is stored: {json:?}");
    assert_eq!(json.json()["error"].as_str().map(|error| error.contains(nasty)), Some(true), "{json:?}");
}
