# shellcheck shell=bash
# Signatures by the releaser's key. No service outside takes part: neither a transparency log nor a time stamp.
# COSIGN_KEY is a file or whatever else cosign accepts (env://NAME, a key management service). Sourced after lib.sh.

# Fails before the build if the key can't be used.
check_signing() {
  [ -n "${COSIGN_KEY:-}" ] || return 0
  need_cosign
  if [ -n "${COSIGN_PASSWORD_FILE:-}" ]; then COSIGN_PASSWORD=$(cat "$COSIGN_PASSWORD_FILE"); fi
  [ -n "${COSIGN_PASSWORD+set}" ] ||
    die "COSIGN_PASSWORD_FILE is missing: name a file with the password of COSIGN_KEY, or set COSIGN_PASSWORD in the environment"
  export COSIGN_KEY COSIGN_PASSWORD
  signing_config=$CACHE/work/cosign-signing.json
  cosign public-key --key "$COSIGN_KEY" >/dev/null || die "COSIGN_KEY: cosign can't use this key with this password"
  cosign signing-config create --out "$signing_config"
}

need_cosign() { have cosign || DEBIAN_SUITE=sid "$DEV/debian-programs.sh" cosign usr/bin/cosign; }

# cosign_with_key COMMAND ARGUMENT...
cosign_with_key() { cosign "$1" --key "$COSIGN_KEY" --signing-config "$signing_config" --yes "${@:2}"; }

# sign_checksums FOLDER: the list of checksums covers every other file.
sign_checksums() {
  if [ -z "${COSIGN_KEY:-}" ]; then
    warn "COSIGN_KEY is not set: this release is not signed"
    return
  fi
  step "signature of the checksums" cosign_with_key sign-blob --bundle "$1/SHA256SUMS.sigstore.json" "$1/SHA256SUMS"
  cosign public-key --key "$COSIGN_KEY" >"$1/cosign.pub"
}
