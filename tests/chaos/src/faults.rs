//! The faults, one after another and two at a time, as the seed decides, with times of calm in between.

mod database;
mod hints;
mod probe;

use std::sync::Arc;
use std::time::Duration;

use eventpipeline_chaos::{Calm, Recorder, now};
use eventpipeline_testkit::{Fault, Program, Proxy};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::{Instant, sleep};

use self::database::Hold;
use crate::pipeline::{Member, Pipeline};

/// What can go wrong.
#[derive(Debug, Clone, Copy)]
enum Kind {
    KillConsumer,
    KillProducer,
    KillDatabase,
    EndConsumer,
    EndProducer,
    FreezeConsumer,
    FreezeProducer,
    FreezeDatabase,
    CutNetwork,
    StallNetwork,
    SlowNetwork,
    /// Foreign transactions, shorter and longer than a lease.
    LockEvents,
    LockCounter,
    KeepSnapshot,
    RefuseWrites,
    EndConnections,
    RefuseConnections,
    ForgeHints,
}

const KINDS: [Kind; 18] = [
    Kind::KillConsumer,
    Kind::KillProducer,
    Kind::KillDatabase,
    Kind::EndConsumer,
    Kind::EndProducer,
    Kind::FreezeConsumer,
    Kind::FreezeProducer,
    Kind::FreezeDatabase,
    Kind::CutNetwork,
    Kind::StallNetwork,
    Kind::SlowNetwork,
    Kind::LockEvents,
    Kind::LockCounter,
    Kind::KeepSnapshot,
    Kind::RefuseWrites,
    Kind::EndConnections,
    Kind::RefuseConnections,
    Kind::ForgeHints,
];
/// Longer than the programs' limit of an operation (10 s) and than a lease, as one fault in [`LONG_RATIO`] is.
const LONG: Duration = Duration::from_secs(12);
const LONG_RATIO: u32 = 12;
/// The number of faults between two times of calm.
const BETWEEN_CALMS: usize = 12;
/// How long the effects of a fault may last: a lease, the limit of an operation, and what a busy machine adds.
const AFTERMATH: Duration = Duration::from_secs(20);
/// How long a time of calm under load is.
const CALM: Duration = Duration::from_secs(3);
/// How long every event may take to end when nothing fails and nobody asks for more: at most a lease, the keepers' pause and
/// the pauses of failed attempts, some seconds together. The rest is for machines that are ten times slower than usual.
pub(crate) const REST_BOUND: Duration = Duration::from_mins(1);
/// About as long as a lease and the time until somebody else has what it was for: some come back while it is being handled
/// again, others when it is done.
const PAST_A_LEASE: Duration = Duration::from_millis(2500);

/// Makes faults for `time`. Each has ended when this returns; a frozen program may still be catching up.
pub(crate) async fn run(pipeline: &Arc<Pipeline>, recorder: &Recorder, time: Duration, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let end = Instant::now() + time;
    sleep(Duration::from_secs(2).min(time)).await;
    for number in 1_usize.. {
        if Instant::now() >= end {
            break;
        }
        let (Some(kind), Some(other)) = (KINDS.choose(&mut random), KINDS.choose(&mut random)) else { break };
        let (luck, long) = (random.random_range(0..1000), random.random_ratio(1, LONG_RATIO));
        if random.random_ratio(1, 4) && kind.target() != other.target() {
            report(&[*kind, *other], luck, long);
            tokio::join!(happen(pipeline, *kind, luck, long), happen(pipeline, *other, luck, false));
        } else {
            report(&[*kind], luck, long);
            let probe = async {
                if matches!(kind, Kind::LockEvents) {
                    probe::run(pipeline, recorder).await;
                }
            };
            tokio::join!(happen(pipeline, *kind, luck, long), probe);
        }
        sleep(Duration::from_millis(random.random_range(100..1500))).await;
        if number.is_multiple_of(BETWEEN_CALMS) {
            be_calm(pipeline, recorder).await;
        }
    }
    be_calm(pipeline, recorder).await;
}

/// Lets the effects of earlier faults end, goes on under load for a while, and then sees how soon all that is due is done.
#[expect(clippy::print_stdout, reason = "part of the report")]
async fn be_calm(pipeline: &Pipeline, recorder: &Recorder) {
    sleep(AFTERMATH).await;
    let from = now();
    sleep(CALM).await;
    pipeline.set_load(false);
    let rest_seconds = pipeline.until_ended(REST_BOUND).await;
    pipeline.set_load(true);
    println!("calm: all events ended after {rest_seconds:?} s");
    recorder.lock().calms.push(Calm { from, to: now(), rest_seconds });
}

