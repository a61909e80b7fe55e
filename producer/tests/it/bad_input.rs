//! Invalid requests and settings, whose errors explain how to fix them.

use eventpipeline_database::{DatabaseArgs, Tls};
use reqwest::Method;
use serde_json::Value as Json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Producer, database, problem, program};

#[tokio::test]
async fn an_unknown_or_malformed_id_is_not_found() {
    let producer = Producer::start().await;
    producer.post("/create-async").await;
    for id in [
        "2",
        "0",
        "-1",
        "01",
        "seven",
        "%FF",
        "%00",
        "9223372036854775808",
        "18446744073709551616",
        "1.0",
        "1'--",
    ] {
        for path in [format!("/{id}"), format!("/v1/events/{id}")] {
            let problem = problem(producer.get(&path).await, 404, "event-not-found").await;
            assert_eq!(problem["message"], "Event not found");
        }
    }
}

#[tokio::test]
async fn an_unknown_path_is_answered_with_the_known_paths() {
    let producer = Producer::start().await;
    let problem = problem(producer.get("/create/async").await, 404, "no-such-path").await;
    assert!(problem["detail"].as_str().unwrap().contains("POST /create-async"));
}

#[tokio::test]
async fn a_wrong_method_is_answered_with_the_allowed_methods() {
    let producer = Producer::start().await;
    for (method, path, allowed) in [
        (Method::GET, "/create-async", "POST"),
        (Method::PUT, "/create-sync", "POST"),
        (Method::DELETE, "/1", "GET,HEAD"),
        (Method::POST, "/", "GET,HEAD"),
        (Method::PUT, "/v1/events", "POST,GET,HEAD,DELETE"),
        (Method::GET, "/v1/events/1/retry", "POST"),
    ] {
        let response = producer.request(method, path).await;
        assert_eq!(response.headers()["allow"], allowed, "{path}");
        problem(response, 405, "method-not-allowed").await;
    }
}

#[tokio::test]
async fn an_invalid_body_is_refused_and_creates_nothing() {
    let producer = Producer::start().await;
    let json = "application/json";
    let long = format!("\"{}\"", "a".repeat(300 * 1024));
    let deep = "[".repeat(30_000);
    let bodies: [(&str, &[u8], u16, &str); 7] = [
        (json, b"{\"a\":", 400, "not-json"),
        (json, b"{} {}", 400, "not-json"),
        (json, b"\"\xff\"", 400, "not-json"),
        ("application/x-www-form-urlencoded", b"a=1", 415, "not-json-type"),
        ("text/plain", b"{}", 415, "not-json-type"),
        (json, deep.as_bytes(), 400, "not-json"),
        (json, long.as_bytes(), 413, "payload-too-large"),
    ];
    for path in ["/create-async", "/create-sync"] {
        for (content_type, body, expected, kind) in bodies {
            let post = producer.client.post(format!("{}{path}", producer.api));
            let response =
                post.header("content-type", content_type).body(body.to_vec()).send().await.unwrap();
            problem(response, expected, kind).await;
        }
    }
    assert_eq!(producer.get("/").await.json::<Json>().await.unwrap()["events"], 0);
}

/// A client that is still sending when the connection ends may not see the response, and would send the body again.
#[tokio::test]
async fn a_body_that_is_far_too_large_is_refused_and_the_connection_continues() {
    let producer = Producer::start().await;
    let long = format!("\"{}\"", "a".repeat(16 * 1024 * 1024));
    for _ in 0..10 {
        let post = producer.posting("/create-async").header("content-type", "application/json");
        problem(post.body(long.clone()).send().await.unwrap(), 413, "payload-too-large").await;
    }
}

#[tokio::test]
async fn an_encoded_body_is_refused() {
    let producer = Producer::start().await;
    for (path, coding, status) in [
        ("/create-async", "gzip", 415),
        ("/create-sync", "br, gzip", 415),
        ("/v1/events", "deflate", 415),
        ("/create-async", "identity", 202),
    ] {
        let post = producer.client.post(format!("{}{path}", producer.api)).header("content-encoding", coding);
        let response = post.header("content-type", "application/json").body("{}").send().await.unwrap();
        if status == 202 {
            assert_eq!(response.status(), status);
            continue;
        }
        assert_eq!(response.headers()["accept-encoding"], "identity");
        let problem = problem(response, status, "unsupported-encoding").await;
        assert!(problem["detail"].as_str().unwrap().contains(coding), "{problem}");
    }
    assert_eq!(producer.json("/").await["events"], 1);
}

