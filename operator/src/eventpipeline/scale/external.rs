//! The number of a group that somebody else scales. Pure.
//!
//! It is not ours to say, but for two moments: a group that is suspended goes to none once, and one that goes on gets
//! back what it had. What its owner says in between is left as it is: two who insist would take turns.

use super::super::validate::Handover;

/// What is there of the group's Deployment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct There {
    /// How many it asks for.
    pub(super) replicas: Option<i32>,
    /// Whether that is what we said.
    pub(super) is_ours: bool,
    /// What it asked for before it was suspended, if it was.
    pub(super) suspended: Option<i32>,
}

/// What is to be said now.
pub(super) fn handover(suspended: bool, there: There) -> Handover {
    let now = there.replicas.unwrap_or(1);
    match (suspended, there.suspended) {
        // What we said may have been none because the group was suspended while we still decided.
        (true, None) => {
            Handover { replicas: Some(0), suspended: Some(if there.is_ours { now.max(1) } else { now }) }
        }
        (true, Some(before)) => Handover { replicas: None, suspended: Some(before) },
        (false, Some(before)) => {
            Handover { replicas: Some(if now > 0 { now } else { before }), suspended: None }
        }
        (false, None) => Handover::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_goes_to_none_once_and_comes_back_as_it_was() {
        let owned = There { replicas: Some(7), is_ours: false, suspended: None };
        assert_eq!(handover(false, owned), Handover::default());
        let first = handover(true, owned);
        assert_eq!(first, Handover { replicas: Some(0), suspended: Some(7) });
        let suspended = There { replicas: Some(0), is_ours: true, suspended: Some(7) };
        assert_eq!(handover(true, suspended), Handover { replicas: None, suspended: Some(7) });
        assert_eq!(handover(false, suspended), Handover { replicas: Some(7), suspended: None });
    }

    #[test]
    fn what_the_owner_says_meanwhile_stays() {
        let there = There { replicas: Some(3), is_ours: false, suspended: Some(7) };
        assert_eq!(handover(true, there), Handover { replicas: None, suspended: Some(7) });
        assert_eq!(handover(false, there), Handover { replicas: Some(3), suspended: None });
    }

    #[test]
    fn a_group_that_was_suspended_as_ours_does_not_stay_at_none() {
        let there = There { replicas: Some(0), is_ours: true, suspended: None };
        assert_eq!(handover(true, there).suspended, Some(1));
        assert_eq!(handover(true, There::default()).suspended, Some(1));
        // An owner that scales to none may do so again.
        let there = There { is_ours: false, ..there };
        assert_eq!(handover(true, there).suspended, Some(0));
    }
}
