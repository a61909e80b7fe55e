# shellcheck shell=bash
# One command at the same time as the following ones. Source it after lib.sh.

# in_background COMMAND...: starts the command. Its output is kept for await_background.
in_background() {
  background_output=$(mktemp "$CACHE/work/background.XXXXXX")
  # A process group of its own, so that end_background reaches everything that the command starts.
  set -m
  "$@" >"$background_output" 2>&1 </dev/null &
  background_job=$!
  set +m
}

# Shows the output of the command, also as it comes, until the command ends. Fails if the command did.
await_background() {
  local job=${background_job:-} status=0
  [ -n "$job" ] || return 0
  tail -n +1 -s 0.1 -f --pid="$job" "$background_output" >&2
  wait "$job" || status=$?
  background_job='' && rm -f "$background_output"
  return $status
}

# Returns whether the command still runs.
background_runs() { [ -n "${background_job:-}" ] && kill -0 "$background_job" 2>/dev/null; }

# Ends the command, unless it was awaited, and shows its output.
end_background() {
  [ -n "${background_job:-}" ] || return 0
  kill -TERM -- "-$background_job" 2>/dev/null || true
  cat "$background_output" >&2
  rm -f "$background_output"
}
