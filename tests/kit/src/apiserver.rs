//! A dedicated Kubernetes API: kube-apiserver on etcd, with RBAC and the default admission plugins.
//!
//! The admission plugin `ServiceAccount` is off: it rejects pods until a controller has created an account, and no
//! controller runs here.

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
    folders, or_panic, ports,
    process::{Process, run},
};

const START: Duration = Duration::from_mins(5);
const TRIES: usize = 5;
/// It opens a server on the loopback interface that lives as long as a test.
const TOKEN: &str = "eventpipeline-testkit-administrator";

/// A running API server. Dropping it ends the server and removes its files.
#[derive(Debug)]
pub struct ApiServer {
    port: u16,
    _apiserver: Process,
    _etcd: Process,
    // Fields are dropped in order: the folder must follow the processes.
    folder: TempDir,
}

impl ApiServer {
    /// Starts a server and waits until it answers and has the default roles and the namespace `default`.
    ///
    /// # Panics
    /// If it does not start, with the end of its log.
    pub async fn start() -> Self {
        or_panic("kube-apiserver", Self::try_start().await)
    }

    /// Returns one server for all tests of this binary. Each test uses its own namespace. The server ends with the process.
    ///
    /// # Panics
    /// If it does not start, with the end of its log.
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
        let folder = folders::folder("kubernetes")?;
        let [port, clients, peers] = ports::free_ports()?;
        let mut etcd = Process::start("etcd", folder.path(), &etcd(clients, peers)?)?;
        etcd.ready(START, async || TcpStream::connect(("127.0.0.1", clients)).await.is_ok()).await?;
        credentials(folder.path())?;
        let mut apiserver = Process::start("kube-apiserver", folder.path(), &kube_apiserver(port, clients)?)?;
        let kubeconfig = write_kubeconfig(folder.path(), port, TOKEN)?;
        let kubectl = Program::Kubectl.find()?;
        let ready = apiserver.ready(START, async || answers(kubectl.clone(), kubeconfig.clone()).await).await;
        // Another process may have taken the port first. Then etcd has ended with an error.
        etcd.ready(START, async || true).await?;
        ready?;
        Ok(Self { port, _apiserver: apiserver, _etcd: etcd, folder })
    }

    /// Returns the server's URL.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// Returns the kubeconfig of an administrator (`system:masters`).
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// Runs kubectl as the administrator and returns its output, or its error output if it fails.
    pub fn kubectl<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<String, String> {
        self.client(Program::Kubectl, arguments)
    }

    /// Waits until CRDs are served and discoverable by kubectl and Helm: `["crd/NAME"]`, or `["crd", "--all"]`.
    /// Returns the error after a minute.
    pub fn established(&self, definitions: &[&str]) -> Result<(), String> {
        let wait = ["wait", "--for=condition=Established", "--timeout=60s"];
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            match self.kubectl([&wait[..], definitions].concat()) {
                Ok(_) => break,
                // kubectl fails for a CRD that has no conditions yet.
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

    /// Runs Helm as the administrator, without this machine's configuration.
    pub fn helm<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<String, String> {
        self.client(Program::Helm, arguments)
    }

    /// Runs Helm 3 as [`Self::helm`] runs Helm 4.
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
        // The Service `kubernetes`, which is not used here, rejects a loopback address as its endpoint.
        .arg("--endpoint-reconciler-type=none")
        .args(["--service-cluster-ip-range=10.96.0.0/16", "--allow-privileged", "--authorization-mode=RBAC"])
        .args(["--disable-admission-plugins=ServiceAccount", "--token-auth-file=tokens.csv"])
        .arg("--service-account-issuer=https://kubernetes.default.svc")
        .args(["--service-account-key-file=accounts.key", "--service-account-signing-key-file=accounts.key"]);
    Ok(command)
}

/// Writes the files that the server reads at its start: the administrator's token, and the key that signs service account
/// tokens.
fn credentials(folder: &Path) -> Result<(), Error> {
    let tokens = format!("{TOKEN},administrator,administrator,\"system:masters\"\n");
    fs::write(folder.join("tokens.csv"), tokens).map_err(Error::io("write the tokens"))?;
    let mut openssl = Command::new(Program::Openssl.find()?);
    openssl.args(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"]);
    run(openssl.arg(folder.join("accounts.key"))).map(drop)
}

fn write_kubeconfig(folder: &Path, port: u16, token: &str) -> Result<PathBuf, Error> {
    let path = folder.join("kubeconfig");
    // At its start the server writes its certificate and the CA certificate to this file.
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
