//! One operator at a time: who holds the Lease works, the others stand by.
//!
//! The Lease is only written over the version that was read, so that two can't both win. Who holds it stops believing so
//! well before others may take it, by its own clock and without a call; it then writes nothing more and ends with an
//! error, so that nothing that was begun goes on. Who ends in order gives it back, for others to take at once.

mod custody;
mod lease;
mod term;

use std::time::Duration;

use eventpipeline_service::{Check, error_chain, registered};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::PostParams;
use kube::core::{ObjectMeta, Status};
use kube::{Api, Client};
use prometheus::{IntGauge, IntGaugeVec, Opts, Registry};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::cli::ElectionArgs;
pub(crate) use custody::{ASSIGNED, Custodian, Custody};
use lease::{Turn, Watch};
pub(crate) use term::Term;

/// How long a call may take while nothing depends on it.
const LIMIT: Duration = Duration::from_secs(5);

/// Why the Lease can't be read or written.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("failed to {action} the Lease")]
    Call { action: &'static str, source: Box<kube::Error> },
    #[error("failed to {action} the Lease: no answer within {} s", LIMIT.as_secs())]
    Late { action: &'static str },
}

impl Error {
    /// Whether the Lease may have been written all the same.
    fn leaves_doubt(&self) -> bool {
        match self {
            Self::Call { action, source } => {
                *action != "read" && !matches!(source.as_ref(), kube::Error::Api(status) if status.code < 500)
            }
            Self::Late { action } => *action != "read",
        }
    }

    fn is(&self, reason: impl Fn(&Status) -> bool) -> bool {
        matches!(self, Self::Call { source, .. } if matches!(source.as_ref(), kube::Error::Api(status) if reason(status)))
    }
}

/// Why this process leads no longer.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("another operator has taken the Lease")]
    Taken,
    #[error("the Lease could not be renewed in time")]
    Expired,
}

/// Who leads, as a metric under controller-runtime's name.
pub(crate) struct Leads(IntGaugeVec);

impl Leads {
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        let options = Opts::new(
            "leader_election_master_status",
            "1 in the process that leads, 0 in the others; name is the Lease's.",
        );
        Ok(Self(registered(registry, IntGaugeVec::new(options, &["name"]))?))
    }

    /// Of a Lease.
    pub(crate) fn of(&self, lease_name: &str) -> IntGauge {
        self.0.with_label_values(&[lease_name])
    }
}

/// This process as a candidate.
pub(crate) struct Election {
    leases: Api<Lease>,
    name: String,
    me: String,
    seconds: i32,
    term: Term,
    status: IntGauge,
    watch: Watch,
}

impl Election {
    /// `pod_name` begins its name as a candidate. None: it is the only one, and leads without an end.
    pub(crate) fn new(
        client: Client,
        args: ElectionArgs,
        pod_name: &str,
        leads: &Leads,
    ) -> anyhow::Result<Option<Self>> {
        let ElectionArgs { lease_namespace, lease_name, lease_seconds } = args;
        let status = leads.of(&lease_name);
        let Some(namespace) = lease_namespace else {
            status.set(1);
            return Ok(None);
        };
        Ok(Some(Self {
            leases: Api::namespaced(client, &namespace),
            name: lease_name,
            // A process that starts anew in the same pod is another one.
            me: format!("{pod_name}_{:016x}", rand::random::<u64>()),
            seconds: i32::try_from(lease_seconds)?,
            term: Term::none(),
            status,
            watch: Watch::default(),
        }))
    }

    /// Whether this process leads, for all who write.
    pub(crate) fn term(&self) -> Term {
        self.term.clone()
    }

    /// Stands by until it leads, and works then. The work is dropped where it stands when the Lease is lost.
    pub(crate) async fn lead(
        mut self,
        work: impl Future<Output = anyhow::Result<()>>,
        check: Check,
        draining: CancellationToken,
    ) -> anyhow::Result<()> {
        let Some(mut held) = self.acquire(&check, &draining).await else { return Ok(()) };
        self.status.set(1);
        info!(lease = self.name, me = self.me, "leads");
        let result = tokio::select! {
            // First: what comes after the end of a term must not begin.
            biased;
            lost = self.hold(&mut held) => {
                self.term.end();
                self.status.set(0);
                return Err(anyhow::Error::new(lost).context("this operator leads no longer"));
            }
            result = work => result,
        };
        self.release(held).await;
        result
    }

    /// How often the Lease is renewed, or asked for.
    fn pause(&self) -> Duration {
        self.duration() / 5
    }

    fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds.unsigned_abs().into())
    }

    /// For how long a renewal is believed in: others wait a third longer, counted from when they have seen it.
    fn belief(&self) -> Duration {
        self.duration() * 2 / 3
    }

    /// The Lease; none if this process is to end before it has it. An attempt that has begun is never cut off: what is
    /// written and not known to be would keep all others waiting.
    async fn acquire(&mut self, check: &Check, draining: &CancellationToken) -> Option<Lease> {
        let mut in_doubt = false;
        while !draining.is_cancelled() {
            let sent = Instant::now();
            match self.attempt().await {
                Ok(Some(held)) => {
                    self.term.until(sent + self.belief());
                    return Some(held);
                }
                // To be ready to take over is what it is there for.
                Ok(None) => {
                    in_doubt = false;
                    check.ready();
                }
                Err(error) => {
                    in_doubt |= error.leaves_doubt();
                    check.not_ready(error_chain(&error));
                }
            }
            tokio::select! {
                () = sleep(self.pause()) => {}
                () = draining.cancelled() => {}
            }
        }
        if in_doubt && let Some(ours) = self.read().await.ok().flatten().filter(|lease| self.is_mine(lease)) {
            self.release(ours).await;
        }
        None
    }

    async fn read(&self) -> Result<Option<Lease>, Error> {
        call("read", self.leases.get_opt(&self.name)).await
    }

    fn is_mine(&self, lease: &Lease) -> bool {
        lease::holder(lease) == Some(&self.me)
    }

    /// The Lease, if it is ours now.
    async fn attempt(&mut self) -> Result<Option<Lease>, Error> {
        let Some(lease) = self.read().await? else {
            let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
            let spec = lease::taken(None, &self.me, self.seconds, Timestamp::now());
            let lease = Lease { metadata, spec: Some(spec) };
            return won(call("create", self.leases.create(&PostParams::default(), &lease)).await);
        };
        match self.watch.turn(&lease, Instant::now()) {
            // Taken by a write of ours whose answer was lost.
            _ if self.is_mine(&lease) => won(self.write("take", lease).await),
            Turn::Wait => Ok(None),
            Turn::Take => {
                let spec = lease::taken(lease.spec.as_ref(), &self.me, self.seconds, Timestamp::now());
                won(self.write("take", Lease { spec: Some(spec), ..lease }).await)
            }
        }
    }

    /// Renews the Lease until that has not gone well for too long.
    async fn hold(&self, held: &mut Lease) -> Lost {
        loop {
            sleep(self.pause()).await;
            match timeout(self.term.left(), self.renew(held)).await {
                Ok(Ok(Some(sent))) => self.term.until(sent + self.belief()),
                Ok(Ok(None)) => return Lost::Taken,
                Ok(Err(error)) => {
                    warn!(error = error_chain(&error), "failed to renew the Lease; it is tried again");
                }
                Err(_) => return Lost::Expired,
            }
        }
    }

    /// When the renewal was sent that went well; none if the Lease is ours no longer.
    async fn renew(&self, held: &mut Lease) -> Result<Option<Instant>, Error> {
        loop {
            if let Some(spec) = &mut held.spec {
                lease::renew(spec, Timestamp::now());
            }
            let sent = Instant::now();
            match self.write("renew", held.clone()).await {
                Ok(renewed) => {
                    *held = renewed;
                    return Ok(Some(sent));
                }
                // A renewal whose answer was lost: others count from when it was stored, which may be long ago. It is
                // renewed once more. Or somebody else's.
                Err(error) if error.is(Status::is_conflict) => {
                    match self.read().await?.filter(|now| self.is_mine(now)) {
                        Some(ours) => *held = ours,
                        None => return Ok(None),
                    }
                }
                // Who deleted it has ended our term: another one may have begun.
                Err(error) if error.is(|status| status.code == 404) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    async fn release(&self, mut held: Lease) {
        if let Some(spec) = &mut held.spec {
            lease::give_back(spec, Timestamp::now());
        }
        match self.write("give back", held).await {
            Ok(_) => info!(lease = self.name, "gave the Lease back"),
            Err(error) => {
                warn!(error = error_chain(&error), "failed to give the Lease back; it ends by itself")
            }
        }
        self.term.end();
        self.status.set(0);
    }

    /// Over the version that was read, and no other.
    async fn write(&self, action: &'static str, lease: Lease) -> Result<Lease, Error> {
        call(action, self.leases.replace(&self.name, &PostParams::default(), &lease)).await
    }
}

/// The Lease, unless somebody was quicker.
fn won(written: Result<Lease, Error>) -> Result<Option<Lease>, Error> {
    match written {
        Ok(lease) => Ok(Some(lease)),
        Err(error) if error.is(|status| status.code == 409) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn call<T>(
    action: &'static str,
    call: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Error> {
    match timeout(LIMIT, call).await {
        Ok(result) => result.map_err(|source| Error::Call { action, source: Box::new(source) }),
        Err(_) => Err(Error::Late { action }),
    }
}
