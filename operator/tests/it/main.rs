//! Tests of the operator's program with a real API server, which stores, defaults, validates and watches
//! objects. No controllers run. If a test needs a ready pod or a completed Job, it writes that status itself.

#[cfg(test)]
mod causes;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod defaults;
#[cfg(test)]
mod deletion;
#[cfg(test)]
mod drift;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod handover;
#[cfg(test)]
mod invalid;
#[cfg(test)]
mod leadership;
#[cfg(test)]
mod lint;
#[cfg(test)]
mod lint_fuzz;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod mutator;
#[cfg(test)]
mod names;
#[cfg(test)]
mod namespaces;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod overlap;
#[cfg(test)]
mod pod_security;
#[cfg(test)]
mod programs;
#[cfg(test)]
mod queue;
#[cfg(test)]
mod reconcile;
#[cfg(test)]
mod role;
#[cfg(test)]
mod rollouts;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod scale;
#[cfg(test)]
mod schema_job;
#[cfg(test)]
mod start;
#[cfg(test)]
mod trust;
#[cfg(test)]
mod volume;
