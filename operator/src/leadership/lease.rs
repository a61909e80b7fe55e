//! What a Lease says, and what is to be written into it. Pure.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use tokio::time::Instant;

/// What a candidate may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Take,
    Wait,
}

/// What a candidate has seen of the Lease.
///
/// Times in it are of another machine's clock. What counts is for how long its version has been the same here.
#[derive(Debug, Default)]
pub(super) struct Watch {
    version: Option<(String, Instant)>,
}

impl Watch {
    /// Whether the Lease, as it is now, may be taken.
    pub(super) fn turn(&mut self, lease: &Lease, now: Instant) -> Turn {
        if holder(lease).is_none() {
            return Turn::Take;
        }
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        let since = match &self.version {
            Some((seen, since)) if *seen == version => *since,
            _ => now,
        };
        self.version = Some((version, since));
        let duration = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds).unwrap_or(0);
        let duration = Duration::from_secs(duration.unsigned_abs().into());
        if now.saturating_duration_since(since) > duration { Turn::Take } else { Turn::Wait }
    }
}

/// Who holds it.
pub(super) fn holder(lease: &Lease) -> Option<&String> {
    lease.spec.as_ref()?.holder_identity.as_ref().filter(|holder| !holder.is_empty())
}

/// The Lease in the hands of `me`.
pub(super) fn taken(before: Option<&LeaseSpec>, me: &str, seconds: i32, now: Timestamp) -> LeaseSpec {
    let transitions = before.map(|before| before.lease_transitions.unwrap_or(0).saturating_add(1));
    LeaseSpec {
        holder_identity: Some(me.to_owned()),
        lease_duration_seconds: Some(seconds),
        acquire_time: Some(MicroTime(now)),
        renew_time: Some(MicroTime(now)),
        lease_transitions: Some(transitions.unwrap_or(0)),
        ..LeaseSpec::default()
    }
}

/// The same for longer.
pub(super) fn renew(spec: &mut LeaseSpec, now: Timestamp) {
    spec.renew_time = Some(MicroTime(now));
}

/// In nobody's hands.
pub(super) fn give_back(spec: &mut LeaseSpec, now: Timestamp) {
    // Nothing is taken for a holder by those who know no empty name: for them it is over in a second.
    spec.holder_identity = Some(String::new());
    spec.lease_duration_seconds = Some(1);
    spec.renew_time = Some(MicroTime(now));
}

#[cfg(test)]
mod tests {
    use kube::core::ObjectMeta;

    use super::*;

    fn lease(version: &str, spec: LeaseSpec) -> Lease {
        let metadata = ObjectMeta { resource_version: Some(version.to_owned()), ..ObjectMeta::default() };
        Lease { metadata, spec: Some(spec) }
    }

    fn held() -> LeaseSpec {
        taken(None, "other", 15, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_lease_is_taken_when_it_has_not_changed_for_its_time_whatever_clocks_say() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        let after = |seconds: u64| start + Duration::from_secs(seconds);
        // Renewed long ago, by its own account.
        assert_eq!(watch.turn(&lease("1", held()), after(0)), Turn::Wait);
        assert_eq!(watch.turn(&lease("1", held()), after(15)), Turn::Wait);
        assert_eq!(watch.turn(&lease("2", held()), after(16)), Turn::Wait);
        assert_eq!(watch.turn(&lease("2", held()), after(31)), Turn::Wait);
        assert_eq!(watch.turn(&lease("2", held()), after(32)), Turn::Take);
    }

    #[test]
    fn a_lease_that_was_given_back_is_free_at_once() {
        let mut spec = held();
        give_back(&mut spec, Timestamp::UNIX_EPOCH);
        assert_eq!(Watch::default().turn(&lease("1", spec.clone()), Instant::now()), Turn::Take);
        assert_eq!(taken(Some(&spec), "me", 15, Timestamp::UNIX_EPOCH).lease_transitions, Some(1));
        assert_eq!(Watch::default().turn(&lease("1", LeaseSpec::default()), Instant::now()), Turn::Take);
    }
}
