//! The room for events, as a producer last told it. Pure.

use eventpipeline_crds::conditions::{reasons, types};
use eventpipeline_crds::{EventPipelineStatus, StorageStatus};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::conditions::{Conditions, FALSE, TRUE, UNKNOWN, find};
use crate::queue_stats::{Observation, Space, Storage, Unknown};

/// How long figures stand before newer ones replace them: each replacement is a write.
const STANDS: SignedDuration = SignedDuration::from_secs(30);
/// Figures that differ by less than this share of the volume are no news.
const NEWS_SHARE: i64 = 100;
/// A volume that will be full before this is one that fills up.
const SOON_SECONDS: i64 = 24 * 60 * 60;

/// The figures to be shown: the new ones, if they differ by enough and those that are shown have stood for long enough.
pub(super) fn figures(shown: Option<&StorageStatus>, seen: Option<&Observation>) -> Option<StorageStatus> {
    let Some(Observation { at, storage: Ok(Storage { space: Some(room), .. }), .. }) = seen else {
        return shown.cloned();
    };
    let new = as_status(room, *at);
    let stands = shown.filter(|shown| {
        let differs = [
            (shown.capacity_bytes, new.capacity_bytes),
            (shown.free_bytes, new.free_bytes),
            (shown.reusable_bytes, new.reusable_bytes),
            (shown.required_bytes, new.required_bytes),
        ]
        .into_iter()
        .any(|(shown, new)| (new - shown).abs() > room.capacity_bytes / NEWS_SHARE);
        !differs || at.duration_since(shown.as_of_time.0) < STANDS
    });
    Some(stands.cloned().unwrap_or(new))
}

fn as_status(room: &Space, at: Timestamp) -> StorageStatus {
    let Space { capacity_bytes, free_bytes, reusable_bytes, required_bytes } = *room;
    StorageStatus {
        capacity_bytes: capacity_bytes.max(0),
        free_bytes: free_bytes.max(0),
        reusable_bytes: reusable_bytes.max(0),
        required_bytes: required_bytes.max(0),
        // Whole seconds, as they come back from the API server.
        as_of_time: Time(Timestamp::from_second(at.as_second()).unwrap_or(at)),
    }
}

const REMEDY: &str = "make the volume larger (`database.managed.storage.size`) or `retention` shorter";

/// What the condition says. No figures but hours in it: others change with every look.
fn verdict(storage: &Result<Storage, Unknown>) -> (&'static str, &'static str, String) {
    let storage = match storage {
        Ok(storage) => storage,
        Err(why @ Unknown::NoProducer) => return (UNKNOWN, reasons::NO_PRODUCER, why.to_string()),
        Err(why @ Unknown::NoAnswer(_)) => return (UNKNOWN, reasons::QUEUE_STATS_NOT_READ, why.to_string()),
    };
    let Storage { refusing, space: room, seconds_to_full } = storage;
    let Some(room) = room else {
        let why = "nobody tells how full the database's volume is: it is not the pipeline's own, or the agent beside it \
                   does not answer";
        return (UNKNOWN, reasons::VOLUME_NOT_KNOWN, why.to_owned());
    };
    if *refusing {
        let why = format!("the volume is nearly full and creations are refused with 507: {REMEDY}");
        return (FALSE, reasons::CREATIONS_REFUSED, why);
    }
    match seconds_to_full.filter(|seconds| *seconds < SOON_SECONDS) {
        Some(seconds) => {
            let hours = seconds / 3600 + 1;
            let why =
                format!("creations will be refused in less than {hours} h if it goes on like this: {REMEDY}");
            (TRUE, reasons::FILLING_UP, why)
        }
        None if room.free_bytes + room.reusable_bytes < 2 * room.required_bytes => {
            (TRUE, reasons::NEARLY_FULL, format!("the volume is nearly full: {REMEDY}"))
        }
        None => (TRUE, reasons::ROOM_LEFT, "there is room for events".to_owned()),
    }
}

/// Sets the condition. Until it was looked for the first time, what was known before is known still.
pub(super) fn set_condition(conditions: &mut Conditions<'_>, seen: Option<&Observation>) {
    match seen {
        Some(seen) => {
            let (status, reason, message) = verdict(&seen.storage);
            conditions.set(types::STORAGE_AVAILABLE, status, reason, &message);
        }
        None if conditions.keep(types::STORAGE_AVAILABLE) => {}
        None => {
            let why = "the volume has not been looked at yet";
            conditions.set(types::STORAGE_AVAILABLE, UNKNOWN, reasons::FIRST_SEEN, why);
        }
    }
}

/// Whether what was seen is not what is shown.
pub(super) fn is_news(shown: &EventPipelineStatus, seen: &Observation) -> bool {
    let (status, reason, _) = verdict(&seen.storage);
    let condition = find(shown, types::STORAGE_AVAILABLE);
    condition.is_none_or(|condition| condition.status != status || condition.reason != reason)
        || figures(shown.storage.as_ref(), Some(seen)) != shown.storage
}

/// What is to be told of the room when it ends, fills up, or is there again: the reason and the message, and whether it is bad.
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
        let room =
            Space { capacity_bytes: 10 * GIB, free_bytes: free, reusable_bytes: 0, required_bytes: GIB };
        Storage { refusing, space: Some(room), seconds_to_full }
    }

    fn said(storage: Storage) -> (&'static str, &'static str, String) {
        verdict(&Ok(storage))
    }

    #[test]
    fn the_condition_says_what_there_is_and_for_how_long() {
        assert_eq!(said(storage(5 * GIB, false, None)).1, reasons::ROOM_LEFT);
        assert_eq!(said(storage(GIB, false, None)).1, reasons::NEARLY_FULL);
        let (status, reason, message) = said(storage(GIB, true, Some(0)));
        assert_eq!((status, reason), (FALSE, reasons::CREATIONS_REFUSED));
        assert!(message.contains("507") && message.contains("storage.size"), "{message}");
        let (status, reason, message) = said(storage(5 * GIB, false, Some(2 * 3600 + 1)));
        assert_eq!((status, reason), (TRUE, reasons::FILLING_UP));
        assert!(message.contains("less than 3 h"), "{message}");
        let unknown = Storage { refusing: false, space: None, seconds_to_full: None };
        assert_eq!((said(unknown.clone()).0, said(unknown).1), (UNKNOWN, reasons::VOLUME_NOT_KNOWN));
    }

    #[test]
    fn figures_are_news_when_they_differ_and_have_stood() {
        let seen = |second: i64, free: i64| Observation {
            schema_is_old: false,
            at: Timestamp::from_second(second).unwrap(),
            queue: Err(Unknown::NoProducer),
            storage: Ok(storage(free, false, None)),
        };
        let first = figures(None, Some(&seen(0, 5 * GIB))).unwrap();
        for (second, free, changes) in [(10, GIB, false), (40, 5 * GIB - 1, false), (40, 4 * GIB, true)] {
            let next = figures(Some(&first), Some(&seen(second, free))).unwrap();
            assert_eq!(next != first, changes, "{second} {free}");
        }
    }
}
