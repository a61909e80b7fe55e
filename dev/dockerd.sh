#!/usr/bin/env bash
# A Docker daemon of our own, for machines where none runs (no systemd, a container, a bare server): start|stop.
# Its socket and data lie in the cache. `stop` also takes away what dockerd leaves behind: bridges, packet filter
# rules and kernel settings.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

home=$CACHE/docker
# What dockerd and the kubelet change for the whole machine.
settings=(net.ipv4.ip_forward vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops)

# ours PIDFILE: does the process that the file names run, and for this folder? A number may have gone to another one.
ours() { [ -f "$1" ] && grep -q "$home" "/proc/$(cat "$1")/cmdline" 2>/dev/null; }
running() { ours "$home/pid"; }

# end PIDFILE SIGNAL: and waits until the process is gone, or a zombie, which `kill -0` would take for a living one.
end() {
  kill "-$2" "$(cat "$1")"
  for _ in $(seq 1200); do
    ours "$1" || return 0
    sleep 0.1
  done
  die "process $(cat "$1") does not end"
}

# What a daemon that was killed has left: its containerd would keep the next one waiting.
end_orphan() {
  local pidfile=$home/exec/containerd/containerd.pid
  if ours "$pidfile"; then end "$pidfile" KILL; fi
  rm -f "$pidfile" "$home/pid"
}

# Docker asks runc for every capability when a container is privileged, as kind's node is; runc refuses where one of
# them was taken away from this machine for good.
runtime_arguments() {
  has_capability_sys_resource && return
  install -m 0755 "$DEV/runc-bounded" "$home/runc-bounded"
  printf '%s\n' --add-runtime "bounded=$home/runc-bounded" --default-runtime bounded
}

# Not again when a daemon has died before it could be stopped: its settings are not those of the machine.
remember_settings() {
  local name
  [ ! -f "$home/settings" ] || return 0
  for name in "${settings[@]}"; do printf '%s=%s\n' "$name" "$(sysctl -n "$name")"; done >"$home/settings"
  iptables -S FORWARD 2>/dev/null | head -n 1 >"$home/forward"
}

start_daemon() {
  local arguments
  mkdir -p "$home"
  remember_settings
  end_orphan
  mapfile -t arguments < <(runtime_arguments)
  # Descriptor 9 is a lock of this script, not of the daemon.
  setsid nohup dockerd --data-root "$home/data" --exec-root "$home/exec" -H "unix://$home/docker.sock" -p "$home/pid" \
    "${arguments[@]}" >"$home/log" 2>&1 </dev/null 9>&- &
  for _ in $(seq 600); do
    docker -H "unix://$home/docker.sock" info >/dev/null 2>&1 && return
    sleep 0.2
  done
  tail -n 20 "$home/log"
  die "dockerd did not start; see $home/log"
}

stop_daemon() {
  local networks
  export DOCKER_HOST=unix://$home/docker.sock
  # Docker takes away the bridge and the rules of a network that is removed, but not those of one that stays.
  networks=$(docker network ls -q --filter type=custom)
  # shellcheck disable=SC2086  # one word an id
  [ -z "$networks" ] || docker network rm $networks || true
  end "$home/pid" TERM
}

# The rules and settings may serve a daemon that is not ours. (Ours may still be there as a zombie.)
another_daemon() { pgrep -x -r D,R,S dockerd >/dev/null; }

# Only what names a chain or the bridge of Docker goes; other rules stay as they are.
forget_rules() {
  local family
  for family in iptables ip6tables; do
    "$family-save" 2>/dev/null | grep -vE 'DOCKER|docker0' | "$family-restore" || true
  done
  if grep -q ACCEPT "$home/forward"; then iptables -P FORWARD ACCEPT; fi
  ip link delete docker0 2>/dev/null || true
}

restore_settings() {
  local setting
  while read -r setting; do sysctl -q -w "$setting"; done <"$home/settings"
}

unmount_all() {
  awk -v home="$home/" 'index($2, home) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r -n 1 umount -l
}

stop() {
  stop_daemon
  unmount_all
  if ! another_daemon; then
    forget_rules
    restore_settings
  fi
  rm -f "$home/settings"
}

case ${1:-} in
  start)
    running && exit 0
    [ "$(id -u)" -eq 0 ] || die "no Docker answers here, and starting one needs root: start Docker or run this as root"
    [ "${#home}" -le 70 ] || die "the cache's path is too long for Docker's sockets: set EVENTPIPELINE_CACHE to a shorter one"
    step "dockerd (data in $home)" start_daemon
    ;;
  stop)
    running || exit 0
    step "end of dockerd" stop
    ;;
  *) die "usage: dockerd.sh start|stop" ;;
esac
