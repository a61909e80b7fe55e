//! `purge`: removes finished events permanently.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use serde_json::json;

use crate::args::{Finished, name};
use crate::client::Client;
use crate::duration::whole_seconds;
use crate::error::Error;
use crate::output::Output;

pub(super) async fn run(
    state: Finished,
    older_than: Duration,
    yes: bool,
    client: &Client,
    output: &Output,
) -> Result<(), Error> {
    let state = name(&state);
    if !yes && !confirmed(&state, older_than)? {
        return Err(Error::NotConfirmed);
    }
    // An upper bound: the number of events that are old enough is unknown.
    let at_most = client.get("/v1/stats", &[]).await?.body.get(&state).unwrap_or_default();
    let query = [("state", state), ("olderThanSeconds", whole_seconds(older_than).to_string())];
    let progress = output.progress(Some(at_most));
    let mut purged = 0;
    loop {
        let step = client.delete("/v1/events", &query).await?.body;
        purged += step.get("purged").unwrap_or(0);
        progress.set_position(purged);
        if !step.get("more").unwrap_or(false) {
            break;
        }
    }
    progress.set_length(purged);
    progress.finish();
    output.line(&format!("{purged} events removed"), &json!({ "purged": purged }))
}

/// Asks for confirmation on a terminal; a script must pass `--yes`.
fn confirmed(state: &str, older_than: Duration) -> Result<bool, Error> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    let age = humantime::format_duration(Duration::from_secs(whole_seconds(older_than)));
    let mut terminal = std::io::stderr().lock();
    write!(terminal, "Remove every {state} event that ended more than {age} ago? [y/N] ")
        .map_err(Error::Output)?;
    terminal.flush().map_err(Error::Output)?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(|source| Error::Read { path: "-".into(), source })?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
