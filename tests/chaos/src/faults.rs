//! The faults, one after another, as the seed decides.

use std::sync::Arc;
use std::time::Duration;

use eventpipeline_testkit::{Fault, Program, Proxy};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::{Instant, sleep};

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
}

const KINDS: [Kind; 11] = [
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
];
/// About as long as a lease and the time until somebody else has what it was for: some come back while it is being handled
/// again, others when it is done.
const PAST_A_LEASE: Duration = Duration::from_millis(2500);

/// Makes faults for `time`. Each has ended when this returns; a frozen program may still be catching up.
pub(crate) async fn run(pipeline: &Arc<Pipeline>, time: Duration, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let end = Instant::now() + time;
    sleep(Duration::from_secs(2).min(time)).await;
    while Instant::now() < end {
        let Some(kind) = KINDS.choose(&mut random) else { break };
        let luck = random.random_range(0..1000);
        report(*kind, luck);
        happen(pipeline, *kind, luck).await;
        sleep(Duration::from_millis(random.random_range(100..1500))).await;
    }
}

#[expect(clippy::print_stdout, reason = "part of the report")]
fn report(kind: Kind, luck: usize) {
    println!("{kind:?} {luck}");
}

async fn happen(pipeline: &Pipeline, kind: Kind, luck: usize) {
    let consumer = &pipeline.consumers[luck % pipeline.consumers.len()];
    let producer = &pipeline.producers[luck % pipeline.producers.len()];
    let network = &pipeline.proxies[luck % pipeline.proxies.len()];
    let moment = Duration::from_millis(500 + luck as u64);
    let past_a_lease = PAST_A_LEASE + Duration::from_millis(2 * luck as u64);
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
