//! The reference page of the alerts.

use std::fmt::Write as _;

use crate::promql::duration;
use crate::rules::{Rule, RuleFile};

/// Returns the Markdown of docs/reference/alerts.md.
#[must_use]
pub fn alerts_page(file: &RuleFile) -> String {
    let mut page = "# Alerts\n\n\
        The alerts and recorded series of `monitoring/rules.yaml`. `dev/generate.sh` writes this page. Each alert links to its\n\
        runbook. `critical` needs action now, `warning` on the next working day. To change thresholds, see\n\
        [monitoring.md](../operate/monitoring.md#thresholds).\n\n\
        | alert | severity | for | condition |\n|---|---|---|---|\n"
        .to_owned();
    for alert in file.alerts() {
        let severity: &str = alert.severity.into();
        let window = alert.labels.iter().find(|(label, _)| *label == "window");
        let window = window.map(|(_, window)| format!(" ({window})")).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            "| [{0}](../runbooks/{0}.md){window} | {severity} | {1} | `{2}` |",
            alert.name,
            duration(alert.pending),
            alert.expr.replace('|', "\\|"),
        );
    }
    page.push_str("\n# Recorded series\n\n| series | expression |\n|---|---|\n");
    for rule in file.groups.iter().flat_map(|group| &group.rules) {
        if let Rule::Record(record) = rule {
            let _ = writeln!(page, "| `{}` | `{}` |", record.name, record.expr.replace('|', "\\|"));
        }
    }
    page
}
