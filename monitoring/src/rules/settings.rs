//! What a platform may decide for itself.

use std::time::Duration;

use clap::{Args, Parser};
use humantime::parse_duration;

/// The thresholds of the rules. What is shipped has the defaults.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// How long the oldest waiting event may have waited before `EventPipelineBacklogLate` is pending
    #[arg(long, default_value = "5m", value_parser = parse_duration)]
    pub backlog_late: Duration,
    /// For how long that has to be so before it fires
    #[arg(long, default_value = "2m", value_parser = parse_duration)]
    pub backlog_late_for: Duration,
    /// Share of requests in 30 days that must not fail, in percent
    #[arg(long, default_value = "99.9", value_parser = percent)]
    pub availability: Objective,
    /// Share of creations in 30 days that must be quick, in percent
    #[arg(long, default_value = "99", value_parser = percent)]
    pub latency: Objective,
    /// What quick is, in seconds: a bucket of `http_server_request_duration_seconds`
    #[arg(long, default_value_t = 0.25)]
    pub latency_seconds: f64,
    /// Share of events in 30 days that must have their value soon, in percent
    #[arg(long, default_value = "99", value_parser = percent)]
    pub freshness: Objective,
    /// What soon is, in seconds: a bucket of `eventpipeline_create_to_value_seconds`
    #[arg(long, default_value_t = 10.0)]
    pub freshness_seconds: f64,
    /// Requests, or events, a second below which no objective is judged: a few failures of few are no trend
    #[arg(long, default_value_t = 0.1)]
    pub traffic_floor: f64,
    /// Where the pages of `docs/runbooks` are
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

/// How much must be good.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objective {
    percent: f64,
}

impl Objective {
    /// In percent, as it was given.
    pub fn percent(self) -> f64 {
        self.percent
    }

    /// The share that may be bad, as `PromQL`.
    pub(super) fn budget(self) -> String {
        // In thousandths of a percent, so that 99.9 does not become 0.0009999999999999432.
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
    fn the_budget_is_what_the_objective_leaves() {
        assert_eq!(percent("99.9").unwrap().budget(), "0.001");
        assert_eq!(percent("99").unwrap().budget(), "0.01");
        assert!(percent("100").is_err());
        assert!(percent("0").is_err());
        assert!(percent("most").is_err());
    }
}
