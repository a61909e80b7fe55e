//! Rules about variables.

use serde_json::Value;

use super::Findings;
use crate::promql::parse;

const FUNCTIONS: [&str; 4] = ["label_names", "label_values", "metrics", "query_result"];

fn variables(dashboard: &Value) -> impl Iterator<Item = &Value> {
    dashboard["templating"]["list"].as_array().unwrap().iter()
}

/// There must be one variable for a Prometheus data source.
pub(super) fn datasource(dashboard: &Value) -> Findings {
    let sources: Vec<&Value> = variables(dashboard).filter(|it| it["type"] == "datasource").collect();
    match sources[..] {
        [one]
            if one["name"] == "datasource"
                && one["label"] == "Data source"
                && one["query"] == "prometheus" =>
        {
            Vec::new()
        }
        _ => vec![format!("its data sources are {sources:?}")],
    }
}

pub(super) fn job(dashboard: &Value) -> Findings {
    choice(dashboard, "job", "Job")
}

pub(super) fn instance(dashboard: &Value) -> Findings {
    choice(dashboard, "instance", "Instance")
}

fn choice(dashboard: &Value, name: &str, label: &str) -> Findings {
    let Some(variable) = variables(dashboard).find(|it| it["name"] == name) else {
        return vec![format!("no variable {name}")];
    };
    let right = variable["datasource"]["uid"] == "${datasource}"
        && variable["type"] == "query"
        && variable["label"] == label
        && variable["multi"] == true
        && variable["allValue"] == ".+";
    if right { Vec::new() } else { vec![format!("{name} is {variable}")] }
}

pub(super) fn label_promql(dashboard: &Value) -> Findings {
    let queries =
        variables(dashboard).filter(|it| it["type"] == "query").map(|it| it["query"].as_str().unwrap());
    let wrong = |query: &&str| {
        let call = query.split_once('(').zip(query.rsplit_once(')'));
        let Some(((function, rest), _)) = call else { return true };
        let Some((selector, _label)) = rest.rsplit_once(", ") else { return true };
        !FUNCTIONS.contains(&function) || parse(selector).is_err()
    };
    queries.filter(wrong).map(str::to_owned).collect()
}

/// Variables must reload on a change of the time range.
pub(super) fn reload(dashboard: &Value) -> Findings {
    let wrong = variables(dashboard).filter(|it| it["type"] == "query" && it["refresh"] != 2);
    wrong.map(ToString::to_string).collect()
}
