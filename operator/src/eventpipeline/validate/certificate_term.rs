//! Number of the database's current certificate. A certificate is replaced after a fixed term since the
//! creation of the pipeline, because the operator does not read the Secrets that contain certificates.

use jiff::{SignedDuration, Timestamp};

/// Term of use. A certificate is valid for one year more.
const TERM: SignedDuration = SignedDuration::from_hours(9 * 365 * 24);

/// Returns 0 for the first certificate. A pipeline that is not created yet is new.
pub(super) fn of(created: Option<Timestamp>, now: Timestamp) -> i64 {
    let age = created.map_or(SignedDuration::ZERO, |created| now.duration_since(created));
    (age.as_secs() / TERM.as_secs()).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_replaced_a_year_before_it_expires() {
        let created = Timestamp::UNIX_EPOCH;
        let after = |days: i64| of(Some(created), created + SignedDuration::from_hours(days * 24));
        assert_eq!([after(0), after(9 * 365 - 1), after(9 * 365), after(18 * 365)], [0, 0, 1, 2]);
        assert_eq!(of(Some(created), created - SignedDuration::from_hours(1)), 0);
        assert_eq!(of(None, created), 0);
    }
}
