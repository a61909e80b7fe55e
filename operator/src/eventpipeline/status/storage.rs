//! The storage of events, as a producer last reported it. Pure.

use eventpipeline_crds::conditions::{reasons, types};
use eventpipeline_crds::{EventPipelineStatus, StorageStatus};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::conditions::{Conditions, FALSE, TRUE, UNKNOWN, find};
use crate::queue_stats::{Observation, Space, Storage, Unknown};

/// Minimum time between two updates of the statistics, because each one is a write.
const UPDATE_INTERVAL: SignedDuration = SignedDuration::from_secs(30);
/// Denominator of the share of the volume by which a value must change to be updated.
const MIN_CHANGE: i64 = 100;
/// A volume that will be full earlier than this is filling up.
const SOON_SECONDS: i64 = 24 * 60 * 60;

/// Returns the new statistics if they differ enough and the current ones are old enough, otherwise the
/// current ones.
pub(super) fn statistics(
    shown: Option<&StorageStatus>,
    observation: Option<&Observation>,
) -> Option<StorageStatus> {
    let Some(Observation { at, storage: Ok(Storage { space: Some(space), .. }), .. }) = observation else {
        return shown.cloned();
    };
    let new = as_status(space, *at);
    let current = shown.filter(|shown| {
        let differs = [
            (shown.capacity_bytes, new.capacity_bytes),
            (shown.free_bytes, new.free_bytes),
            (shown.reusable_bytes, new.reusable_bytes),
            (shown.required_bytes, new.required_bytes),
        ]
        .into_iter()
        .any(|(shown, new)| (new - shown).abs() > space.capacity_bytes / MIN_CHANGE);
        !differs || at.duration_since(shown.as_of_time.0) < UPDATE_INTERVAL
    });
    Some(current.cloned().unwrap_or(new))
}

fn as_status(space: &Space, at: Timestamp) -> StorageStatus {
    let Space { capacity_bytes, free_bytes, reusable_bytes, required_bytes } = *space;
    StorageStatus {
        capacity_bytes: capacity_bytes.max(0),
        free_bytes: free_bytes.max(0),
        reusable_bytes: reusable_bytes.max(0),
        required_bytes: required_bytes.max(0),
        // In whole seconds, as the API server stores them.
        as_of_time: Time(Timestamp::from_second(at.as_second()).unwrap_or(at)),
    }
}

const REMEDY: &str = "increase `database.managed.storage.size` or shorten `retention`";

/// Returns status, reason and message of the condition. The message contains no numbers that change often.
fn verdict(storage: &Result<Storage, Unknown>) -> (&'static str, &'static str, String) {
    let storage = match storage {
        Ok(storage) => storage,
        Err(why @ Unknown::NoProducer) => return (UNKNOWN, reasons::NO_PRODUCER, why.to_string()),
        Err(why @ Unknown::NoAnswer(_)) => return (UNKNOWN, reasons::QUEUE_STATS_NOT_READ, why.to_string()),
    };
    let Storage { refusing, space, seconds_to_full } = storage;
    let Some(space) = space else {
        let why = "the usage of the database's volume is unknown: the database is external, or its agent does not answer";
        return (UNKNOWN, reasons::VOLUME_NOT_KNOWN, why.to_owned());
    };
    if *refusing {
        let why = format!("the volume is almost full and creations are refused with 507: {REMEDY}");
        return (FALSE, reasons::CREATIONS_REFUSED, why);
    }
    match seconds_to_full.filter(|seconds| *seconds < SOON_SECONDS) {
        Some(seconds) => {
            let hours = seconds / 3600 + 1;
            let why =
                format!("creations will be refused in less than {hours} h at the current rate: {REMEDY}");
            (TRUE, reasons::FILLING_UP, why)
        }
        None if space.free_bytes + space.reusable_bytes < 2 * space.required_bytes => {
            (TRUE, reasons::NEARLY_FULL, format!("the volume is almost full: {REMEDY}"))
        }
        None => (TRUE, reasons::ROOM_LEFT, "the volume has free space for events".to_owned()),
    }
}

