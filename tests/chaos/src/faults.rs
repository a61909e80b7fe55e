//! The faults, one after another and two at a time, as the seed decides, with quiet phases in between.

mod database;
mod kind;
mod probe;
mod programs;
mod wakeups;

use std::sync::Arc;
use std::time::Duration;

use eventpipeline_chaos::{QuietPhase, Recorder, now};
use eventpipeline_testkit::{Fault, Program, Proxy};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::{Instant, sleep};

use self::database::Hold;
pub(crate) use self::kind::Kind;
use crate::pipeline::Pipeline;

/// Longer than the programs' limit for an operation (10 s) and than a lease. One fault in [`LONG_RATIO`] lasts for this time.
const LONG: Duration = Duration::from_secs(12);
const LONG_RATIO: u32 = 12;
/// Number of faults between two quiet phases.
const BETWEEN_QUIET_PHASES: usize = 12;
/// Time for the effects of a fault to end: a lease, the limit of an operation, and a margin for busy machines.
const AFTERMATH: Duration = Duration::from_secs(20);
/// Length of the loaded part of a quiet phase.
const QUIET: Duration = Duration::from_secs(3);
/// Time in which every event must end without faults and without load. A lease, the reclaimer's pause and the backoff of
/// failed attempts take some seconds together; the rest is a margin for machines that are ten times slower.
const QUIET_LIMIT: Duration = Duration::from_mins(1);
/// About a lease and the time until another consumer has the event. Some frozen consumers come back while it is handled
/// again, others after it is done.
const PAST_A_LEASE: Duration = Duration::from_millis(2500);
/// Offsets of the database's clock in seconds, longer and shorter than a lease.
const CLOCK_OFFSETS: [i64; 4] = [15, -15, 5, -5];

/// The faults of a run.
pub(crate) struct Plan {
    pub(crate) time: Duration,
    pub(crate) seed: u64,
    /// The kinds of faults; empty for all.
    pub(crate) kinds: Vec<Kind>,
}

/// Causes faults as planned. Each has ended when this returns; a frozen program may still be catching up.
pub(crate) async fn run(pipeline: &Arc<Pipeline>, recorder: &Recorder, plan: &Plan) {
    let mut random = StdRng::seed_from_u64(plan.seed);
    let all = Kind::all(pipeline.builds.previous.is_some());
    let (time, kinds) = (plan.time, if plan.kinds.is_empty() { &all } else { &plan.kinds });
    let end = Instant::now() + time;
    sleep(Duration::from_secs(2).min(time)).await;
    for number in 1_usize.. {
        if Instant::now() >= end {
            break;
        }
        let (Some(kind), Some(other)) = (kinds.choose(&mut random), kinds.choose(&mut random)) else { break };
        let (roll, long) = (random.random_range(0..1000), random.random_ratio(1, LONG_RATIO));
        if random.random_ratio(1, 4) && !kind.conflicts_with(*other) {
            report(&[*kind, *other], roll, long);
            tokio::join!(cause(pipeline, *kind, roll, long), cause(pipeline, *other, roll, false));
        } else {
            report(&[*kind], roll, long);
            let probe = async {
                // The consumers of the previous version may be delayed by foreign locks.
                if matches!(kind, Kind::LockEvents) && pipeline.builds.previous.is_none() {
                    probe::run(pipeline, recorder).await;
                }
            };
            tokio::join!(cause(pipeline, *kind, roll, long), probe);
        }
        sleep(Duration::from_millis(random.random_range(100..1500))).await;
        if number.is_multiple_of(BETWEEN_QUIET_PHASES) {
            quiet_phase(pipeline, recorder).await;
        }
    }
    quiet_phase(pipeline, recorder).await;
}

/// Waits until the effects of earlier faults end, keeps the load on for a while, and measures how soon all due events are
/// done. In an upgrade it first rolls all programs to the current version, because only that version guarantees this.
#[expect(clippy::print_stdout, reason = "part of the report")]
async fn quiet_phase(pipeline: &Pipeline, recorder: &Recorder) {
    if pipeline.builds.previous.is_some() {
        programs::roll(pipeline, &pipeline.builds.current).await;
    }
    sleep(AFTERMATH).await;
    let from = now();
    sleep(QUIET).await;
    pipeline.set_load(false);
    let idle_after_seconds = pipeline.idle_within(QUIET_LIMIT).await;
    pipeline.set_load(true);
    match idle_after_seconds {
        Some(seconds) => println!("quiet phase: all events ended within {seconds} s"),
        None => println!("quiet phase: events were unfinished after {} s", QUIET_LIMIT.as_secs()),
    }
    recorder.lock().quiet_phases.push(QuietPhase { from, to: now(), idle_after_seconds });
}