#[tokio::test]
async fn requests_that_the_http_library_refuses_get_problem_documents() {
    let producer = Producer::start().await;
    let get = |headers: usize, length: usize| {
        let get = producer.client.get(format!("{}/", producer.api));
        (0..headers).fold(get, |get, number| get.header(format!("x-{number}"), "a".repeat(length)))
    };
    for request in [get(1, 20_000), get(120, 1)] {
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["x-service-language"], "rust");
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        problem(response, 431, "head-too-large").await;
    }
    let address = producer.api.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nno header\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("problem:not-http"), "{answer}");
    let refused = r#"http_server_request_duration_seconds_count{http_request_method="_OTHER",http_response_status_code="431",http_route=""}"#;
    assert_eq!(producer.metric(refused).await, Some(2.0));
}

#[tokio::test]
async fn a_payload_of_maximum_size_is_accepted() {
    let producer = Producer::start().await;
    let body = format!("\"{}\"", "a".repeat(64 * 1024 - 2));
    let post = producer.client.post(format!("{}/create-async", producer.api));
    let response = post.header("content-type", "application/json").body(body).send().await.unwrap();
    assert_eq!(response.status(), 202);
}

#[tokio::test]
async fn a_missing_or_invalid_setting_is_named_in_one_line() {
    let args = DatabaseArgs {
        database_host: "127.0.0.1".to_owned(),
        database_port: 1,
        database_name: "eventpipeline".to_owned(),
        database_user: "root".to_owned(),
        database_password_file: "/dev/null".into(),
        database_tls: Tls::Preferred,
        database_tls_ca_file: None,
    };
    for (variable, value) in [
        ("DATABASE_HOST", ""),
        ("DATABASE_PORT", "0"),
        ("DATABASE_PASSWORD_FILE", "/no/such/file"),
        ("LISTEN_ADDRESS", "nowhere"),
        ("ADMIN_ADDRESS", "127.0.0.1"),
        ("LOG_FORMAT", "xml"),
        ("DRAIN_SECONDS", "-1"),
        ("POD_NAME", "a\u{7f}b"),
        ("PAYLOAD_MAX_BYTES", "0"),
        ("PAYLOAD_MAX_BYTES", "4194305"),
        ("MAX_WAIT_SECONDS", "0"),
    ] {
        let mut program = program(&args, &[(variable, value)]);
        let status = program.end().await;
        assert_eq!(status.code(), Some(2), "{variable}");
        let log = program.log();
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(log.starts_with("eventpipeline-producer: ") && log.contains(variable), "{log}");
    }
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let server = eventpipeline_testkit::Database::shared(eventpipeline_testkit::Engine::MySql).await;
    for variable in ["LISTEN_ADDRESS", "ADMIN_ADDRESS"] {
        let mut program = program(&database(server), &[(variable, &address)]);
        assert_eq!(program.end().await.code(), Some(1));
        assert!(program.log().contains(variable), "{}", program.log());
    }
}

/// A Secret that is created from a file often ends with a line break.
#[tokio::test]
async fn white_space_at_the_end_of_settings_is_ignored() {
    let server = eventpipeline_testkit::Database::shared(eventpipeline_testkit::Engine::MySql).await;
    let args = database(server);
    server.create_database(&args.database_name).await;
    for end in ["\n", "\r\n", " "] {
        let [host, user, name] = [&args.database_host, &args.database_user, &args.database_name]
            .map(|value| format!("{value}{end}"));
        let port = format!("{}{end}", args.database_port);
        let further = [
            ("DATABASE_HOST", host.as_str()),
            ("DATABASE_USER", &user),
            ("DATABASE_NAME", &name),
            ("DATABASE_PORT", &port),
        ];
        let mut schema = crate::support::schema_with(&args, &further);
        assert_eq!(schema.end().await.code(), Some(0), "{}", schema.log());
    }
    for variable in ["DATABASE_HOST", "DATABASE_USER", "DATABASE_NAME", "SCHEMA_USER"] {
        let further = [(variable, "one\ntwo"), ("SCHEMA_PASSWORD_FILE", "/dev/null")];
        let mut schema = crate::support::schema_with(&args, &further);
        assert_eq!(schema.end().await.code(), Some(2), "{}", schema.log());
        assert!(
            schema.log().contains(variable) && schema.log().contains("control character"),
            "{}",
            schema.log()
        );
        assert_eq!(schema.log().trim().lines().count(), 1);
    }
}
