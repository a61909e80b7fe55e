//! Colors of values.

use serde_json::{Value, json};
use strum::IntoStaticStr;

/// A color, serialized as Grafana's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
pub enum Color {
    /// The color of text, for values that are neither good nor bad.
    #[strum(serialize = "text")]
    Neutral,
    /// Good.
    #[strum(serialize = "green")]
    Good,
    /// Worth a look.
    #[strum(serialize = "orange")]
    Warning,
    /// Needs action.
    #[strum(serialize = "red")]
    Bad,
}

/// Colors of a panel's values: a color for the lowest values, and others from a value on.
#[derive(Debug, Clone, Default)]
pub struct Levels(Vec<(f64, Color)>);

impl Levels {
    /// Returns levels for values that are neither good nor bad.
    pub fn neutral() -> Self {
        Self::default()
    }

    /// Returns levels of values that are good if they are low.
    pub fn low_is_good(warning: f64, bad: f64) -> Self {
        Self(vec![(f64::NEG_INFINITY, Color::Good), (warning, Color::Warning), (bad, Color::Bad)])
    }

    /// Returns levels of values that are good if they are high.
    pub fn high_is_good(warning: f64, good: f64) -> Self {
        Self(vec![(f64::NEG_INFINITY, Color::Bad), (warning, Color::Warning), (good, Color::Good)])
    }

    /// Returns levels of values that need action from this value on.
    pub fn bad_from(bad: f64) -> Self {
        Self(vec![(f64::NEG_INFINITY, Color::Good), (bad, Color::Bad)])
    }

    /// Returns levels of values that are worth a look from this value on.
    pub fn warning_from(warning: f64) -> Self {
        Self(vec![(f64::NEG_INFINITY, Color::Good), (warning, Color::Warning)])
    }

    /// Returns levels of values that are good from this value on, and need action below it.
    pub fn good_from(good: f64) -> Self {
        Self(vec![(f64::NEG_INFINITY, Color::Bad), (good, Color::Good)])
    }

    /// Returns true for values that are neither good nor bad.
    pub(super) fn are_neutral(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns Grafana's thresholds. JSON has no infinity: the first value is null.
    pub(super) fn json(&self) -> Value {
        let neutral = [(f64::NEG_INFINITY, Color::Neutral)];
        let levels = if self.0.is_empty() { &neutral[..] } else { &self.0 };
        let step = |(from, color): &(f64, Color)| {
            let color: &str = color.into();
            json!({"value": if from.is_finite() { json!(from) } else { Value::Null }, "color": color})
        };
        json!({"mode": "absolute", "steps": levels.iter().map(step).collect::<Vec<_>>()})
    }
}
