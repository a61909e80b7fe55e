//! `ready`: waits until a program is ready.

use std::time::{Duration, Instant};

use serde_json::json;
use url::Url;

use crate::client::Client;
use crate::commands::read::PERIOD;
use crate::error::Error;
use crate::output::Output;

pub(super) async fn run(program: Url, timeout: Duration, output: &Output) -> Result<(), Error> {
    let client = Client::new(program)?;
    let begun = Instant::now();
    loop {
        let error = match client.waits_for().await {
            Ok(None) => return output.line("ready", &json!({ "ready": true })),
            Ok(Some(why)) => Error::NotReady { host: client.host(), waited: timeout, why },
            Err(error) => error,
        };
        if begun.elapsed() >= timeout {
            return Err(error);
        }
        tokio::time::sleep(PERIOD).await;
    }
}
