//! Reading and changing the fields of a Lease. Pure.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use tokio::time::Instant;

/// Action that a candidate may take now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Take,
    Wait,
}

/// A candidate's observations of the Lease.
///
/// The timestamps in a Lease come from the clock of another machine. A candidate ignores them, and measures
/// by its own clock for how long the version has not changed.
#[derive(Debug, Default)]
pub(super) struct LeaseObserver {
    version: Option<(String, Instant)>,
}

impl LeaseObserver {
    /// Returns whether the Lease, in its present version, may be taken.
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

/// Returns the holder.
pub(super) fn holder(lease: &Lease) -> Option<&String> {
    lease.spec.as_ref()?.holder_identity.as_ref().filter(|holder| !holder.is_empty())
}

/// Returns the spec of a Lease that `me` acquires now.
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

/// Extends the Lease.
pub(super) fn renew(spec: &mut LeaseSpec, now: Timestamp) {
    spec.renew_time = Some(MicroTime(now));
}

/// Clears the holder.
pub(super) fn release(spec: &mut LeaseSpec, now: Timestamp) {
    // Clients that take the empty name for a holder see a Lease that expires in a second.
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
    fn a_lease_expires_when_its_version_has_not_changed_for_its_duration() {
        let (mut observer, start) = (LeaseObserver::default(), Instant::now());
        let after = |seconds: u64| start + Duration::from_secs(seconds);
        // Its own timestamp says that it was renewed long ago.
        assert_eq!(observer.turn(&lease("1", held()), after(0)), Turn::Wait);
        assert_eq!(observer.turn(&lease("1", held()), after(15)), Turn::Wait);
        assert_eq!(observer.turn(&lease("2", held()), after(16)), Turn::Wait);
        assert_eq!(observer.turn(&lease("2", held()), after(31)), Turn::Wait);
        assert_eq!(observer.turn(&lease("2", held()), after(32)), Turn::Take);
    }

    #[test]
    fn a_released_lease_can_be_taken_at_once() {
        let mut spec = held();
        release(&mut spec, Timestamp::UNIX_EPOCH);
        assert_eq!(LeaseObserver::default().turn(&lease("1", spec.clone()), Instant::now()), Turn::Take);
        assert_eq!(taken(Some(&spec), "me", 15, Timestamp::UNIX_EPOCH).lease_transitions, Some(1));
        assert_eq!(
            LeaseObserver::default().turn(&lease("1", LeaseSpec::default()), Instant::now()),
            Turn::Take
        );
    }
}
