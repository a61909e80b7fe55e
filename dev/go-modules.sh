# shellcheck shell=bash
# Building programs from Go modules, once per version. Source it after lib.sh.
# Programs for people and tests go to $CACHE/bin. Parts of images go to $CACHE/parts, which is not on any PATH.

bin=$CACHE/bin
parts=$CACHE/parts
work=$CACHE/work
kubernetes_minor=${KUBERNETES_VERSION#v1.}
kubernetes_flags="-s -w -X k8s.io/component-base/version.gitVersion=$KUBERNETES_VERSION"
kubernetes_flags+=" -X k8s.io/component-base/version.gitMajor=1"
kubernetes_flags+=" -X k8s.io/component-base/version.gitMinor=${kubernetes_minor%.*}"

# once FILE VERSION LABEL COMMAND...: runs the command unless FILE exists in that version.
once() {
  local file=$1 version=$2 label=$3
  shift 3
  if stamped "bin-${file##*/}" "$version" && [ -x "$file" ]; then return; fi
  step "$label" "$@"
  stamp "bin-${file##*/}" "$version"
}

# module_with_imports FOLDER PACKAGE...: creates a module that only imports the packages to build.
module_with_imports() {
  local folder=$1
  shift
  mkdir -p "$folder"
  cd "$folder" || exit
  rm -f go.mod go.sum
  go mod init wrapper
  { printf '//go:build tools\n\npackage wrapper\n\nimport (\n' && printf '\t_ "%s"\n' "$@" && echo ')'; } >imports.go
}

# k8s.io/kubernetes replaces its libraries with folders that its module does not contain. Use the published ones.
kubernetes_module() {
  local library source names=(kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl kubeadm)
  module_with_imports "$work/kubernetes" "${names[@]/#/k8s.io/kubernetes/cmd/}"
  source=$(go_module_folder k8s.io/kubernetes "$KUBERNETES_VERSION")
  sed -n 's#^\s*\(k8s.io/[a-z-]*\) => ./staging.*#\1#p' "$source/go.mod" | while read -r library; do
    go mod edit -replace "$library=$library@v0.$kubernetes_minor"
  done
  go mod edit -require "k8s.io/kubernetes@$KUBERNETES_VERSION"
  again go mod tidy
}

etcd_module() {
  module_with_imports "$work/etcd" go.etcd.io/etcd/server/v3
  again go get "go.etcd.io/etcd/server/v3@$ETCD_VERSION"
  again go mod tidy
}

# module NAME VERSION: writes the module NAME unless that was done for this version.
module() {
  if stamped "module-$1" "$2" && [ -f "$work/$1/go.sum" ]; then return; fi
  step "Go modules of $1 $2" "${1//-/_}_module"
  stamp "module-$1" "$2"
}

# in_module FOLDER FILE FLAGS PACKAGE
in_module() { cd "$work/$1" && go build -trimpath -ldflags "$3" -o "$2" "$4"; }
installed() { again env GOBIN="$(dirname "$1")" go install -trimpath -ldflags '-s -w' "$2"; }

kubernetes() {
  local folder=$1 name
  shift
  module kubernetes "$KUBERNETES_VERSION"
  for name; do
    once "$folder/$name" "$KUBERNETES_VERSION" "$name $KUBERNETES_VERSION" \
      in_module kubernetes "$folder/$name" "$kubernetes_flags" "k8s.io/kubernetes/cmd/$name"
  done
}

# from_module FOLDER PACKAGE VERSION: builds a program with `go install`.
from_module() {
  local name=${2##*/}
  once "$1/$name" "$3" "$name $3" installed "$1/$name" "$2@$3"
}

etcd() {
  module etcd "$ETCD_VERSION"
  once "$bin/etcd" "$ETCD_VERSION" "etcd $ETCD_VERSION" in_module etcd "$bin/etcd" '-s -w' go.etcd.io/etcd/server/v3
}

have go || die "Go is missing: install 1.21 or newer from https://go.dev/dl/"
mkdir -p "$parts/cni"
