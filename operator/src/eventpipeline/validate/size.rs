//! The size of a volume.

use std::fmt;

use super::amount::bytes;

const SMALLEST: u128 = 1 << 30;
const LARGEST: u128 = 64 << 40;

/// A quantity from 1Gi to 64Ti, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::eventpipeline) struct Size(String);

impl Size {
    pub(super) fn new(text: &str) -> Option<Self> {
        (SMALLEST..=LARGEST).contains(&bytes(text)?).then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_within_the_bounds() {
        for good in ["1Gi", "1024Mi", "2G", "10Gi", "64Ti", "70T"] {
            assert!(Size::new(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "Gi",
            "1",
            "1023Mi",
            "1G",
            "65Ti",
            "71T",
            "1Pi",
            "-1Gi",
            "1.5Gi",
            "1Gib",
            "99999999999999999999Ti",
        ] {
            assert!(Size::new(bad).is_none(), "{bad}");
        }
    }
}
