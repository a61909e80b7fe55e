//! A Kubernetes API of one's own: kube-apiserver on etcd, with RBAC and the stock admission.
//!
//! Left out of the admission is `ServiceAccount`, which refuses pods until a controller that is not there has made
//! an account.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::{net::TcpStream, sync::OnceCell};

use crate::{
    binaries::Program,
    error::Error,
    or_panic, ports,
    process::{Process, run},
    room,
};

const START: Duration = Duration::from_mins(2);
const TRIES: usize = 5;
/// It opens a server on the loopback interface that lives as long as a test.
const TOKEN: &str = "eventpipeline-testkit-administrator";

/// A running API server. It ends, and its files go, when this is dropped.
#[derive(Debug)]
pub struct ApiServer {
    port: u16,
    _apiserver: Process,
    _etcd: Process,
    // After the processes: fields are dropped in order.
    folder: TempDir,
}

impl ApiServer {
    /// A server that answers, RBAC's own roles and the namespace `default` in place.
    ///
    /// # Panics
    /// When it does not start, with the end of its log.
    pub async fn start() -> Self {
        or_panic("kube-apiserver", Self::try_start().await)
    }

    /// One server for all tests of this binary: each takes a namespace of its own. It ends with the process.
    ///
    /// # Panics
    /// When it does not start, with the end of its log.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<ApiServer> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    async fn try_start() -> Result<Self, Error> {
        let mut tries = 1;
        loop {
            match Self::launch().await {
                Err(Error::Ended { log, .. }) if tries < TRIES && log.contains("already in use") => {
                    tries += 1;
                }
                result => return result,
            }
        }
    }

    async fn launch() -> Result<Self, Error> {
        let folder = room::folder("kubernetes")?;
        let [port, clients, peers] = ports::free_ports()?;
        let mut etcd = Process::start("etcd", folder.path(), &etcd(clients, peers)?)?;
        etcd.ready(START, async || TcpStream::connect(("127.0.0.1", clients)).await.is_ok()).await?;
        credentials(folder.path())?;
        let mut apiserver = Process::start("kube-apiserver", folder.path(), &kube_apiserver(port, clients)?)?;
        let kubeconfig = write_kubeconfig(folder.path(), port, TOKEN)?;
        let kubectl = Program::Kubectl.find()?;
        let ready = apiserver.ready(START, async || answers(kubectl.clone(), kubeconfig.clone()).await).await;
        // Who listened may have been somebody else, who was quicker to take the port: then etcd has ended, and says so.
        etcd.ready(START, async || true).await?;
        ready?;
        Ok(Self { port, _apiserver: apiserver, _etcd: etcd, folder })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// A kubeconfig of an administrator (`system:masters`).
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// Runs kubectl as the administrator; what it prints, or what it says when it fails.
    pub fn kubectl<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<String, String> {
        self.client(Program::Kubectl, arguments)
    }

    /// Waits until resource definitions are served, and found by kubectl and Helm: `["crd/NAME"]`, or `["crd", "--all"]`.
    /// Says what is wrong when they are not within a minute.
    pub fn established(&self, definitions: &[&str]) -> Result<(), String> {
        let wait = ["wait", "--for=condition=Established", "--timeout=60s"];
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            match self.kubectl([&wait[..], definitions].concat()) {
                Ok(_) => break,
                // kubectl gives up on one that has no conditions yet.
                Err(error) if error.contains("accessor error") && Instant::now() < deadline => {}
                Err(error) => return Err(error),
            }
        }
        // Discovery lists them a moment later.
        let names = self.kubectl(["get", "crd", "--output=jsonpath={.items[*].metadata.name}"])?;
        loop {
            let listed = self.kubectl(["api-resources", "--output=name"]);
            let is_listed = |name: &str| listed.iter().flat_map(|all| all.lines()).any(|line| line == name);
            if names.split_whitespace().all(is_listed) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(format!("not all of {names} are listed: {listed:?}"));
            }
        }
    }

    /// Runs Helm as the administrator, with nothing of this machine's own configuration.
    pub fn helm<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<String, String> {
        self.client(Program::Helm, arguments)
    }

    /// The same by Helm 3.
    pub fn helm3<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<String, String> {
        self.client(Program::Helm3, arguments)
    }

    fn client<'a>(
        &self,
        program: Program,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Result<String, String> {
        let folder = self.folder.path();
        let run = || {
            let mut command = Command::new(program.find()?);
            command.env("KUBECONFIG", self.kubeconfig()).args(arguments);
            for home in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
                command.env(home, folder.join("helm"));
            }
            run(&mut command)
        };
        run().map_err(|error| error.to_string())
    }
}

