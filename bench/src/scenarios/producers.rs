//! `POST /create-async` on 1, 2, 4 and 8 producers: with a stock and a tuned server, slower flushes, and a slower network.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::load::{self, Outcome};
use crate::process::Cpu;
use crate::report::{Report, Target};
use crate::system::{Conditions, Counters, Producer, System};
use crate::{Scale, http};

/// Numbers of producers.
const PRODUCERS: [usize; 4] = [1, 2, 4, 8];

/// Number of clients of all producers together, or of each.
#[derive(Debug, Clone, Copy)]
enum Clients {
    Shared(usize),
    Each(usize),
}

/// A series of loads: the same clients and conditions, on more and more producers.
struct Series {
    name: &'static str,
    conditions: Conditions,
    clients: Clients,
    /// Target of the rate of each load relative to the best one on fewer producers.
    growth: Target,
    /// Target of one load relative to that on one producer.
    gain: Option<Gain>,
}

/// A target of a load relative to that on one producer.
#[derive(Debug, Clone, Copy)]
struct Gain {
    producers: usize,
    rate: Target,
    p50: Target,
}

const MILLISECOND: Duration = Duration::from_millis(1);

fn series() -> [Series; 8] {
    let tuned = Conditions::default();
    let stock = Conditions { stock: true, ..tuned };
    let flush = |milliseconds| Conditions { flush: MILLISECOND * milliseconds, ..stock };
    let network = |milliseconds| Conditions { network: MILLISECOND * milliseconds, ..stock };
    let shared = |name, conditions, clients, growth| Series {
        name,
        conditions,
        clients: Clients::Shared(clients),
        growth,
        gain: None,
    };
    let each = |name, conditions, gain| Series {
        name,
        conditions,
        clients: Clients::Each(64),
        growth: Target::None,
        gain,
    };
    let grows = Target::AtLeast(0.95);
    let over_flushes = Gain { producers: 8, rate: Target::AtLeast(5.0), p50: Target::AtMost(1.5) };
    let over_network = Gain { producers: 4, rate: Target::AtLeast(3.0), p50: Target::None };
    [
        shared("stock, 64 clients", stock, 64, Target::None),
        shared("stock, 256 clients", stock, 256, grows),
        shared("tuned, 64 clients", tuned, 64, Target::None),
        shared("tuned, 256 clients", tuned, 256, grows),
        each("flushes 1 ms slower, 64 clients each", flush(1), None),
        each("flushes 4 ms slower, 64 clients each", flush(4), Some(over_flushes)),
        each("network 1 ms each way, 64 clients each", network(1), None),
        each("network 2 ms each way, 64 clients each", network(2), Some(over_network)),
    ]
}

pub(crate) async fn run(programs: &Path, scale: Scale, report: &mut Report) -> anyhow::Result<()> {
    for series in series() {
        let mut loads: Vec<Load> = Vec::new();
        for many in PRODUCERS {
            let load = measure(programs, &series, many, scale, report).await?;
            compare(&series, many, &loads, load, report);
            loads.push(load);
        }
    }
    Ok(())
}

/// Reports a load relative to those on fewer producers.
fn compare(series: &Series, many: usize, fewer: &[Load], load: Load, report: &mut Report) {
    let best = fewer.iter().map(|load| load.rate).reduce(f64::max);
    if let Some(best) = best {
        report.add("  to the best on fewer producers", load.rate / best, "", series.growth, "");
    }
    let gain = series.gain.filter(|gain| gain.producers == many);
    if let (Some(gain), Some(first)) = (gain, fewer.first()) {
        report.add("  to one producer", load.rate / first.rate, "", gain.rate, "");
        report.add("  p50 to one producer", load.p50 / first.p50, "", gain.p50, "");
    }
}

/// The result of a load: creations per second, and their median latency in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Load {
    rate: f64,
    p50: f64,
}

/// Measures a load on a new database.
async fn measure(
    programs: &Path,
    series: &Series,
    many: usize,
    scale: Scale,
    report: &mut Report,
) -> anyhow::Result<Load> {
    let mut system = System::start_under(programs, series.conditions).await?;
    let producers = system.producers(many).await?;
    let clients = match series.clients {
        Clients::Shared(clients) => clients,
        Clients::Each(clients) => clients * many,
    };
    let mut runs = Vec::new();
    for _ in 0..scale.runs {
        runs.push(Run::measure(&mut system, &producers, clients, scale).await?);
    }
    runs.sort_by(|one, other| one.outcome.rate().total_cmp(&other.outcome.rate()));
    runs.truncate(runs.len() / 2 + 1);
    let run = runs.pop().context("nothing was measured")?;
    let load = Load { rate: run.outcome.rate(), p50: run.outcome.quantile(0.5) };
    let name = format!("create-async, {}, {many} producers", series.name);
    report.add(name, load.rate, "events/s", Target::None, run.note());
    let note = format!("p99 {:.2}", run.outcome.quantile(0.99));
    report.add("  p50", load.p50, "ms", Target::None, note);
    Ok(load)
}

/// A load and its cost.
struct Run {
    outcome: Outcome,
    used: Counters,
    /// Busy cores of the server, of all producers, and of the load.
    cores: [f64; 3],
}

impl Run {
    async fn measure(
        system: &mut System,
        producers: &[Producer],
        clients: usize,
        scale: Scale,
    ) -> anyhow::Result<Self> {
        let addresses: Vec<_> = producers.iter().map(|producer| producer.api).collect();
        let before = system.counters().await?;
        let [server, load] = [Cpu::start(system.mysql.pid())?, Cpu::start(std::process::id())?];
        let services: Vec<Cpu> =
            producers.iter().map(|producer| Cpu::start(producer.program.pid())).collect::<Result<_, _>>()?;
        let (request, time) = (http::request("POST", "/create-async"), scale.time(Duration::from_secs(4)));
        let outcome = load::closed(&addresses, request, clients, time).await?;
        ensure!(outcome.failed == 0, "{} of {} were refused", outcome.failed, outcome.succeeded);
        let mut service = 0.0;
        for cpu in &services {
            service += cpu.cores()?;
        }
        let cores = [server.cores()?, service, load.cores()?];
        Ok(Self { outcome, used: system.counters().await?.since(before), cores })
    }

    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    fn note(&self) -> String {
        let (used, [server, producers, load]) = (self.used, self.cores);
        let events = self.outcome.succeeded as f64;
        format!(
            "{:.1} events per commit, {:.0} commits/s, {:.2} lock waits per commit; cores busy: mysqld {server:.2}, \
             producers {producers:.2}, load {load:.2}",
            events / used.commits,
            used.commits / self.outcome.took.as_secs_f64(),
            used.lock_waits / used.commits,
        )
    }
}
