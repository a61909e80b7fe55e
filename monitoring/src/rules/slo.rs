//! Objectives over 30 days, and alerts on the burn rate of their error budgets.
//!
//! Each alert uses a long window, which makes it significant, and a short one, which makes it resolve soon after its cause is
//! gone (Google's SRE workbook, chapter 5). With too little traffic there is no ratio, and therefore no alert.

use std::time::Duration;

use super::{Alert, Dashboard, Group, Rule, Severity, Threshold, record};
use crate::promql::{PIPELINE, duration};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
/// Windows of the recorded ratios, in seconds.
const WINDOWS: [u64; 7] = [300, 1800, HOUR, 2 * HOUR, 6 * HOUR, DAY, 3 * DAY];

/// A burn rate with its windows and severity.
struct Burn {
    /// Burn rate; 1 uses up the budget in exactly 30 days.
    factor: &'static str,
    long: u64,
    short: u64,
    severity: Severity,
    pending: Duration,
    /// Time until the budget is exhausted at this rate.
    gone: &'static str,
}

/// Burn rates that use 2 %, 5 %, 10 % and 10 % of the budget within the long window.
const BURNS: [Burn; 4] = [
    Burn {
        factor: "14.4",
        long: HOUR,
        short: 300,
        severity: Severity::Critical,
        pending: Duration::from_mins(2),
        gone: "50 hours",
    },
    Burn {
        factor: "6",
        long: 6 * HOUR,
        short: 1800,
        severity: Severity::Critical,
        pending: Duration::from_mins(15),
        gone: "5 days",
    },
    Burn {
        factor: "3",
        long: DAY,
        short: 2 * HOUR,
        severity: Severity::Warning,
        pending: Duration::from_hours(1),
        gone: "10 days",
    },
    Burn {
        factor: "1",
        long: 3 * DAY,
        short: 6 * HOUR,
        severity: Severity::Warning,
        pending: Duration::from_hours(3),
        gone: "30 days",
    },
];

/// An objective and its measurement.
struct Slo {
    name: &'static str,
    alert: &'static str,
    /// Percentage of good requests or events.
    objective: Threshold,
    /// Counter of bad requests or events.
    bad: Bad,
    /// Counter of all requests or events, without a window.
    all: String,
    summary: &'static str,
    /// Subject and predicate of the description.
    of: &'static str,
    was: String,
}

enum Bad {
    /// A counter of the bad ones.
    Counted(String),
    /// All that are not in this bucket.
    Slower(String),
}

pub(super) fn groups() -> Vec<Group> {
    [availability(), latency(), freshness()].iter().map(Slo::group).collect()
}

fn availability() -> Slo {
    let requests = "http_server_request_duration_seconds_count";
    Slo {
        name: "availability",
        alert: "EventPipelineAvailabilityBurn",
        objective: Threshold::AvailabilityPercent,
        bad: Bad::Counted(format!(r#"{requests}{{http_response_status_code=~"5.."}}"#)),
        all: requests.to_owned(),
        summary: "Failed requests use up the availability error budget.",
        of: "requests",
        was: "failed".to_owned(),
    }
}

/// Returns the objective for successful creations that wait only for the database.
fn latency() -> Slo {
    let creations = r#"http_request_method="POST", http_route=~"/create-async|/v1/events", http_response_status_code=~"2..""#;
    let requests = "http_server_request_duration_seconds";
    Slo {
        name: "latency",
        alert: "EventPipelineLatencyBurn",
        objective: Threshold::LatencyPercent,
        bad: Bad::Slower(format!("{requests}_bucket{{{creations}, {}}}", bucket(Threshold::LatencySeconds))),
        all: format!("{requests}_count{{{creations}}}"),
        summary: "Slow creations use up the latency error budget.",
        of: "creations",
        was: format!("took longer than {} s", Threshold::LatencySeconds),
    }
}

fn freshness() -> Slo {
    let seconds = "eventpipeline_create_to_value_seconds";
    Slo {
        name: "freshness",
        alert: "EventPipelineFreshnessBurn",
        objective: Threshold::FreshnessPercent,
        bad: Bad::Slower(format!("{seconds}_bucket{{{}}}", bucket(Threshold::FreshnessSeconds))),
        all: format!("{seconds}_count"),
        summary: "Late values use up the freshness error budget.",
        of: "events",
        was: format!("had no value after {} s", Threshold::FreshnessSeconds),
    }
}

impl Slo {
    fn group(&self) -> Group {
        let records = WINDOWS.iter().map(|window| record(self.ratio(*window), self.expr(*window)));
        let alerts = BURNS.iter().map(|burn| Rule::Alert(self.alert(burn)));
        Group { name: format!("eventpipeline.slo.{}", self.name), rules: records.chain(alerts).collect() }
    }

    fn ratio(&self, window: u64) -> String {
        format!("namespace_eventpipeline:slo_{}_bad:ratio_rate{}", self.name, window_name(window))
    }

    fn expr(&self, window: u64) -> String {
        let rate = |counter: &str| format!("sum by ({PIPELINE}) (rate({counter}[{}]))", window_name(window));
        let all = rate(&self.all);
        let bad = match &self.bad {
            // Before the first failure, the series of failures may not exist.
            Bad::Counted(counter) => format!("({} or 0 * {all})", rate(counter)),
            Bad::Slower(bucket) => format!("({all} - {})", rate(bucket)),
        };
        format!("{bad} / ({all} > {})", Threshold::TrafficFloor)
    }

    fn alert(&self, burn: &Burn) -> Alert {
        let Burn { factor, long, short, severity, pending, gone } = *burn;
        let over = |window| format!("{} > {factor} * (100 - {}) / 100", self.ratio(window), self.objective);
        let description = format!(
            "{{{{ $value | humanizePercentage }}}} of the {} of {{{{ $labels.namespace }}}}/{{{{ $labels.eventpipeline }}}} in the \
             last {} {}. At this rate, the error budget of 30 days for an objective of {} % is exhausted in {gone} or less.",
            self.of,
            window_name(long),
            self.was,
            self.objective,
        );
        Alert {
            name: self.alert,
            expr: format!("{} and {}", over(long), over(short)),
            pending,
            severity,
            labels: vec![("slo", self.name.to_owned()), ("window", window_name(long))],
            summary: self.summary,
            description,
            dashboard: Dashboard::Pipeline,
        }
    }
}

fn window_name(seconds: u64) -> String {
    duration(Duration::from_secs(seconds))
}

/// Returns a matcher for the upper bound of a bucket. Prometheus 3 writes `10.0` where Prometheus 2 writes `10`.
fn bucket(seconds: Threshold) -> String {
    format!(r#"le=~"{seconds}(\\.0)?""#)
}
