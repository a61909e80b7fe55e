//! Checks of the dashboards and rules: Grafana's own lint rules, promtool, their runbooks, and a Prometheus that scrapes the
//! real programs under load.

#[cfg(test)]
mod committed;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod lint;
#[cfg(test)]
mod live;
#[cfg(test)]
mod manifest;
#[cfg(test)]
mod promql;
#[cfg(test)]
mod promtool;
#[cfg(test)]
mod runbooks;
mod schema;
