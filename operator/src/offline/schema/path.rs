//! Paths of values in an object, as the API server writes them: `spec.producers[0].name`.

use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path(String);

impl Path {
    /// Returns the path of the object itself.
    pub(super) fn root() -> Self {
        Self(String::new())
    }

    /// Returns the path of a field.
    pub(super) fn child(&self, name: &str) -> Self {
        if self.0.is_empty() { Self(name.to_owned()) } else { Self(format!("{self}.{name}")) }
    }

    /// Returns the path of a list item.
    pub(super) fn item(&self, at: usize) -> Self {
        Self(format!("{self}[{at}]"))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
