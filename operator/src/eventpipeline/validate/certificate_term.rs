//! Which certificate the database has: a new one after each term, known by the pipeline's age alone, because certificates
//! lie in Secrets that the operator does not read.

use jiff::{SignedDuration, Timestamp};

/// How long one is used; it is valid for a year more.
const TERM: SignedDuration = SignedDuration::from_hours(9 * 365 * 24);

/// 0 for the first. What has not been created yet is new.
pub(super) fn of(created: Option<Timestamp>, now: Timestamp) -> i64 {
    let age = created.map_or(SignedDuration::ZERO, |created| now.duration_since(created));
    (age.as_secs() / TERM.as_secs()).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_ends_a_year_before_its_certificate_does() {
        let created = Timestamp::UNIX_EPOCH;
        let after = |days: i64| of(Some(created), created + SignedDuration::from_hours(days * 24));
        assert_eq!([after(0), after(9 * 365 - 1), after(9 * 365), after(18 * 365)], [0, 0, 1, 2]);
        assert_eq!(of(Some(created), created - SignedDuration::from_hours(1)), 0);
        assert_eq!(of(None, created), 0);
    }
}