/// The part that a fault concerns: two at a time must not end each other's.
#[derive(PartialEq, Eq)]
enum Target {
    Consumer,
    Producer,
    Database,
    Network,
    Hints,
}

impl Kind {
    fn target(self) -> Target {
        match self {
            Self::KillConsumer | Self::EndConsumer | Self::FreezeConsumer => Target::Consumer,
            Self::KillProducer | Self::EndProducer | Self::FreezeProducer => Target::Producer,
            Self::CutNetwork | Self::StallNetwork | Self::SlowNetwork => Target::Network,
            Self::ForgeHints => Target::Hints,
            _ => Target::Database,
        }
    }
}

#[expect(clippy::print_stdout, reason = "part of the report")]
fn report(kinds: &[Kind], luck: usize, long: bool) {
    println!("{kinds:?} {luck}{}", if long { " long" } else { "" });
}

/// Makes one fault; a `long` one lasts for longer than any limit of the programs, where it has a length.
async fn happen(pipeline: &Pipeline, kind: Kind, luck: usize, long: bool) {
    let consumer = &pipeline.consumers[luck % pipeline.consumers.len()];
    let producer = &pipeline.producers[luck % pipeline.producers.len()];
    let network = &pipeline.proxies[luck % pipeline.proxies.len()];
    let moment = Duration::from_millis(500 + luck as u64);
    let past_a_lease = PAST_A_LEASE + Duration::from_millis(2 * luck as u64);
    let [moment, past_a_lease] = if long { [LONG; 2] } else { [moment, past_a_lease] };
    match kind {
        Kind::KillConsumer => again(pipeline, consumer, Program::kill9).await,
        Kind::KillProducer => again(pipeline, producer, Program::kill9).await,
        Kind::EndConsumer => again(pipeline, consumer, Program::terminate).await,
        Kind::EndProducer => again(pipeline, producer, Program::terminate).await,
        Kind::KillDatabase => {
            pipeline.mysql.kill9();
            sleep(moment).await;
            pipeline.mysql.restart().await;
        }
        Kind::FreezeConsumer => freeze(consumer, past_a_lease).await,
        Kind::FreezeProducer => freeze(producer, moment).await,
        Kind::FreezeDatabase => {
            pipeline.mysql.freeze();
            sleep(moment).await;
            pipeline.mysql.thaw();
        }
        Kind::CutNetwork => disturb(network, Fault::Cut, moment).await,
        // What a consumer sent before arrives when the event may be somebody else's.
        Kind::StallNetwork => disturb(network, Fault::Stalled, past_a_lease).await,
        Kind::SlowNetwork => {
            disturb(network, Fault::Slow(Duration::from_millis(5 + luck as u64 / 20)), moment).await;
        }
        Kind::LockEvents => seen(database::hold(pipeline, Hold::Events, probe::BOUND).await),
        Kind::LockCounter => seen(database::hold(pipeline, Hold::Counter, past_a_lease).await),
        Kind::KeepSnapshot => seen(database::hold(pipeline, Hold::Snapshot, past_a_lease).await),
        Kind::RefuseWrites => seen(database::refuse_writes(pipeline, past_a_lease).await),
        Kind::EndConnections => seen(database::end_connections(pipeline).await),
        Kind::RefuseConnections => seen(database::refuse_connections(pipeline, moment).await),
        Kind::ForgeHints => seen(hints::forge(pipeline, moment).await),
    }
}

/// A fault that could not be made is part of the report: the run proves less than it says.
#[expect(clippy::print_stdout, reason = "part of the report")]
fn seen<E: std::fmt::Display>(made: Result<(), E>) {
    if let Err(error) = made {
        println!("that fault was not made, or not undone: {error}");
    }
}

async fn again(pipeline: &Pipeline, member: &Member, end: impl FnOnce(&Program)) {
    member.with(end).await;
    member.start_again(pipeline.programs()).await;
}

async fn freeze(member: &Member, time: Duration) {
    member.with(Program::freeze).await;
    sleep(time).await;
    member.with(Program::thaw).await;
}

async fn disturb(network: &Proxy, fault: Fault, time: Duration) {
    network.set(fault);
    sleep(time).await;
    network.set(Fault::None);
}
