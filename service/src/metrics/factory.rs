//! Creation of registered metrics, one line each.

use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

use super::registered;

/// A label and all its values.
type Values<'a> = (&'a str, &'a [&'a str]);

/// Creates metrics in a registry. A metric with a label has all its values from the start, so that a rate
/// over the first failure is visible.
#[derive(Debug, Clone, Copy)]
pub struct MetricFactory<'a>(pub &'a Registry);

#[expect(
    clippy::missing_errors_doc,
    reason = "an invalid description or a name that is already registered, for all of them"
)]
impl MetricFactory<'_> {
    /// Creates a counter.
    pub fn counter(self, name: &str, help: &str) -> anyhow::Result<IntCounter> {
        registered(self.0, IntCounter::new(name, help))
    }

    /// Creates counters by a label.
    pub fn counters(self, name: &str, help: &str, label: Values<'_>) -> anyhow::Result<IntCounterVec> {
        let (label, values) = label;
        let counters = registered(self.0, IntCounterVec::new(Opts::new(name, help), &[label]))?;
        for value in values {
            let _ = counters.with_label_values(&[*value]);
        }
        Ok(counters)
    }

    /// Creates a gauge of a whole number.
    pub fn gauge(self, name: &str, help: &str) -> anyhow::Result<IntGauge> {
        registered(self.0, IntGauge::new(name, help))
    }

    /// Creates gauges of whole numbers by a label.
    pub fn gauges(self, name: &str, help: &str, label: Values<'_>) -> anyhow::Result<IntGaugeVec> {
        let (label, values) = label;
        let gauges = registered(self.0, IntGaugeVec::new(Opts::new(name, help), &[label]))?;
        for value in values {
            let _ = gauges.with_label_values(&[*value]);
        }
        Ok(gauges)
    }

    /// Creates a gauge of a number with a fraction.
    pub fn float_gauge(self, name: &str, help: &str) -> anyhow::Result<Gauge> {
        registered(self.0, Gauge::new(name, help))
    }

    /// Creates a histogram.
    pub fn histogram(self, name: &str, help: &str, buckets: &[f64]) -> anyhow::Result<Histogram> {
        registered(self.0, Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec())))
    }

    /// Creates histograms by a label.
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
