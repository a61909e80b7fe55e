//! Conflicting times of a group of consumers, secrets without encryption, and classic groups without support.

use eventpipeline_crds::{ConsumerGroup, Contract, Handler, HttpHandler, WordApiHandler};

use super::super::finding::Finding;

/// Returns the warnings about the group at this index.
pub(super) fn of(at: usize, group: &ConsumerGroup) -> Vec<Finding> {
    let field = |name: &str| format!("spec.consumers[{at}].{name}");
    let mut findings = Vec::new();
    if let Some((handler, timeout)) = timeout(group) {
        let lease = i64::from(group.lease_seconds);
        // The rest of the lease is for storing the result.
        if timeout * 5 > lease * 4 {
            let message = format!(
                "a response may take {timeout} s of a lease of {lease} s: if the database is slow, the lease of a late one \
                 expires and another consumer handles the event again; a lease of {} s is sufficient",
                timeout * 5 / 4 + 1
            );
            findings.push(Finding::warning(field(&format!("handler.{handler}.timeoutSeconds")), message));
        }
        let grace = group.termination_grace_period_seconds;
        if grace * 2 < timeout * 3 {
            let message = format!(
                "an event may take {timeout} s, but a terminating pod has only two thirds of {grace} s for it, after which \
                 the event is handled again; {} s are sufficient",
                (timeout * 3).div_euclid(2) + 1
            );
            findings.push(Finding::warning(field("terminationGracePeriodSeconds"), message));
        }
    }
    if let Handler { http: Some(http), .. } = &group.handler
        && http.headers_secret_name.is_some()
        && http.url.starts_with("http:")
    {
        let message = "the headers of the Secret are sent without encryption: use https in `url`";
        findings.push(Finding::warning(field("handler.http.url"), message));
    }
    findings
}

/// Only our consumers give the claims of classic consumers a lease.
pub(super) fn all_classic(groups: &[ConsumerGroup]) -> Option<Finding> {
    let all_classic = !groups.is_empty() && groups.iter().all(|group| group.contract == Contract::Classic);
    all_classic.then(|| {
        let message = "all consumers are `Classic`: no program reclaims the events of a crashed consumer or retries failed \
                       ones; add a group of the operator's own consumers";
        Finding::warning("spec.consumers", message)
    })
}

/// Returns the handler that sends requests, and its timeout in seconds.
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
