#!/usr/bin/env bash
# Starts and stops a separate Docker daemon, for machines where none runs (a container, a server without systemd).
# Its socket and data are in the cache. `stop` also removes bridges and packet filter rules, and restores kernel settings.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

home=$CACHE/docker
# Kernel settings that dockerd and the kubelet change for the whole machine.
settings=(net.ipv4.ip_forward vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops)

# ours PIDFILE: returns whether the process in the file runs and uses this folder. Process ids are reused.
ours() { [ -f "$1" ] && grep -q "$home" "/proc/$(cat "$1")/cmdline" 2>/dev/null; }
running() { ours "$home/pid"; }

# end PIDFILE SIGNAL: waits until the process has ended. `kill -0` would succeed for a zombie.
end() {
  kill "-$2" "$(cat "$1")"
  for _ in $(seq 1200); do
    ours "$1" || return 0
    sleep 0.1
  done
  die "process $(cat "$1") does not end"
}

# Kills the containerd of a daemon that was killed, which would block the next daemon.
end_orphan() {
  local pidfile=$home/exec/containerd/containerd.pid
  if ours "$pidfile"; then end "$pidfile" KILL; fi
  rm -f "$pidfile" "$home/pid"
}

# For privileged containers, such as kind's node, Docker requests every capability. runc refuses if this machine lacks one.
runtime_arguments() {
  has_capability_sys_resource && return
  install -m 0755 "$DEV/runc-bounded" "$home/runc-bounded"
  printf '%s\n' --add-runtime "bounded=$home/runc-bounded" --default-runtime bounded
}

# Skipped if a daemon died without being stopped: the current settings are then not the machine's.
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
  # Descriptor 9 is a lock of this script, which the daemon must not inherit.
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
  # Docker removes the bridge and rules of a network only when the network is removed.
  networks=$(docker network ls -q --filter type=custom)
  # shellcheck disable=SC2086  # one word an id
  [ -z "$networks" ] || docker network rm $networks || true
  end "$home/pid" TERM
}

# Another daemon may need the rules and settings. (Ours may still be a zombie.)
another_daemon() { pgrep -x -r D,R,S dockerd >/dev/null; }

# Removes only rules that name a chain or the bridge of Docker.
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
    [ "$(id -u)" -eq 0 ] || die "Docker does not answer, and starting it needs root: start Docker, or run this as root"
    [ "${#home}" -le 70 ] || die "the cache's path is too long for Docker's sockets: set EVENTPIPELINE_CACHE to a shorter one"
    step "dockerd (data in $home)" start_daemon
    ;;
  stop)
    running || exit 0
    step "end of dockerd" stop
    ;;
  *) die "usage: dockerd.sh start|stop" ;;
esac
