//! The clauses of docs/contracts/handlers.md.

use serde_json::Value;
use tokio::task::JoinSet;
use url::Url;

use crate::clause::Clause;
use crate::http::{Answer, Subject};
use crate::report::{Broken, Checked, Report, hold};

/// Requests at once.
const MANY: i64 = 50;
/// The longest value, in characters.
const LONGEST: usize = 8000;

/// Which handler.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Address that events are posted to
    #[arg(long)]
    url: Url,
    /// A payload that it gives a value for, as JSON
    #[arg(long, default_value = "null")]
    payload: Value,
}

struct Handler {
    subject: Subject,
    payload: String,
}

pub(crate) async fn check(args: Args, report: &mut Report) -> anyhow::Result<()> {
    let handler = Handler { subject: Subject::new(args.url)?, payload: args.payload.to_string() };
    report.check(Clause::H6, "an event gets a value", handler.gives_a_value()).await;
    report.check(Clause::H10, "each payload gets a value, or is refused", handler.takes_any_payload()).await;
    report.check(Clause::H11, "the same event may come again", handler.stands_repetition()).await;
    report.check(Clause::H12, "many events may come at once", handler.stands_many()).await;
    report.check(Clause::H12, "it goes on after what is no event", handler.survives()).await;
    Ok(())
}

impl Handler {
    async fn gives_a_value(&self) -> Checked {
        valid(&self.post(1, 1, &self.payload).await?.status(&[200, 201])?)
    }

    async fn takes_any_payload(&self) -> Checked {
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
                // It may refuse it, or want it later.
                400..600 => {}
                _ => hold(false, format!("a value for {payload:.60}, or 4xx or 5xx"), answer.shown())?,
            }
        }
        Ok(())
    }

    async fn stands_repetition(&self) -> Checked {
        for attempt in [1, 2, 2] {
            valid(&self.post(2, attempt, &self.payload).await?.status(&[200, 201])?)?;
        }
        Ok(())
    }

    async fn stands_many(&self) -> Checked {
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

    async fn survives(&self) -> Checked {
        for body in ["", "{", "[]", "\u{0}"] {
            let send = |http: &reqwest::Client, url| http.post(url).header("x-event-id", "1").body(body);
            let answer = self.subject.send(format!("POST {body:?}"), send, "").await?;
            let refused = (200..600).contains(&answer.status);
            hold(refused, format!("an answer to {body:?}"), answer.shown())?;
        }
        self.gives_a_value().await
    }

    async fn post(&self, id: i64, attempt: i32, payload: &str) -> Result<Answer, Broken> {
        post(&self.subject, id, attempt, payload).await
    }
}

/// Posts an event as our consumer does.
async fn post(subject: &Subject, id: i64, attempt: i32, payload: &str) -> Result<Answer, Broken> {
    let body = format!(r#"{{"id":{id},"attempt":{attempt},"payload":{payload}}}"#);
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

/// That an answer is a value.
fn valid(answer: &Answer) -> Checked {
    let format = answer.header("content-type").unwrap_or("text/plain").to_ascii_lowercase();
    let media = format.split(';').next().unwrap_or_default().trim();
    let value = match media {
        "text/plain" => answer.body.trim_end_matches(['\r', '\n']).to_owned(),
        json if json == "application/json" || json.ends_with("+json") => answer.text("valor")?,
        other => return hold(false, "application/json or text/plain", other),
    };
    let length = value.chars().count();
    let fits = length <= LONGEST && !value.trim().is_empty();
    hold(fits, format!("1 to {LONGEST} characters that are not blank"), format!("{length} characters"))
}
