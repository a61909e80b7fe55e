//! Making metrics in one line each.

use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
};

use super::registered;

/// A label and the values that it has.
type Values<'a> = (&'a str, &'a [&'a str]);

/// Makes metrics that are in the registry, each with every value of its label from the start, so that a rate over the
/// first failure is seen.
#[derive(Debug, Clone, Copy)]
pub struct Maker<'a>(pub &'a Registry);

#[expect(
    clippy::missing_errors_doc,
    reason = "an invalid description, or a name that is taken, for all of them"
)]
impl Maker<'_> {
    /// What only grows.
    pub fn counter(self, name: &str, help: &str) -> anyhow::Result<IntCounter> {
        registered(self.0, IntCounter::new(name, help))
    }

    /// What only grows, by a label.
    pub fn counters(self, name: &str, help: &str, label: Values<'_>) -> anyhow::Result<IntCounterVec> {
        let (label, values) = label;
        let counters = registered(self.0, IntCounterVec::new(Opts::new(name, help), &[label]))?;
        for value in values {
            let _ = counters.with_label_values(&[*value]);
        }
        Ok(counters)
    }

    /// How many there are now.
    pub fn gauge(self, name: &str, help: &str) -> anyhow::Result<IntGauge> {
        registered(self.0, IntGauge::new(name, help))
    }

    /// How much there is now.
    pub fn measure(self, name: &str, help: &str) -> anyhow::Result<Gauge> {
        registered(self.0, Gauge::new(name, help))
    }

    /// How what was observed is spread over `buckets`.
    pub fn histogram(self, name: &str, help: &str, buckets: &[f64]) -> anyhow::Result<Histogram> {
        registered(self.0, Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec())))
    }

    /// The same by a label.
    pub fn histograms(
        self,
        name: &str,
        help: &str,
        label: Values<'_>,
        buckets: &[f64],
    ) -> anyhow::Result<HistogramVec> {
        let (label, values) = label;
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        let histograms = registered(self.0, HistogramVec::new(options, &[label]))?;
        for value in values {
            let _ = histograms.with_label_values(&[*value]);
        }
        Ok(histograms)
    }
}
