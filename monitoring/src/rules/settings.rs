//! Thresholds that a platform team can change.

use std::time::Duration;

use clap::{Args, Parser};
use humantime::parse_duration;

/// Thresholds of the rules. The shipped rules use the defaults.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// Waiting time of the oldest pending event above which `EventPipelineBacklogLate` becomes pending
    #[arg(long, default_value = "5m", value_parser = parse_duration)]
    pub backlog_late: Duration,
    /// Time for which this must hold before the alert fires
    #[arg(long, default_value = "2m", value_parser = parse_duration)]
    pub backlog_late_for: Duration,
    /// Percentage of requests in 30 days that must not fail
    #[arg(long, default_value = "99.9", value_parser = percent)]
    pub availability: Objective,
    /// Percentage of creations in 30 days that must be fast
    #[arg(long, default_value = "99", value_parser = percent)]
    pub latency: Objective,
    /// Latency of a fast creation, in seconds; a bucket of `http_server_request_duration_seconds`
    #[arg(long, default_value_t = 0.25)]
    pub latency_seconds: f64,
    /// Percentage of events in 30 days that must have their value in time
    #[arg(long, default_value = "99", value_parser = percent)]
    pub freshness: Objective,
    /// Time limit for a value, in seconds; a bucket of `eventpipeline_create_to_value_seconds`
    #[arg(long, default_value_t = 10.0)]
    pub freshness_seconds: f64,
    /// Requests or events per second below which no objective is evaluated: a few failures among few requests are no trend
    #[arg(long, default_value_t = 0.1)]
    pub traffic_floor: f64,
    /// Address of the pages of `docs/runbooks`
    #[arg(long, default_value = "https://eventpipeline.dev/runbooks")]
    pub runbook_url: String,
}

impl Default for Settings {
    fn default() -> Self {
        #[derive(Parser)]
        struct NoArguments {
            #[command(flatten)]
            settings: Settings,
        }
        NoArguments::parse_from(["rules"]).settings
    }
}

/// Percentage of good events that an objective requires.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objective {
    percent: f64,
}

impl Objective {
    /// Returns the percentage as it was given.
    pub fn percent(self) -> f64 {
        self.percent
    }

    /// Returns the error budget, a share from 0 to 1, as `PromQL`.
    pub(super) fn budget(self) -> String {
        // Rounded to thousandths of a percent, so that 99.9 does not become 0.0009999999999999432.
        let thousandths = ((100.0 - self.percent) * 1000.0).round();
        format!("{}", thousandths / 100_000.0)
    }
}

fn percent(text: &str) -> Result<Objective, String> {
    let percent: f64 = text.parse().map_err(|error| format!("must be a number: {error}"))?;
    if percent > 0.0 && percent < 100.0 {
        Ok(Objective { percent })
    } else {
        Err("must be above 0 and below 100".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_the_rest_of_the_objective() {
        assert_eq!(percent("99.9").unwrap().budget(), "0.001");
        assert_eq!(percent("99").unwrap().budget(), "0.01");
        assert!(percent("100").is_err());
        assert!(percent("0").is_err());
        assert!(percent("most").is_err());
    }
}
