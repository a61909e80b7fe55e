//! The operator's metrics.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::Context as _;
use eventpipeline_testkit::client;

const RECONCILES: &str = "controller_runtime_reconcile_total{";
const REQUESTS: &str = "rest_client_requests_total{";
const BUCKETS: &str = "controller_runtime_reconcile_time_seconds_bucket{";

/// The address of the operator's metrics.
pub(super) struct Metrics {
    url: String,
}

/// The values of the counters, or their increase between two samples.
#[derive(Debug)]
pub(super) struct Sample {
    series: BTreeMap<String, f64>,
}

impl Metrics {
    pub(super) fn of(admin: SocketAddr) -> Self {
        Self { url: format!("http://{admin}/metrics") }
    }

    pub(super) async fn read(&self) -> anyhow::Result<Sample> {
        let answer = client().get(&self.url).send().await.context("the operator does not answer")?;
        let text = answer.text().await.context("failed to read the operator's metrics")?;
        let series = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Ok(Sample { series: series.collect() })
    }
}

impl Sample {
    pub(super) fn since(self, before: &Self) -> Self {
        let since = |(name, value): (String, f64)| {
            let before = before.series.get(&name).copied().unwrap_or_default();
            (name, value - before)
        };
        Self { series: self.series.into_iter().map(since).collect() }
    }

    /// Returns the number of reconciliations, including failed ones.
    pub(super) fn reconciles(&self) -> f64 {
        self.sum(RECONCILES, "")
    }

    /// Returns the number of requests to the API server except for reads, which are the lists and watches of the process: a
    /// reconciliation does not read.
    pub(super) fn calls(&self) -> f64 {
        self.sum(REQUESTS, "") - self.sum(REQUESTS, "method=\"GET\"")
    }

    fn sum(&self, family: &str, label: &str) -> f64 {
        let of = |name: &str| name.starts_with(family) && name.contains(label);
        self.series.iter().filter(|(name, _)| of(name)).map(|(_, value)| value).sum()
    }

    /// Returns a quantile of the duration of reconciliations in seconds, interpolated within a bucket.
    pub(super) fn quantile(&self, quantile: f64) -> f64 {
        let mut buckets: Vec<(f64, f64)> = self
            .series
            .iter()
            .filter(|(name, _)| name.starts_with(BUCKETS))
            .filter_map(|(name, count)| {
                let (_, bound) = name.split_once("le=\"")?;
                Some((bound.split('"').next()?.parse().ok()?, *count))
            })
            .collect();
        buckets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let wanted = buckets.last().map_or(0.0, |(_, all)| all * quantile);
        let (mut bound_below, mut below) = (0.0, 0.0);
        for (bound, count) in buckets {
            if count >= wanted && count > below {
                return bound_below + (bound - bound_below) * (wanted - below) / (count - below);
            }
            (bound_below, below) = (bound, count);
        }
        bound_below
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(buckets: &[(&str, f64)]) -> Sample {
        let series = buckets
            .iter()
            .map(|(bound, count)| (format!("{BUCKETS}controller=\"a\",le=\"{bound}\"}}"), *count));
        Sample { series: series.collect() }
    }

    #[test]
    fn a_quantile_lies_within_its_bucket() {
        let sample = sample(&[("0.1", 10.0), ("0.2", 20.0), ("10", 20.0), ("+Inf", 20.0)]);
        for (quantile, expected) in [(0.25, 0.05), (0.5, 0.1), (0.75, 0.15), (1.0, 0.2)] {
            assert!((sample.quantile(quantile) - expected).abs() < 1e-9, "{quantile}");
        }
    }

    #[test]
    fn only_requests_between_the_samples_count() {
        let mut before = sample(&[]);
        before.series.insert(format!("{REQUESTS}code=\"200\",method=\"GET\"}}"), 5.0);
        let mut after = sample(&[]);
        after.series.insert(format!("{REQUESTS}code=\"200\",method=\"GET\"}}"), 9.0);
        after.series.insert(format!("{REQUESTS}code=\"200\",method=\"PATCH\"}}"), 2.0);
        assert!((after.since(&before).calls() - 2.0).abs() < 1e-9);
    }
}
