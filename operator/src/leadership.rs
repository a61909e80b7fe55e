//! Leader election: the holder of the Lease works, all other operators stand by.
//!
//! A Lease is only written over the version that was read, so two candidates cannot both win. The holder
//! stops considering itself the leader well before others may take the Lease, by its own clock and without a
//! call. It then writes nothing more and ends with an error, so that none of its work continues. On a clean
//! shutdown it releases the Lease, and another operator takes over at once.

mod args;
mod call;
mod custody;
mod lease;

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

use crate::api::Term;
pub(crate) use args::ElectionArgs;
use call::{Error, call, won};
pub(crate) use custody::{ASSIGNED, Custodian, Custody};
use lease::{LeaseObserver, Turn};

/// Reason why this process no longer leads.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("another operator has taken the Lease")]
    Taken,
    #[error("the Lease could not be renewed in time")]
    Expired,
}

/// Metric of leadership, under controller-runtime's name.
pub(crate) struct Leads(IntGaugeVec);

impl Leads {
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        let options = Opts::new(
            "leader_election_master_status",
            "Gauge of if the reporting system is master of the relevant lease, 0 indicates backup, 1 indicates master. \
             'name' is the string used to identify the lease.",
        );
        Ok(Self(registered(registry, IntGaugeVec::new(options, &["name"]))?))
    }

    /// Returns the gauge of a Lease.
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
    observer: LeaseObserver,
}

impl Election {
    /// Creates a candidate. Returns `None` if no Lease is configured: the process then is the only operator
    /// and leads forever. `pod_name` is the prefix of the holder identity.
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
            // A restarted container of the same pod is a different candidate.
            me: format!("{pod_name}_{:016x}", rand::random::<u64>()),
            seconds: i32::try_from(lease_seconds)?,
            term: Term::none(),
            status,
            observer: LeaseObserver::default(),
        }))
    }

    /// Returns the term, which guards every write.
    pub(crate) fn term(&self) -> Term {
        self.term.clone()
    }

    /// Stands by until this process leads, then runs `work`. If the Lease is lost, drops `work` at once.
    pub(crate) async fn lead(
        mut self,
        work: impl Future<Output = anyhow::Result<()>>,
        check: Check,
        draining: CancellationToken,
    ) -> anyhow::Result<()> {
        let Some(mut held) = self.acquire(&check, &draining).await else { return Ok(()) };
        self.status.set(1);
        info!(lease = self.name, me = self.me, "acquired the Lease; leading");
        let result = tokio::select! {
            // Polled first: no work may begin after the end of the term.
            biased;
            lost = self.hold(&mut held) => {
                self.term.end();
                self.status.set(0);
                return Err(anyhow::Error::new(lost).context("this operator no longer leads"));
            }
            result = work => result,
        };
        self.release(held).await;
        result
    }

    /// Returns the interval of renewals and of attempts to acquire the Lease.
    fn pause(&self) -> Duration {
        self.duration() / 5
    }

    fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds.unsigned_abs().into())
    }

    /// Returns for how long a renewal is valid here. Others wait half as long again, counted from when they
    /// saw the renewal.
    fn validity(&self) -> Duration {
        self.duration() * 2 / 3
    }

    /// Returns the acquired Lease, or `None` on a shutdown before that. An attempt is never cancelled: a
    /// write whose result is unknown would make all others wait.
    async fn acquire(&mut self, check: &Check, draining: &CancellationToken) -> Option<Lease> {
        let mut in_doubt = false;
        while !draining.is_cancelled() {
            let sent = Instant::now();
            match self.attempt().await {
                Ok(Some(held)) => {
                    self.term.until(sent + self.validity());
                    return Some(held);
                }
                // A standby is ready: it is able to take over.
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

    /// Tries once to acquire the Lease.
    async fn attempt(&mut self) -> Result<Option<Lease>, Error> {
        let Some(lease) = self.read().await? else {
            let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
            let spec = lease::taken(None, &self.me, self.seconds, Timestamp::now());
            let lease = Lease { metadata, spec: Some(spec) };
            return won(call("create", self.leases.create(&PostParams::default(), &lease)).await);
        };
        match self.observer.turn(&lease, Instant::now()) {
            // Acquired by an earlier write whose response was lost.
            _ if self.is_mine(&lease) => won(self.write("take", lease).await),
            Turn::Wait => Ok(None),
            Turn::Take => {
                let spec = lease::taken(lease.spec.as_ref(), &self.me, self.seconds, Timestamp::now());
                won(self.write("take", Lease { spec: Some(spec), ..lease }).await)
            }
        }
    }

    /// Renews the Lease until it is lost.
    async fn hold(&self, held: &mut Lease) -> Lost {
        loop {
            sleep(self.pause()).await;
            match timeout(self.term.left(), self.renew(held)).await {
                Ok(Ok(Some(sent))) => self.term.until(sent + self.validity()),
                Ok(Ok(None)) => return Lost::Taken,
                Ok(Err(error)) => {
                    warn!(error = error_chain(&error), "failed to renew the Lease; retrying");
                }
                Err(_) => return Lost::Expired,
            }
        }
    }

    /// Renews the Lease once. Returns when the successful renewal was sent, or `None` if the Lease is no
    /// longer ours.
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
                // Either an earlier renewal whose response was lost, or a write of another operator. In the
                // first case the Lease is renewed again, because others count from the earlier write.
                Err(error) if error.is(Status::is_conflict) => {
                    match self.read().await?.filter(|now| self.is_mine(now)) {
                        Some(ours) => *held = ours,
                        None => return Ok(None),
                    }
                }
                // Deleting the Lease ends the term: another one may have begun.
                Err(error) if error.is(|status| status.code == 404) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    async fn release(&self, mut held: Lease) {
        if let Some(spec) = &mut held.spec {
            lease::release(spec, Timestamp::now());
        }
        match self.write("release", held).await {
            Ok(_) => info!(lease = self.name, "released the Lease"),
            Err(error) => warn!(error = error_chain(&error), "failed to release the Lease; it will expire"),
        }
        self.term.end();
        self.status.set(0);
    }

    /// Replaces the version of the Lease that was read, and no other.
    async fn write(&self, action: &'static str, lease: Lease) -> Result<Lease, Error> {
        call(action, self.leases.replace(&self.name, &PostParams::default(), &lease)).await
    }
}