#[expect(clippy::print_stdout, reason = "part of the report")]
fn report(kinds: &[Kind], roll: usize, long: bool) {
    println!("{kinds:?} {roll}{}", if long { " long" } else { "" });
}

/// Causes one fault. If it is `long` and has a duration, it exceeds every limit of the programs.
async fn cause(pipeline: &Pipeline, kind: Kind, roll: usize, long: bool) {
    let consumer = &pipeline.consumers[roll % pipeline.consumers.len()];
    let producer = &pipeline.producers[roll % pipeline.producers.len()];
    let network = &pipeline.proxies[roll % pipeline.proxies.len()];
    let build = pipeline.builds.pick(roll / 10);
    let moment = Duration::from_millis(500 + roll as u64);
    let past_a_lease = PAST_A_LEASE + Duration::from_millis(2 * roll as u64);
    let [moment, past_a_lease] = if long { [LONG; 2] } else { [moment, past_a_lease] };
    match kind {
        Kind::KillConsumer => consumer.restart(build, Program::kill9).await,
        Kind::KillProducer => producer.restart(build, Program::kill9).await,
        Kind::EndConsumer => consumer.restart(build, Program::terminate).await,
        Kind::EndProducer => producer.restart(build, Program::terminate).await,
        Kind::RollForward => programs::roll(pipeline, &pipeline.builds.current).await,
        Kind::RollBack => programs::roll(pipeline, pipeline.builds.pick(1)).await,
        Kind::FreezeConsumer => programs::freeze(consumer, past_a_lease).await,
        Kind::FreezeProducer => programs::freeze(producer, moment).await,
        Kind::KillDatabase => database::kill(pipeline, moment).await,
        Kind::FreezeDatabase => {
            pipeline.mysql.freeze();
            sleep(moment).await;
            pipeline.mysql.thaw();
        }
        Kind::CutNetwork => disturb(network, Fault::Cut, moment).await,
        // Writes of a consumer arrive after another one may have claimed the event.
        Kind::StallNetwork => disturb(network, Fault::Stalled, past_a_lease).await,
        Kind::SlowNetwork => {
            disturb(network, Fault::Slow(Duration::from_millis(5 + roll as u64 / 20)), moment).await;
        }
        Kind::LoseResponses => {
            network.set(Fault::Mute);
            sleep(moment).await;
            // Short enough that a program can connect again at once.
            disturb(network, Fault::Cut, Duration::from_millis(1)).await;
        }
        Kind::LockEvents => caused(database::hold(pipeline, Hold::Events, probe::LIMIT).await),
        Kind::LockCounter => caused(database::hold(pipeline, Hold::Counter, past_a_lease).await),
        Kind::KeepSnapshot => caused(database::hold(pipeline, Hold::Snapshot, past_a_lease).await),
        Kind::RefuseWrites => caused(database::refuse_writes(pipeline, past_a_lease).await),
        Kind::EndConnections => caused(database::end_connections(pipeline).await),
        Kind::RefuseConnections => caused(database::refuse_connections(pipeline, moment).await),
        Kind::StepClock => {
            let offset = CLOCK_OFFSETS[roll % CLOCK_OFFSETS.len()];
            caused(database::step_clock(pipeline, offset, past_a_lease).await);
        }
        Kind::FillDisk => caused(database::fill_disk(pipeline, past_a_lease).await),
        Kind::ForgeWakeups => caused(wakeups::forge(pipeline, moment).await),
    }
}

/// Reports a fault that failed: the run proves less without it.
#[expect(clippy::print_stdout, reason = "part of the report")]
fn caused<E: std::fmt::Display>(result: Result<(), E>) {
    if let Err(error) = result {
        println!("failed to cause or to end that fault: {error}");
    }
}

async fn disturb(network: &Proxy, fault: Fault, time: Duration) {
    network.set(fault);
    sleep(time).await;
    network.set(Fault::None);
}
