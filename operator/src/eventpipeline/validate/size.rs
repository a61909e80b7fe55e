//! The size of a volume.

use std::fmt;

use super::quantity::bytes;

const SMALLEST: u128 = 1 << 30;
const LARGEST: u128 = 64 << 40;

/// A quantity from 1Gi to 64Ti, as the author wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::eventpipeline) struct Size(String);

impl Size {
    pub(super) fn new(text: &str) -> Option<Self> {
        (SMALLEST..=LARGEST).contains(&bytes(text)?).then(|| Self(text.to_owned()))
    }

    /// Returns whether the size exceeds another quantity, or `None` if that is not a valid one.
    pub(in crate::eventpipeline) fn is_more_than(&self, other: &str) -> Option<bool> {
        Some(bytes(&self.0)? > bytes(other)?)
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
    fn sizes_are_compared_by_value() {
        let size = Size::new("2Gi").unwrap();
        for (other, expected) in [
            ("1Gi", Some(true)),
            ("2048Mi", Some(false)),
            ("3G", Some(false)),
            ("1.5Gi", Some(true)),
            ("plenty", None),
        ] {
            assert_eq!(size.is_more_than(other), expected, "{other}");
        }
    }

    #[test]
    fn sizes_have_bounds() {
        for good in ["1Gi", "1024Mi", "2G", "1.5Gi", "10Gi", "2e9", "64Ti", "70T"] {
            assert!(Size::new(good).is_some(), "{good}");
        }
        for bad in
            ["", "Gi", "1", "1023Mi", "1G", "65Ti", "71T", "1Pi", "-1Gi", "1Gib", "99999999999999999999Ti"]
        {
            assert!(Size::new(bad).is_none(), "{bad}");
        }
    }
}
