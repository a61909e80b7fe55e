//! The scale of a group that another client scales. Pure.
//!
//! The operator sets it only twice: to zero when the group is suspended, and back to the former number when
//! it is resumed. In between it leaves the number to its owner, because two owners would overwrite each other
//! forever.

use super::super::validate::Handover;

/// The current scale of the group's Deployment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct CurrentScale {
    /// Current `replicas`.
    pub(super) replicas: Option<i32>,
    /// True if the operator owns `replicas`.
    pub(super) is_ours: bool,
    /// `replicas` before the suspension, if the group is suspended.
    pub(super) suspended: Option<i32>,
}

/// Returns what the operator sets now.
pub(super) fn handover(suspended: bool, current: CurrentScale) -> Handover {
    let now = current.replicas.unwrap_or(1);
    match (suspended, current.suspended) {
        // If the operator owned `replicas`, zero may stem from a suspension while it still decided the
        // number.
        (true, None) => {
            Handover { replicas: Some(0), suspended: Some(if current.is_ours { now.max(1) } else { now }) }
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
    fn a_group_is_suspended_once_and_resumed_with_its_former_number() {
        let owned = CurrentScale { replicas: Some(7), is_ours: false, suspended: None };
        assert_eq!(handover(false, owned), Handover::default());
        let first = handover(true, owned);
        assert_eq!(first, Handover { replicas: Some(0), suspended: Some(7) });
        let suspended = CurrentScale { replicas: Some(0), is_ours: true, suspended: Some(7) };
        assert_eq!(handover(true, suspended), Handover { replicas: None, suspended: Some(7) });
        assert_eq!(handover(false, suspended), Handover { replicas: Some(7), suspended: None });
    }

    #[test]
    fn a_change_by_the_owner_during_a_suspension_stays() {
        let current = CurrentScale { replicas: Some(3), is_ours: false, suspended: Some(7) };
        assert_eq!(handover(true, current), Handover { replicas: None, suspended: Some(7) });
        assert_eq!(handover(false, current), Handover { replicas: Some(3), suspended: None });
    }

    #[test]
    fn a_group_that_the_operator_had_suspended_does_not_stay_at_zero() {
        let current = CurrentScale { replicas: Some(0), is_ours: true, suspended: None };
        assert_eq!(handover(true, current).suspended, Some(1));
        assert_eq!(handover(true, CurrentScale::default()).suspended, Some(1));
        // An owner that scaled to zero may do so again.
        let current = CurrentScale { is_ours: false, ..current };
        assert_eq!(handover(true, current).suspended, Some(0));
    }
}
