//! Tests the API against its description: all operations, with valid and invalid data and all checks of Schemathesis.
//!
//! Schemathesis is a Python program that `dev/schemathesis.sh` installs; `make test` calls that first.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use eventpipeline_database::{
    ClaimLimit, Completion, Lease, LowWaterMark, MaxAttempts, Owner, Session, Value,
};
use eventpipeline_testkit::{Database as Server, Engine};

use crate::support::Producer;

/// Fixed seed, so that each run sends the same requests.
const SEED: &str = "20261124";
/// Maximum number of examples per operation and phase.
const EXAMPLES: &str = "100";

#[tokio::test(flavor = "multi_thread")]
async fn the_api_conforms_to_its_description() {
    let server = Server::shared(Engine::MySql).await;
    let producer = Producer::before(server, &[("MAX_WAIT_SECONDS", "1")]).await;
    tokio::spawn(consume(producer.database.session()));
    let arguments = arguments(&producer.api);
    let run = tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir().unwrap();
        Command::new(schemathesis()).args(arguments).current_dir(folder.path()).output().unwrap()
    });
    let output = run.await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    println!("{said}");
}

fn arguments(api: &str) -> Vec<String> {
    let settings = concat!("--config-file=", env!("CARGO_MANIFEST_DIR"), "/schemathesis.toml");
    let mut arguments = ["--no-color", settings, "run"].map(str::to_owned).to_vec();
    arguments.push(format!("{api}/openapi.json"));
    arguments.extend(["--checks=all", "--continue-on-failure"].map(str::to_owned));
    arguments.extend([format!("--seed={SEED}"), format!("--max-examples={EXAMPLES}")]);
    arguments.push("--generation-database=none".to_owned());
    arguments
}

/// Completes events, so that create-sync requests are answered.
async fn consume(mut session: Session) {
    let (owner, lease) =
        (Owner::new("test", MaxAttempts::new(10).unwrap()), Lease::new(Duration::from_mins(1)));
    let (mut mark, limit) = (LowWaterMark::default(), ClaimLimit { events: 100, bytes: usize::MAX });
    loop {
        let claims = session.claim(&mut mark, &owner, lease, limit).await.unwrap().events;
        let value = Value::new("saudade").unwrap();
        let done: Vec<_> =
            claims.into_iter().map(|claim| Completion { claim, value: value.clone() }).collect();
        if done.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        session.complete(&done).await.unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "tests have no arguments")]
fn schemathesis() -> PathBuf {
    let home = || Path::new(&std::env::var("HOME").unwrap()).join(".cache/eventpipeline");
    let cache = std::env::var("EVENTPIPELINE_CACHE").map_or_else(|_| home(), PathBuf::from);
    let program = cache.join("bin/schemathesis");
    assert!(program.exists(), "{} is missing: dev/schemathesis.sh installs it", program.display());
    program
}
