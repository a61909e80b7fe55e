//! The clauses of docs/contracts/handlers.md.

use std::io::Write as _;
use std::net::TcpStream;

use serde_json::Value;
use tokio::task::JoinSet;
use url::Url;

use crate::clause::Clause;
use crate::http::{Answer, Subject};
use crate::report::{CheckResult, Failure, Report, expect};

/// Number of concurrent requests.
const MANY: i64 = 50;
/// Number of connections that are lost before the response.
const LOST: usize = 10;
/// The longest value, in characters.
const LONGEST: usize = 8000;

/// The handler to check.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Address of the handler
    #[arg(long)]
    url: Url,
    /// A payload for which the handler returns a value, as JSON
    #[arg(long, default_value = "null")]
    payload: Value,
}

struct Handler {
    subject: Subject,
    payload: String,
}

pub(crate) async fn check(args: Args, report: &mut Report) -> anyhow::Result<()> {
    let handler = Handler { subject: Subject::new(args.url)?, payload: args.payload.to_string() };
    report.check(Clause::H6, "an event gets a value", handler.returns_a_value()).await;
    report
        .check(Clause::H10, "every payload gets a value or is rejected", handler.accepts_any_payload())
        .await;
    report.check(Clause::H11, "the same event may arrive again", handler.accepts_repetition()).await;
    report.check(Clause::H12, "many events may arrive at once", handler.accepts_many()).await;
    report.check(Clause::H13, "a request may be repeated after a lost connection", handler.repeats()).await;
    report.check(Clause::H12, "it keeps serving after malformed requests", handler.survives()).await;
    Ok(())
}

impl Handler {
    async fn returns_a_value(&self) -> CheckResult {
        valid(&self.post(1, 1, &self.payload).await?.status(&[200, 201])?)
    }

    async fn accepts_any_payload(&self) -> CheckResult {
        let long = format!("{{\"text\":\"{}\"}}", "x".repeat(65_000));
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        let payloads = [
            "null",
            "0",
            "1e400",
            "\"\"",
            "\"ação 日本語 🎉 \\ud83c\"",
            "{\"a\":{\"b\":[1,null]}}",
            &long,
            &deep,
        ];
        for payload in payloads {
            let answer = self.post(i64::MAX, 1, payload).await?;
            match answer.status {
                200..300 => valid(&answer)?,
                // It may reject the event, or ask for a retry.
                400..600 => {}
                _ => expect(false, format!("a value for {payload:.60}, or 4xx or 5xx"), answer.shown())?,
            }
        }
        Ok(())
    }

    async fn accepts_repetition(&self) -> CheckResult {
        for attempt in [1, 2, 2] {
            valid(&self.post(2, attempt, &self.payload).await?.status(&[200, 201])?)?;
        }
        Ok(())
    }

    async fn accepts_many(&self) -> CheckResult {
        let mut requests = JoinSet::new();
        for id in 1..=MANY {
            let (subject, payload) = (self.subject.clone(), self.payload.clone());
            requests.spawn(async move { post(&subject, id, 1, &payload).await?.status(&[200, 201]) });
        }
        for answer in requests.join_all().await {
            valid(&answer?)?;
        }
        Ok(())
    }

    /// Closes connections before the response arrives, and sends the request once more in the same attempt, as our consumer does.
    async fn repeats(&self) -> CheckResult {
        let url = self.subject.url();
        if url.scheme() != "http" {
            return Err(Failure::Skipped("needs an address that starts with http://"));
        }
        let body = body(3, 1, &self.payload);
        let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\nx-event-id: 3\r\n\
             x-event-attempt: 1\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        for _ in 0..LOST {
            let mut connection = TcpStream::connect(url.socket_addrs(|| None)?.as_slice())?;
            connection.write_all(request.as_bytes())?;
            drop(connection);
            valid(&self.post(3, 1, &self.payload).await?.status(&[200, 201])?)?;
        }
        Ok(())
    }

    async fn survives(&self) -> CheckResult {
        for body in ["", "{", "[]", "\u{0}"] {
            let send = |http: &reqwest::Client, url| http.post(url).header("x-event-id", "1").body(body);
            let answer = self.subject.send(format!("POST {body:?}"), send, "").await?;
            let refused = (200..600).contains(&answer.status);
            expect(refused, format!("an answer to {body:?}"), answer.shown())?;
        }
        self.returns_a_value().await
    }

    async fn post(&self, id: i64, attempt: i32, payload: &str) -> Result<Answer, Failure> {
        post(&self.subject, id, attempt, payload).await
    }
}

/// Posts an event as our consumer does.
async fn post(subject: &Subject, id: i64, attempt: i32, payload: &str) -> Result<Answer, Failure> {
    let body = body(id, attempt, payload);
    let send = |http: &reqwest::Client, url| {
        http.post(url)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/plain")
            .header("x-event-id", id)
            .header("x-event-attempt", attempt)
            .body(body)
    };
    subject.send(format!("POST of event {id}"), send, "").await
}

fn body(id: i64, attempt: i32, payload: &str) -> String {
    format!(r#"{{"id":{id},"attempt":{attempt},"payload":{payload}}}"#)
}

/// Checks that a response is a value.
fn valid(answer: &Answer) -> CheckResult {
    let format = answer.header("content-type").unwrap_or("text/plain").to_ascii_lowercase();
    let media = format.split(';').next().unwrap_or_default().trim();
    let value = match media {
        "text/plain" => answer.body.trim_end_matches(['\r', '\n']).to_owned(),
        json if json == "application/json" || json.ends_with("+json") => answer.text("valor")?,
        other => return expect(false, "application/json or text/plain", other),
    };
    let length = value.chars().count();
    let fits = length <= LONGEST && !value.trim().is_empty();
    expect(fits, format!("1 to {LONGEST} characters that are not blank"), format!("{length} characters"))
}
