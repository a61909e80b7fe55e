//! The operator's program against a real API server: objects are stored, defaulted, validated and watched. Nothing runs
//! them: where a test needs a pod that is ready or a Job that has succeeded, it writes that status itself.

#[cfg(test)]
mod causes;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod defaults;
#[cfg(test)]
mod deletion;
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
mod metrics;
#[cfg(test)]
mod names;
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
mod routes;
#[cfg(test)]
mod scale;
#[cfg(test)]
mod start;
#[cfg(test)]
mod trust;
#[cfg(test)]
mod volume;
