//! End-to-end tests on a real cluster: `make e2e`.

mod autoscaling;
mod crashes;
mod database_template;
mod helm_test;
mod lifecycle;
mod monitoring;
mod one_namespace;
mod polyglot;
mod refusals;
mod roles;
mod rollouts;
mod scale_in;
mod suspend;
mod traffic;