fn etcd(clients: u16, peers: u16) -> Result<Command, Error> {
    let mut command = Command::new(Program::Etcd.find()?);
    command
        .args(["--data-dir=etcd", "--unsafe-no-fsync", "--log-level=warn"])
        .arg(format!("--listen-client-urls=http://127.0.0.1:{clients}"))
        .arg(format!("--advertise-client-urls=http://127.0.0.1:{clients}"))
        .arg(format!("--listen-peer-urls=http://127.0.0.1:{peers}"));
    Ok(command)
}

fn kube_apiserver(port: u16, etcd: u16) -> Result<Command, Error> {
    let mut command = Command::new(Program::KubeApiserver.find()?);
    command
        .arg(format!("--etcd-servers=http://127.0.0.1:{etcd}"))
        .arg(format!("--secure-port={port}"))
        .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--cert-dir=certificates"])
        // A loopback address is refused as an endpoint of the Service `kubernetes`, which nobody here needs.
        .arg("--endpoint-reconciler-type=none")
        .args(["--service-cluster-ip-range=10.96.0.0/16", "--allow-privileged", "--authorization-mode=RBAC"])
        .args(["--disable-admission-plugins=ServiceAccount", "--token-auth-file=tokens.csv"])
        .arg("--service-account-issuer=https://kubernetes.default.svc")
        .args(["--service-account-key-file=accounts.key", "--service-account-signing-key-file=accounts.key"]);
    Ok(command)
}

/// What the server reads at its start: the administrator's token, and the key that signs those of service accounts.
fn credentials(folder: &Path) -> Result<(), Error> {
    let tokens = format!("{TOKEN},administrator,administrator,\"system:masters\"\n");
    fs::write(folder.join("tokens.csv"), tokens).map_err(Error::io("write the tokens"))?;
    let mut openssl = Command::new(Program::Openssl.find()?);
    openssl.args(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"]);
    run(openssl.arg(folder.join("accounts.key"))).map(drop)
}

fn write_kubeconfig(folder: &Path, port: u16, token: &str) -> Result<PathBuf, Error> {
    let path = folder.join("kubeconfig");
    // The server makes its certificate, and the authority's that signed it, in this file when it starts.
    let authority = folder.join("certificates/apiserver.crt");
    let text = format!(
        "apiVersion: v1\n\
         kind: Config\n\
         current-context: testkit\n\
         clusters:\n\
         - {{name: testkit, cluster: {{server: \"https://127.0.0.1:{port}\", certificate-authority: \"{}\"}}}}\n\
         users:\n\
         - {{name: testkit, user: {{token: {token}}}}}\n\
         contexts:\n\
         - {{name: testkit, context: {{cluster: testkit, user: testkit}}}}\n",
        authority.display()
    );
    fs::write(&path, text).map_err(Error::io(format!("write {}", path.display())))?;
    Ok(path)
}

async fn answers(kubectl: PathBuf, kubeconfig: PathBuf) -> bool {
    let ask = move |arguments: &[&str]| {
        run(Command::new(&kubectl).env("KUBECONFIG", &kubeconfig).arg("--request-timeout=5s").args(arguments))
    };
    let both =
        move || ask(&["get", "--raw", "/readyz"]).is_ok() && ask(&["get", "namespace", "default"]).is_ok();
    tokio::task::spawn_blocking(both).await.unwrap_or(false)
}
