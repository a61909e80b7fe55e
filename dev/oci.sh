# shellcheck shell=bash
# Writes OCI images and artifacts as files, equal for equal input. Sourced after lib.sh.
# An image is a few files that name each other by digest: layers, a configuration, a manifest, and an index of them.

digest() { sha256sum "$1" | cut -d ' ' -f 1; }

# timestamp EPOCH: prints the time in RFC 3339.
timestamp() { date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ; }

# reproducible_tar EPOCH FOLDER NAME...: writes a tar archive that depends on nothing but names, contents and who may execute.
reproducible_tar() {
  tar --sort=name --format=gnu --mtime="@$1" --owner=0 --group=0 --numeric-owner --mode='u=rwX,go=rX' -C "$2" -c "${@:3}"
}

# image_configuration ARCHITECTURE EPOCH LAYER_TAR: prints the configuration of an image of one layer; IMAGE_LABELS is a JSON map.
# It names no program to run: a pod does. A pod may choose another user, too.
image_configuration() {
  jq -cnS --arg architecture "$1" --arg created "$(timestamp "$2")" --arg layer "sha256:$(digest "$3")" \
    --argjson labels "${IMAGE_LABELS:-"{}"}" '{
      $architecture, os: "linux", $created,
      config: {User: "65532:65532", Labels: $labels},
      rootfs: {type: "layers", diff_ids: [$layer]},
      history: [{$created, created_by: "EventPipeline"}]
    }'
}

# new_layout FOLDER: creates an empty OCI image layout.
new_layout() {
  mkdir -p "$1/blobs/sha256"
  printf '{"imageLayoutVersion":"1.0.0"}' >"$1/oci-layout"
  printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}' >"$1/index.json"
}

# add_blob LAYOUT MEDIA_TYPE: stores standard input and prints its descriptor.
add_blob() {
  local new=$1/blobs/sha256/new hash
  cat >"$new"
  hash=$(digest "$new")
  jq -cnS --arg mediaType "$2" --arg digest "sha256:$hash" --argjson size "$(stat -c %s "$new")" '{$mediaType, $digest, $size}'
  mv "$new" "$1/blobs/sha256/$hash"
}

# add_manifest LAYOUT CONFIGURATION LAYER ANNOTATIONS: stores a manifest and prints its descriptor. All are JSON.
add_manifest() {
  jq -cnS --argjson config "$2" --argjson layer "$3" --argjson annotations "$4" '{
    schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", $config, layers: [$layer], $annotations
  }' | add_blob "$1" application/vnd.oci.image.manifest.v1+json
}

# add_image LAYOUT ARCHITECTURE EPOCH LAYER_TAR ANNOTATIONS: stores an image and prints its descriptor, with its platform.
add_image() {
  local layout=$1 configuration layer
  configuration=$(image_configuration "$2" "$3" "$4" | add_blob "$layout" application/vnd.oci.image.config.v1+json)
  layer=$(gzip -n -6 <"$4" | add_blob "$layout" application/vnd.oci.image.layer.v1.tar+gzip)
  add_manifest "$layout" "$configuration" "$layer" "$5" |
    jq -cS --arg architecture "$2" '. + {platform: {$architecture, os: "linux"}}'
}

# add_index LAYOUT ANNOTATIONS: stores an index of the descriptors on standard input and prints its descriptor.
add_index() {
  jq -csS --argjson annotations "$2" '{
    schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: ., $annotations
  }' | add_blob "$1" application/vnd.oci.image.index.v1+json
}

# name_in_layout LAYOUT NAME: lists the descriptor on standard input in the layout's index, under this full name.
# containerd reads the first annotation, and other programs read the second.
name_in_layout() {
  local new=$1/index.new
  jq -cS --arg name "$2" --slurpfile index "$1/index.json" '
    (. + {annotations: {"io.containerd.image.name": $name, "org.opencontainers.image.ref.name": $name}}) as $named
    | $index[0] | .manifests += [$named]' >"$new"
  mv "$new" "$1/index.json"
}
