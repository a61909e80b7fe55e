//! Times of a group of consumers that do not go together, secrets on the wire, and nobody who tidies up.

use eventpipeline_crds::{ConsumerGroup, Contract, Handler, HttpHandler, WordApiHandler};

use super::super::pipeline::Finding;

/// What is to be said of the group at that place of the list.
pub(super) fn of(at: usize, group: &ConsumerGroup) -> Vec<Finding> {
    let field = |name: &str| format!("spec.consumers[{at}].{name}");
    let mut findings = Vec::new();
    if let Some((handler, timeout)) = timeout(group) {
        let lease = i64::from(group.lease_seconds);
        // The rest is for writing down the answer.
        if timeout * 5 > lease * 4 {
            let message = format!(
                "an answer may take {timeout} s of a lease of {lease} s: a late one is handled again by another consumer \
                 when the database is slow; a lease of {} s leaves room",
                timeout * 5 / 4 + 1
            );
            findings.push(Finding::warning(field(&format!("handler.{handler}.timeoutSeconds")), message));
        }
        let grace = group.termination_grace_period_seconds;
        if grace * 2 < timeout * 3 {
            let message = format!(
                "an event may take {timeout} s, and a pod that is stopped has two thirds of {grace} s for it: what takes \
                 longer is handled again; {} s are enough",
                (timeout * 3).div_euclid(2) + 1
            );
            findings.push(Finding::warning(field("terminationGracePeriodSeconds"), message));
        }
    }
    if let Handler { http: Some(http), .. } = &group.handler
        && http.headers_secret_name.is_some()
        && http.url.starts_with("http:")
    {
        let message = "the headers of the Secret are sent without encryption: `url` is http, and not https";
        findings.push(Finding::warning(field("handler.http.url"), message));
    }
    findings
}

/// Classic claims end by a lease that only ours give them.
pub(super) fn nobody_frees(groups: &[ConsumerGroup]) -> Option<Finding> {
    let all_classic = !groups.is_empty() && groups.iter().all(|group| group.contract == Contract::Classic);
    all_classic.then(|| {
        let message = "all consumers are `Classic`: nobody frees the events of one that dies, or retries what failed; a \
                       group of the operator's own consumers beside them does";
        Finding::warning("spec.consumers", message)
    })
}

/// The handler that asks somebody, and how long an answer of it may take, in seconds.
fn timeout(group: &ConsumerGroup) -> Option<(&'static str, i64)> {
    let (name, seconds) = match &group.handler {
        Handler { http: Some(HttpHandler { timeout_seconds, .. }), .. } => ("http", timeout_seconds),
        Handler { word_api: Some(WordApiHandler { timeout_seconds, .. }), .. } => {
            ("wordApi", timeout_seconds)
        }
        _ => return None,
    };
    Some((name, seconds.unwrap_or(group.lease_seconds / 2).into()))
}
