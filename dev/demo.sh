#!/usr/bin/env bash
# demo.sh URL: sends requests to the pipeline through the ingress and prints each command with its response.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

url=${1:?usage: demo.sh http://ADDRESS}
requests=20

# The ingress controller programs the route shortly after the pipeline is ready.
wait_for_route() {
  local deadline=$((SECONDS + 180))
  until curl -fsS --max-time 5 "$url/" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || die "no response from $url/ after 180 s: $(curl -sS --max-time 5 -i "$url/" 2>&1)"
    sleep 0.5
  done
}

# show CURL_ARGUMENT...: prints the command and its output.
show() {
  say "" "\$ curl $*"
  answer=$(curl -sS --fail-with-body --max-time 60 "$@") || die "that failed: $answer"
  say "$answer"
}

# An event that was created asynchronously has its value a moment later.
wait_for_value() {
  local deadline=$((SECONDS + 120))
  while [ "$(curl -fsS --max-time 5 "$1")" = '{"valor":""}' ]; do
    [ $SECONDS -lt $deadline ] || die "$1 has no value after 120 s: are the consumers running?"
    sleep 0.1
  done
}

# All requests use one connection, so that the proxy balances requests rather than connections.
served_by() {
  curl -fsS --max-time 30 -o /dev/null -D - "$url/?request=[1-$requests]" | tr -d '\r' |
    sed -n 's/^x-served-by: //Ip' | sort | uniq -c
}

fair() { [ "$(awk '{ print $1 }' <<<"$1")" = "$(printf '%s\n' $((requests / 2)) $((requests / 2)))" ]; }

# Right after a rollout the proxy may still use a terminated pod.
round_robin() {
  local deadline=$((SECONDS + 120)) turns
  until turns=$(served_by) && fair "$turns"; do
    [ $SECONDS -lt $deadline ] || die "$requests requests were not split evenly over two producers:"$'\n'"$turns"
    sleep 1
  done
  say "" "$requests requests over one connection were served by:" "$turns"
}

wait_for_route
show -X POST "$url/create-sync"
show "$url/"
show -i -X POST "$url/create-async"
event=$url/$(sed -n 's/.*"id": *\([0-9]*\).*/\1/p' <<<"$answer")
wait_for_value "$event"
show "$event"
round_robin
