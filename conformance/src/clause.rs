//! The clauses that can be checked from outside, by their names in docs/contracts.

use strum::{Display, IntoStaticStr};

/// A clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, IntoStaticStr)]
pub(crate) enum Clause {
    P1,
    P2,
    P3,
    P4,
    P5,
    P6,
    P8,
    P9,
    P10,
    P11,
    P12,
    P13,
    P14,
    P15,
    T1,
    T2,
    T3,
    C1,
    C2,
    C5,
    C6,
    C9,
    C10,
    C11,
    C12,
    L7,
    H6,
    H10,
    H11,
    H12,
    H13,
}