/// Sets the condition. Until the first observation the previous one stays.
pub(super) fn set_condition(conditions: &mut Conditions<'_>, observation: Option<&Observation>) {
    match observation {
        Some(observation) => {
            let (status, reason, message) = verdict(&observation.storage);
            conditions.set(types::STORAGE_AVAILABLE, status, reason, &message);
        }
        None if conditions.keep(types::STORAGE_AVAILABLE) => {}
        None => {
            let why = "the volume has not been observed yet";
            conditions.set(types::STORAGE_AVAILABLE, UNKNOWN, reasons::FIRST_SEEN, why);
        }
    }
}

/// Returns whether the observation changes the status.
pub(super) fn is_news(shown: &EventPipelineStatus, observation: &Observation) -> bool {
    let (status, reason, _) = verdict(&observation.storage);
    let condition = find(shown, types::STORAGE_AVAILABLE);
    condition.is_none_or(|condition| condition.status != status || condition.reason != reason)
        || statistics(shown.storage.as_ref(), Some(observation)) != shown.storage
}

/// Returns an Event when the free space runs out or is available again: whether it is a warning, its reason
/// and its message.
pub(in super::super) fn news<'a>(
    previous: Option<&EventPipelineStatus>,
    status: &'a EventPipelineStatus,
) -> Option<(bool, &'a str, &'a str)> {
    let now = find(status, types::STORAGE_AVAILABLE)?;
    let before = find(previous?, types::STORAGE_AVAILABLE)?;
    let bad = [reasons::CREATIONS_REFUSED, reasons::FILLING_UP, reasons::NEARLY_FULL];
    let is_bad = bad.contains(&now.reason.as_str());
    let recovered = now.status == TRUE && before.status == FALSE;
    (now.reason != before.reason && (is_bad || recovered)).then_some((
        is_bad,
        now.reason.as_str(),
        now.message.as_str(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: i64 = 1 << 30;

    fn storage(free: i64, refusing: bool, seconds_to_full: Option<i64>) -> Storage {
        let space =
            Space { capacity_bytes: 10 * GIB, free_bytes: free, reusable_bytes: 0, required_bytes: GIB };
        Storage { refusing, space: Some(space), seconds_to_full }
    }

    fn verdict_of(storage: Storage) -> (&'static str, &'static str, String) {
        verdict(&Ok(storage))
    }

    #[test]
    fn the_condition_reports_the_free_space_and_the_time_to_full() {
        assert_eq!(verdict_of(storage(5 * GIB, false, None)).1, reasons::ROOM_LEFT);
        assert_eq!(verdict_of(storage(GIB, false, None)).1, reasons::NEARLY_FULL);
        let (status, reason, message) = verdict_of(storage(GIB, true, Some(0)));
        assert_eq!((status, reason), (FALSE, reasons::CREATIONS_REFUSED));
        assert!(message.contains("507") && message.contains("storage.size"), "{message}");
        let (status, reason, message) = verdict_of(storage(5 * GIB, false, Some(2 * 3600 + 1)));
        assert_eq!((status, reason), (TRUE, reasons::FILLING_UP));
        assert!(message.contains("less than 3 h"), "{message}");
        let unknown = Storage { refusing: false, space: None, seconds_to_full: None };
        assert_eq!(
            (verdict_of(unknown.clone()).0, verdict_of(unknown).1),
            (UNKNOWN, reasons::VOLUME_NOT_KNOWN)
        );
    }

    #[test]
    fn statistics_are_updated_if_they_differ_and_are_old_enough() {
        let observation = |second: i64, free: i64| Observation {
            schema_is_old: false,
            at: Timestamp::from_second(second).unwrap(),
            queue: Err(Unknown::NoProducer),
            storage: Ok(storage(free, false, None)),
        };
        let first = statistics(None, Some(&observation(0, 5 * GIB))).unwrap();
        for (second, free, changes) in [(10, GIB, false), (40, 5 * GIB - 1, false), (40, 4 * GIB, true)] {
            let next = statistics(Some(&first), Some(&observation(second, free))).unwrap();
            assert_eq!(next != first, changes, "{second} {free}");
        }
    }
}
