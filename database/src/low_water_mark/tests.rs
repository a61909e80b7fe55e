//! The positions at which scans begin, and the frequency of full scans.

use super::*;

const FULL: Scan = Scan::Full { reach: None, until: None };
const SECOND: i64 = 1_000_000;

/// Returns the end of the last full scan, from which the next interval is measured.
fn ended(mark: &LowWaterMark) -> Instant {
    mark.last_full_scan.unwrap().0
}

fn seen(now: i64, cut: Option<i64>) -> Seen {
    Seen { now, cut, ids: Vec::new() }
}

#[test]
fn full_scans_are_as_rare_as_they_are_slow() {
    let mut mark = LowWaterMark::default();
    assert_eq!(mark.start(Instant::now()), None);
    mark.walked(None, Duration::from_millis(100), Some(7));
    assert_eq!(mark.start(ended(&mark)), Some(7));
    assert_eq!(mark.start(ended(&mark) + Duration::from_millis(799)), Some(7));
    assert_eq!(mark.start(ended(&mark) + Duration::from_millis(800)), None);
    mark.walked(None, Duration::from_mins(10), None);
    assert_eq!(mark.start(ended(&mark) + Duration::from_secs(59)), Some(7));
    assert_eq!(mark.start(ended(&mark) + MAX_INTERVAL), None);
    mark.invalidate();
    assert_eq!(mark.start(Instant::now()), None);
}

#[test]
fn the_mark_only_advances() {
    let mut mark = LowWaterMark::default();
    mark.walked(None, Duration::from_millis(100), Some(7));
    mark.walked(Some(7), Duration::from_millis(100), Some(9));
    mark.walked(Some(9), Duration::from_millis(100), None);
    mark.walked(None, Duration::from_millis(100), Some(3));
    assert_eq!(mark.start(ended(&mark)), Some(9));
}

#[test]
fn a_claim_does_a_full_scan_only_if_the_last_one_was_cheap() {
    let mut mark = LowWaterMark::default();
    assert_eq!(mark.locking_scan(Instant::now()), None, "not known yet");
    mark.scanned(FULL, Duration::from_millis(1), &seen(10 * SECOND, None));
    assert_eq!(mark.locking_scan(ended(&mark) + MAX_INTERVAL), Some(FULL));
    mark.scanned(FULL, Duration::from_millis(100), &seen(11 * SECOND, None));
    assert_eq!(mark.locking_scan(ended(&mark) + MAX_INTERVAL), None);
    let recent = Scan::Recent { place: 11 * SECOND - Scan::SLACK, since: 11 * SECOND };
    assert_eq!(mark.locking_scan(ended(&mark)), Some(recent));
}

#[test]
fn after_a_slow_claim_scans_have_no_locks_until_one_is_fast() {
    let mut mark = LowWaterMark::default();
    mark.scanned(FULL, Duration::from_millis(1), &seen(10 * SECOND, None));
    let recent = mark.locking_scan(ended(&mark));
    assert!(recent.is_some());
    mark.locked(CHEAP + Duration::from_millis(1), 1);
    assert_eq!(mark.locking_scan(ended(&mark)), None);
    mark.scanned_without_locks(CHEAP / 2);
    assert_eq!(mark.locking_scan(ended(&mark)), None);
    mark.scanned_without_locks(CHEAP / LOCKING);
    assert_eq!(mark.locking_scan(ended(&mark)), recent);
}

#[test]
fn after_a_slow_claim_in_a_backlog_scans_have_no_locks_until_it_ends() {
    let mut mark = LowWaterMark::default();
    mark.scanned(FULL, Duration::from_millis(1), &seen(10 * SECOND, Some(9 * SECOND)));
    mark.locked(CHEAP + Duration::from_millis(1), 1);
    mark.scanned_without_locks(Duration::ZERO);
    assert_eq!(mark.locking_scan(ended(&mark)), None);
    mark.scanned(mark.scan(ended(&mark)), Duration::ZERO, &seen(11 * SECOND, None));
    mark.scanned_without_locks(Duration::ZERO);
    assert!(mark.locking_scan(ended(&mark)).is_some());
}

#[test]
fn a_scan_that_reached_its_limit_is_continued() {
    let mut mark = LowWaterMark::default();
    let slow = Duration::from_secs(1);
    mark.scanned(FULL, slow, &seen(100 * SECOND, Some(5 * SECOND)));
    let next = mark.scan(ended(&mark));
    assert_eq!(next, Scan::Recent { place: 5 * SECOND, since: 100 * SECOND });
    mark.scanned(next, slow, &seen(101 * SECOND, Some(7 * SECOND)));
    let next = mark.scan(ended(&mark));
    assert_eq!(next, Scan::Recent { place: 7 * SECOND, since: 101 * SECOND });
    // The limit fell among the urgent events, so there may be more of them.
    mark.scanned(next, slow, &seen(102 * SECOND, Some(6 * SECOND)));
    assert_eq!(mark.scan(ended(&mark)), next);
    // A full scan that reached its limit leaves out later events.
    mark.scanned(FULL, slow, &seen(103 * SECOND, Some(2 * SECOND)));
    let next = mark.scan(ended(&mark));
    assert_eq!(next, Scan::Recent { place: 2 * SECOND, since: 103 * SECOND });
}

#[test]
fn a_clock_that_went_back_causes_a_full_scan() {
    let mut mark = LowWaterMark::default();
    mark.scanned(FULL, Duration::from_secs(1), &seen(100 * SECOND, None));
    let recent = mark.scan(ended(&mark));
    mark.scanned(recent, Duration::from_millis(1), &seen(40 * SECOND, None));
    assert_eq!(mark.scan(ended(&mark)), FULL);
}

#[test]
fn full_scans_that_time_out_reach_less_far_until_one_succeeds() {
    let mut mark = LowWaterMark::default();
    let late = Error::Timeout { operation: "scan", limit: Duration::from_secs(10) };
    let mut reaches = Vec::new();
    for _ in 0..3 {
        let scan = mark.scan(Instant::now());
        mark.scan_failed(scan, Duration::from_secs(10), &late);
        reaches.push(mark.reach.unwrap());
    }
    assert_eq!(reaches, [FIRST_REACH, FIRST_REACH / 2, FIRST_REACH / 4]);
    for _ in 0..3 {
        let scan = mark.scan(Instant::now() + MAX_INTERVAL);
        mark.scanned(scan, Duration::from_secs(1), &seen(SECOND, None));
    }
    assert_eq!(mark.scan(Instant::now() + MAX_INTERVAL), FULL);
}

#[test]
fn found_events_are_requested_once() {
    let mut mark = LowWaterMark::default();
    let ids = |ids: &[i64]| ids.iter().map(|id| EventId::from_row(*id)).collect::<Vec<_>>();
    mark.remember(FULL, Seen { ids: ids(&[1, 2, 3, 4]), ..seen(SECOND, None) });
    assert_eq!(mark.found(3), ids(&[1, 2, 3]));
    mark.requested(3, 1, ids(&[2, 3]));
    assert_eq!(mark.found(9), ids(&[2, 3, 4]));
    mark.requested(3, 3, Vec::new());
    assert!(!mark.has_found());
}
