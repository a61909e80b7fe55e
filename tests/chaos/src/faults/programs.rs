//! Faults of producers and consumers.

use std::time::Duration;

use eventpipeline_testkit::Program;
use tokio::time::sleep;

use crate::builds::Build;
use crate::member::Member;
use crate::pipeline::Pipeline;

/// Replaces all programs, one at a time, by those of a build, as a rolling update does.
pub(super) async fn roll(pipeline: &Pipeline, build: &Build) {
    for member in pipeline.producers.iter().chain(&pipeline.consumers) {
        member.restart(build, Program::terminate).await;
    }
}

/// Stops a program for `time`.
pub(super) async fn freeze(member: &Member, time: Duration) {
    member.with(Program::freeze).await;
    sleep(time).await;
    member.with(Program::thaw).await;
}
