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
}

const MILLISECOND: Duration = Duration::from_millis(1);

fn series() -> [Series; 8] {
    let tuned = Conditions::default();
    let stock = Conditions { stock: true, ..tuned };
    let flush = |milliseconds| Conditions { flush: MILLISECOND * milliseconds, ..stock };
    let network = |milliseconds| Conditions { network: MILLISECOND * milliseconds, ..stock };
    let (shared, each) = (Clients::Shared, Clients::Each);
    let (grows, any) = (Target::AtLeast(0.95), Target::None);
    [
        Series { name: "stock, 64 clients", conditions: stock, clients: shared(64), growth: any },
        Series { name: "stock, 256 clients", conditions: stock, clients: shared(256), growth: grows },
        Series { name: "tuned, 64 clients", conditions: tuned, clients: shared(64), growth: any },
        Series { name: "tuned, 256 clients", conditions: tuned, clients: shared(256), growth: grows },
        Series {
            name: "flushes 1 ms slower, 64 clients each",
            conditions: flush(1),
            clients: each(64),
            growth: any,
        },
        Series {
            name: "flushes 4 ms slower, 64 clients each",
            conditions: flush(4),
            clients: each(64),
            growth: any,
        },
        Series {
            name: "network 1 ms each way, 64 clients each",
            conditions: network(1),
            clients: each(64),
            growth: any,
        },
        Series {
            name: "network 2 ms each way, 64 clients each",
            conditions: network(2),
            clients: each(64),
            growth: any,
        },
    ]
}

pub(crate) async fn run(programs: &Path, scale: Scale, report: &mut Report) -> anyhow::Result<()> {
    for series in series() {
        let mut best = 0.0_f64;
        for many in PRODUCERS {
            let rate = measure(programs, &series, many, scale, report).await?;
            if best > 0.0 {
                report.add("  to the best on fewer producers", rate / best, "", series.growth, "");
            }
            best = best.max(rate);
        }
    }
    Ok(())
}

/// Measures a load on a new database, and returns the creations per second.
async fn measure(
    programs: &Path,
    series: &Series,
    many: usize,
    scale: Scale,
    report: &mut Report,
) -> anyhow::Result<f64> {
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
    let (rate, name) = (run.outcome.rate(), format!("create-async, {}, {many} producers", series.name));
    report.add(name, rate, "events/s", Target::None, run.note());
    let note = format!("p99 {:.2}", run.outcome.quantile(0.99));
    report.add("  p50", run.outcome.quantile(0.5), "ms", Target::None, note);
    Ok(rate)
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
